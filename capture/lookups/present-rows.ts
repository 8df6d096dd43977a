import type pg from 'pg'
import { FollowedRows } from '@tidemark/kcop/enrichment/followed-rows.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { quoteIdentifier, quoteTable } from '../postgres/identifier.ts'
import { loadPublication } from '../postgres/relation-catalogue.ts'
import { publishedRelations } from '../postgres/published-relation.ts'
import { serverError } from '../postgres/server-error.ts'
import { connectSession, contextOf, type SessionOptions } from '../postgres/session.ts'
import { tableFingerprints } from '../postgres/table-fingerprint.ts'
import { FetchSize } from './fetch-size.ts'
import { tableDefinition, type LookupTableName, type TableDefinition } from './table-definition.ts'

export interface LookupPlace {
  session: SessionOptions
  /** null: the tables are looked at whether it sends them or not yet. */
  publication: string | null
  slot: string
  /** The table as it is sent; absent: as the publication says. */
  table?: Table
}

/** Rows of a table as one snapshot shows them, and the definition they are of. */
export interface PresentRows {
  rows: FollowedRows
  definition: TableDefinition
}

const lockWaitMs = 10_000

/**
 * Reads the rows in one snapshot, under a lock that keeps the table from being altered or truncated meanwhile. `snapshot`: an
 * exported one, else that of now. Throws LOOKUP_BUSY, LOOKUP_INVALID, LOOKUP_TOO_LARGE, POSTGRES_PERMISSION.
 */
export async function readPresentRows(
  client: pg.Client,
  rule: LookupTableName,
  place: LookupPlace,
  snapshot: string | null = null
): Promise<PresentRows> {
  // PostgreSQL 17 has it, and a role or database may set it: the reading is one transaction.
  await client.query("SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'transaction_timeout'")
  return locked(client, rule, place, snapshot, async () => {
    const definition = await tableDefinition(client, rule, place)
    if (snapshot !== null) await requireShown(client, rule, place)
    const table = place.table ?? (await publishedTable(client, rule, place))
    const rows = new FollowedRows(rule, table, table.id)
    await readInto(client, rule, rows)
    return { rows, definition }
  })
}

/** The definition alone, as the snapshot shows it. Throws as `readPresentRows`. */
export function readDefinition(
  client: pg.Client,
  rule: LookupTableName,
  place: LookupPlace,
  snapshot: string | null = null
): Promise<TableDefinition> {
  return locked(client, rule, place, snapshot, () => tableDefinition(client, rule, place))
}

/**
 * The lock is waited for: whoever alters the table holds his until it is visible. Each table is locked in a transaction of
 * its own, so that no two wait for each other through us.
 */
async function locked<T>(
  client: pg.Client,
  rule: LookupTableName,
  { session }: LookupPlace,
  snapshot: string | null,
  work: () => Promise<T>
): Promise<T> {
  if (snapshot !== null && !/^[0-9A-F-]+$/.test(snapshot)) {
    throw new TidemarkError('PROTOCOL_INVALID', { message: 'the server exported a snapshot of an unknown form' })
  }
  const begin = [
    'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY',
    ...(snapshot === null ? [] : [`SET TRANSACTION SNAPSHOT '${snapshot}'`]),
    `SET LOCAL lock_timeout = ${lockWaitMs}`,
    `LOCK TABLE ONLY ${quoteTable(rule.tableName)} IN ACCESS SHARE MODE`
  ]
  try {
    await client.query(begin.join('; '))
    const result = await work()
    await client.query('COMMIT')
    return result
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {})
    throw serverError(error, contextOf(session.url, `reading ${rule.table} for lookup ${rule.name}`), {
      '55P03': { code: 'LOOKUP_BUSY' },
      42501: {
        code: 'POSTGRES_PERMISSION',
        cure: `as its owner: GRANT SELECT ON ${quoteTable(rule.tableName)} TO ${quoteIdentifier(client.user ?? '<role>')}; and no row security for that role`
      },
      22023: { code: 'REFRESH_INCOMPLETE' },
      42704: { code: 'REFRESH_INCOMPLETE' }
    })
  }
}

async function publishedTable(client: pg.Client, rule: LookupTableName, place: LookupPlace): Promise<Table> {
  const publication = place.publication ?? ''
  const catalogue = await loadPublication(client, publication)
  const relations = await publishedRelations(client, publication)
  const relation = relations.find(({ message }) => `${message.schema}.${message.name}` === rule.table)
  if (relation !== undefined) return catalogue.table(relation.message, 1, new Map())
  throw new TidemarkError('PUBLICATION_UNSUITABLE', {
    message: `publication ${publication} does not send ${rule.table}`
  })
}

/** Text as the log has it: not parsed. */
const asText = { getTypeParser: () => (text: string) => text } as unknown as pg.CustomTypesConfig

async function readInto(client: pg.Client, rule: LookupTableName, rows: FollowedRows): Promise<void> {
  const columns = [rule.key, ...rule.columns].map(quoteIdentifier).join(', ')
  await client.query(`DECLARE looked_up NO SCROLL CURSOR FOR SELECT ${columns} FROM ONLY ${quoteTable(rule.tableName)}`)
  const size = new FetchSize()
  for (;;) {
    const text = `FETCH ${size.rows} FROM looked_up`
    const held = rows.bytes
    const { rows: read } = await client.query<(string | null)[]>({ text, rowMode: 'array', types: asText })
    for (const [key, ...values] of read) rows.begin(key!, values)
    if (read.length < size.rows) return
    size.saw(read.length, rows.bytes - held)
  }
}

/** A table that was rewritten or emptied between an old snapshot and the lock is shown without its rows. */
async function requireShown(client: pg.Client, rule: LookupTableName, { session }: LookupPlace): Promise<void> {
  const { rows } = await client.query<{ id: number }>('SELECT $1::regclass::oid AS id', [quoteTable(rule.tableName)])
  const fresh = await connectSession(session)
  try {
    const ids = [rows[0]!.id]
    const [shown, now] = await Promise.all([tableFingerprints(client, ids), tableFingerprints(fresh, ids)])
    if (shown[0]?.text === now[0]?.text) return
  } finally {
    await fresh.end()
  }
  throw new TidemarkError('REFRESH_INCOMPLETE', {
    message: `${rule.table}, which lookups read, was altered, rewritten or emptied while the copy began`
  })
}
