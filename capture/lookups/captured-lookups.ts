import { FirstImages } from '@tidemark/kcop/enrichment/first-images.ts'
import type { LookupTables } from '@tidemark/kcop/enrichment/lookup-table.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import type { Extensions } from '@tidemark/schemas/commit-stream.ts'
import { lsnToBytes, parseLsn, type PositionBytes } from '@tidemark/schemas/position.ts'
import type { LookupSource } from '../agent.ts'
import type { StreamState } from '../ownership/stream-state.ts'
import type { SourceClock } from '../postgres/copy-stream.ts'
import type { TableName } from '../postgres/identifier.ts'
import { SqlSession } from '../postgres/sql-session.ts'
import { alteredSince, claimedDefinitions, requireClaimed } from './claimed-definitions.ts'
import { readLogSpan } from './log-span.ts'
import { readDefinition, readPresentRows, type LookupPlace, type PresentRows } from './present-rows.ts'
import { settledWriters } from './settled-writers.ts'
import type { LookupTableName, TableDefinition } from './table-definition.ts'

export interface CapturedLookup extends LookupTableName {
  /** Digest of a definition that an operator has named; null: none. */
  readonly definition: string | null
}

export interface LoadedLookup {
  name: string
  table: string
  rows: number
  bytes: number
}

export interface CapturedLookupsOptions extends LookupPlace {
  publication: string
  lookups: readonly CapturedLookup[]
  /** Every table the publication must send. */
  published: readonly TableName[]
  clock: SourceClock
  onLoaded?: (loaded: readonly LoadedLookup[], tookMs: number) => void
}

/**
 * What lookups read of captured tables: at the begin of an ownership the rows as they were at its position, told from one
 * look at the table and the log between (docs/decisions/0038); from then on the producer changes them by what it processes.
 */
export class CapturedLookups implements LookupSource {
  private readonly options: CapturedLookupsOptions
  private readonly sql: SqlSession
  private definitions = new Map<string, TableDefinition>()
  private loaded: LookupTables = new Map()

  constructor(options: CapturedLookupsOptions) {
    this.options = options
    this.sql = new SqlSession(options.session)
  }

  /** As last loaded. */
  get tables(): LookupTables {
    return this.loaded
  }

  async claim({ claimed }: Pick<StreamState, 'claimed'>): Promise<Extensions> {
    const definitions = await this.readDefinitions(null)
    for (const lookup of this.options.lookups) requireClaimed(lookup, definitions.get(lookup.name)!, claimed)
    this.definitions = definitions
    return claimedDefinitions(definitions.values())
  }

  load(position: PositionBytes, signal: AbortSignal): Promise<void> {
    return this.loadFrom(this.options.slot, position, signal)
  }

  /** The same with a slot of one's own, at which nothing was claimed. */
  async loadFrom(slot: string, position: PositionBytes, signal: AbortSignal): Promise<void> {
    const { lookups, published, clock, session, publication } = this.options
    const sinceMs = clock.steadyMs()
    // Nobody looks up between ownerships: the rows of the last must not take memory beside those that are read.
    this.loaded = new Map()
    await settledWriters(
      this.sql,
      clock,
      lookups.map(({ tableName }) => tableName),
      signal
    )
    const present = await this.readAll(null, signal)
    for (const lookup of lookups) this.requireSame(lookup, present.get(lookup.name)!.definition)
    const to = await this.endOfLog()
    const images = lookups.map(lookup => new FirstImages(lookup, present.get(lookup.name)!.rows.tableId))
    const span = { session, clock, slot, publication, tables: published, from: position, to, signal }
    if (Buffer.compare(position, to) < 0) await readLogSpan(span, images)
    images.forEach((image, index) => image.takeBack(present.get(lookups[index]!.name)!.rows))
    this.take(present, clock.steadyMs() - sinceMs)
  }

  /** Nobody alters a table unseen: under the lock, a definition that was written to the log before is visible. */
  async verify(): Promise<void> {
    for (const lookup of this.options.lookups) this.requireSame(lookup, await this.definition(lookup, null))
  }

  /** For a first copy: rows and definitions are those of the new slot's snapshot, and nothing is read behind it. */
  ofSnapshot(snapshot: string): LookupSource & { claim(): Promise<Extensions> } {
    return {
      claim: async () => {
        this.definitions = await this.readDefinitions(snapshot)
        return claimedDefinitions(this.definitions.values())
      },
      load: async (_position, signal) => this.take(await this.readAll(snapshot, signal), 0),
      verify: () => Promise.resolve()
    }
  }

  /** The rows of now, for a preview of present rows; `tables`: definitions by `schema.table`, in a publication or not yet. */
  async present(tables: ReadonlyMap<string, { table: Table }>): Promise<void> {
    const present = new Map<string, PresentRows>()
    const { session, slot, lookups } = this.options
    for (const lookup of lookups) {
      const known = tables.get(lookup.table)
      if (known === undefined) continue
      const place = { session, slot, publication: null, table: known.table }
      const read = await this.sql.do(`reading ${lookup.table}`, client => readPresentRows(client, lookup, place))
      present.set(lookup.name, read)
    }
    this.take(present, 0)
    this.definitions.clear()
  }

  close(): Promise<void> {
    return this.sql.close()
  }

  private take(present: ReadonlyMap<string, PresentRows>, tookMs: number): void {
    this.loaded = new Map([...present].map(([name, { rows }]) => [name, rows]))
    this.definitions = new Map([...present].map(([name, { definition }]) => [name, definition]))
    const told = [...present].map(([name, { rows }]) => ({
      name,
      table: rows.rule.table,
      rows: rows.size,
      bytes: rows.bytes
    }))
    this.options.onLoaded?.(told, Math.round(tookMs))
  }

  private async readAll(snapshot: string | null, signal: AbortSignal): Promise<Map<string, PresentRows>> {
    const present = new Map<string, PresentRows>()
    for (const lookup of this.options.lookups) {
      signal.throwIfAborted()
      const read = await this.sql.do(`reading ${lookup.table}`, client =>
        readPresentRows(client, lookup, this.options, snapshot)
      )
      present.set(lookup.name, read)
    }
    return present
  }

  private async readDefinitions(snapshot: string | null): Promise<Map<string, TableDefinition>> {
    const definitions = new Map<string, TableDefinition>()
    for (const lookup of this.options.lookups) definitions.set(lookup.name, await this.definition(lookup, snapshot))
    return definitions
  }

  private definition(lookup: CapturedLookup, snapshot: string | null): Promise<TableDefinition> {
    return this.sql.do(`looking at ${lookup.table}`, client => readDefinition(client, lookup, this.options, snapshot))
  }

  private requireSame(lookup: CapturedLookup, now: TableDefinition): void {
    const claimed = this.definitions.get(lookup.name)
    if (claimed === undefined) return
    const altered = [...now.digests].find(([name, digest]) => claimed.digests.get(name) !== digest)
    if (altered !== undefined) throw alteredSince(lookup, now, altered[0])
  }

  /**
   * Where the log ends now, which the server will soon have flushed: a transaction of ours that writes nothing has its commit
   * record behind it, and flushing that is on the server's own account (XLogSetAsyncXactLSN).
   */
  private endOfLog(): Promise<PositionBytes> {
    return this.sql.do('asking where the log ends', async client => {
      const { rows } = await client.query<{ lsn: string }>('SELECT pg_current_wal_insert_lsn()::text AS lsn')
      await client.query('SELECT txid_current()')
      return lsnToBytes(parseLsn(rows[0]!.lsn))
    })
  }
}
