import type pg from 'pg'
import { lsnToBytes, type Lsn, type PositionBytes } from '@tidemark/schemas/position.ts'
import type { TransactionContext } from '@tidemark/schemas/operation.ts'
import { Row } from '@tidemark/schemas/row.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { Tuple } from '@tidemark/schemas/tuple.ts'
import type { TransactionReceiver } from '../source.ts'
import { CopyStream, type SourceClock } from './copy-stream.ts'
import { decodeCopyRow } from './copy-text.ts'
import type { FrameHandler } from './frame-reader.ts'
import { quoteIdentifier, quoteTable } from './identifier.ts'
import { publishedRelations, type PublishedRelation } from './published-relation.ts'
import { loadPublication } from './relation-catalogue.ts'
import { RowOperation } from './row-operation.ts'
import { serverError, type Meaning } from './server-error.ts'
import { connectBulk, connectSession, contextOf, type SessionOptions } from './session.ts'
import { tableFingerprints } from './table-fingerprint.ts'

export interface SnapshotCopyOptions extends SessionOptions {
  clock: SourceClock
  publication: string
  /** Of the slot just created; its session must stay open until `open` has resolved. */
  snapshot: string
  /** The slot's consistent point: the position of every chunk. */
  position: Lsn
  /** Which of the published tables, by `schema.name`; each must be published. Default all. */
  only?: ReadonlySet<string>
  /** A chunk ends at whichever comes first. Defaults 1,000 rows, 1 MiB. */
  chunkRowsMax?: number
  chunkBytesMax?: number
}

interface Opened {
  copied: readonly CopiedTable[]
  startedMicros: number
  role: string
}

interface CopiedTable {
  table: Table
  relation: PublishedRelation
}

/**
 * Present rows of the published tables, as an exported snapshot shows them, in the text form the log has: inserts in
 * transactions of kind `refresh`, each a chunk of one table. The source is read no faster than the receiver takes it;
 * while the copy lasts the server cannot clean up rows deleted since the snapshot.
 */
export class SnapshotCopy {
  /** What will be copied, in order. */
  readonly tables: readonly Table[]
  private readonly options: SnapshotCopyOptions
  private readonly copied: readonly CopiedTable[]
  private readonly stream: CopyStream
  private readonly tuple = new Tuple()
  private readonly startedMicros: number
  private readonly role: string
  private readonly position: PositionBytes
  private readonly operation: RowOperation
  private receiver: TransactionReceiver | null = null
  private current: { table: Table; row: Row } | null = null
  private chunk = 0
  private rows = 0
  private bytes = 0
  private closed = false

  private constructor(
    options: SnapshotCopyOptions,
    opened: Opened,
    start: (onCopyData: FrameHandler['copyData']) => CopyStream
  ) {
    this.options = options
    this.copied = opened.copied
    this.tables = opened.copied.map(({ table }) => table)
    this.startedMicros = opened.startedMicros
    this.role = opened.role
    this.position = lsnToBytes(options.position)
    this.operation = new RowOperation(this.context(''))
    this.stream = start((buffer, from, to) => this.takeRow(buffer, from, to))
  }

  /**
   * Takes the snapshot and a lock against changes of the tables' definitions. Throws POSTGRES_UNREACHABLE,
   * POSTGRES_PERMISSION, and REFRESH_INCOMPLETE when the snapshot is gone or does not show a table as it is.
   */
  static async open(options: SnapshotCopyOptions): Promise<SnapshotCopy> {
    const session = await connectBulk(options, 'sql')
    const { client } = session
    try {
      const startedMicros = await takeSnapshot(options, client)
      const catalogue = await loadPublication(client, options.publication)
      const relations = await publishedRelations(client, options.publication)
      const copied = relations
        .map(relation => ({ relation, table: catalogue.table(relation.message, 1, new Map()) }))
        .filter(({ table }) => options.only === undefined || options.only.has(table.qualifiedName))
      requireAll(copied, options.only)
      for (const { relation } of copied) await lockTable(options, client, relation)
      await requireUnchanged(options, client, copied)
      return new SnapshotCopy(
        options,
        { copied, startedMicros, role: client.user ?? '<role>' },
        onCopyData => new CopyStream({ session, clock: options.clock, onCopyData, pacing: null })
      )
    } catch (error) {
      await client.end().catch(() => {})
      throw serverError(error, contextOf(options.url, 'opening the snapshot'), snapshotMeanings)
    }
  }

  /** Copies all tables; rejects with what the server or the connection says, and when closed before the end. */
  async run(receiver: TransactionReceiver): Promise<void> {
    this.receiver = receiver
    for (const { table, relation } of this.copied) await this.copyTable(table, relation)
  }

  pause(): void {
    this.stream.hold('receiver')
  }

  resume(): void {
    this.stream.release('receiver')
  }

  /** Gives up the snapshot; `run` rejects if it has not ended. */
  async close(): Promise<void> {
    this.closed = true
    await this.stream.close([], farewellMs)
  }

  private async copyTable(table: Table, relation: PublishedRelation): Promise<void> {
    this.current = { table, row: new Row(table, this.tuple) }
    this.chunk = 0
    this.receiver!.schema(table)
    try {
      await this.stream.start(`COPY (${relation.select}) TO STDOUT`)
      this.stream.release('start')
      await this.stream.ended
    } catch (error) {
      if (this.closed) throw stopped()
      const doing = `copying ${table.qualifiedName}`
      throw serverError(error, contextOf(this.options.url, doing), readMeanings(relation, this.role))
    }
    if (this.closed) throw stopped()
    this.endChunk()
  }

  private takeRow(buffer: Buffer, start: number, end: number): void {
    const { table, row } = this.current!
    decodeCopyRow(buffer, start, end, table.columns.length, this.tuple)
    if (this.rows === 0) this.beginChunk(table)
    this.operation.setRow('insert', this.rows, table, null, false, row)
    this.rows++
    this.bytes += end - start
    this.receiver!.operation(this.operation)
    const { chunkRowsMax = 1_000, chunkBytesMax = 1_048_576 } = this.options
    if (this.rows >= chunkRowsMax || this.bytes >= chunkBytesMax) this.endChunk()
  }

  private beginChunk(table: Table): void {
    this.operation.transaction = this.context(`refresh:${table.qualifiedName}:${this.chunk++}`)
    this.receiver!.begin(this.operation.transaction)
  }

  private endChunk(): void {
    if (this.rows === 0) return
    this.rows = 0
    this.bytes = 0
    this.receiver!.commit(this.position)
  }

  private context(sourceId: string): TransactionContext {
    return { sourceId, commitTime: this.startedMicros, position: this.position, kind: 'refresh' }
  }
}

const farewellMs = 1_000

function stopped(): TidemarkError {
  return new TidemarkError('REFRESH_INCOMPLETE', { message: 'the first copy was stopped' })
}

/** Returns when the transaction began, in microseconds since the Unix epoch, by the server's clock. */
async function takeSnapshot({ snapshot }: SnapshotCopyOptions, client: pg.Client): Promise<number> {
  // pg_export_snapshot makes such names; SET TRANSACTION SNAPSHOT takes no parameter.
  if (!/^[0-9A-F-]+$/.test(snapshot)) {
    throw new TidemarkError('PROTOCOL_INVALID', { message: 'the server exported a snapshot of an unknown form' })
  }
  // PostgreSQL 17 has it, and a role or database may set it: the copy is one transaction.
  await client.query("SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'transaction_timeout'")
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
  await client.query(`SET TRANSACTION SNAPSHOT '${snapshot}'`)
  const { rows } = await client.query<{ micros: string }>(
    'SELECT (extract(epoch FROM now()) * 1000000)::bigint::text AS micros'
  )
  return Number(rows[0]!.micros)
}

/** What was not locked could be altered or emptied under the snapshot, which does not show such changes. */
async function lockTable(options: SnapshotCopyOptions, client: pg.Client, relation: PublishedRelation): Promise<void> {
  try {
    await client.query(`LOCK TABLE ${quoteTable(relation.message)} IN ACCESS SHARE MODE`)
  } catch (error) {
    const doing = `locking ${relation.message.schema}.${relation.message.name}`
    throw serverError(error, contextOf(options.url, doing), readMeanings(relation, client.user ?? '<role>'))
  }
}

function requireAll(copied: readonly CopiedTable[], only: ReadonlySet<string> = new Set()): void {
  const there = new Set(copied.map(({ table }) => table.qualifiedName))
  const missing = [...only].filter(name => !there.has(name))
  if (missing.length === 0) return
  throw new TidemarkError('REFRESH_INCOMPLETE', {
    message: `${missing.join(', ')} cannot be copied: the publication does not send it, or sends it under another name`
  })
}

/** Before the lock was had a table may have been altered or emptied: the snapshot would show it without its rows. */
async function requireUnchanged(
  options: SnapshotCopyOptions,
  client: pg.Client,
  copied: readonly CopiedTable[]
): Promise<void> {
  const ids = copied.map(({ table }) => table.id)
  const now = new Map<string, string>()
  const fresh = await connectSession(options)
  try {
    for (const { name, text } of await tableFingerprints(fresh, ids)) now.set(name, text)
  } finally {
    await fresh.end()
  }
  const changed = (await tableFingerprints(client, ids)).find(({ name, text }) => now.get(name) !== text)
  if (changed === undefined) return
  throw new TidemarkError('REFRESH_INCOMPLETE', {
    message: `${changed.name} was altered, rewritten or emptied while the copy began: its snapshot does not show the rows`
  })
}

const gone: Meaning = { code: 'REFRESH_INCOMPLETE' }
/** A snapshot that is not there any more: invalid_parameter_value before PostgreSQL 17, undefined_object since. */
const snapshotMeanings: Readonly<Record<string, Meaning>> = { 22023: gone, 42704: gone }

function readMeanings(relation: PublishedRelation, role: string): Record<string, Meaning> {
  const cure = relation.rowSecurity
    ? `as superuser: ALTER ROLE ${quoteIdentifier(role)} BYPASSRLS; row security would leave rows out of the copy`
    : `as its owner: GRANT SELECT ON ${quoteTable(relation.message)} TO ${quoteIdentifier(role)}`
  return { 42501: { code: 'POSTGRES_PERMISSION', cure } }
}
