import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { SourceClock } from '../postgres/copy-stream.ts'
import { tableText, type TableName } from '../postgres/identifier.ts'
import type { SqlSession } from '../postgres/sql-session.ts'

const waitMs = 20
const waitedMsMax = 60_000

/**
 * Resolves when whoever was committing a change of the tables at the call is visible to other sessions. A commit is in
 * the log, and may have been published, before it is visible (for long, where a standby must answer first), and keeps its
 * locks until then. Who is seen idle within its transaction had not begun to commit: it comes later in the log than
 * everything published. Throws LOOKUP_BUSY after a minute.
 */
export async function settledWriters(
  sql: SqlSession,
  clock: SourceClock,
  tables: readonly TableName[],
  signal: AbortSignal
): Promise<void> {
  const sinceMs = clock.steadyMs()
  let left = await writers(sql, tables)
  while (left.size > 0) {
    if (clock.steadyMs() - sinceMs > waitedMsMax) throw busy(tables)
    await clock.delay(waitMs, signal)
    // Those who came later commit later than all that was published.
    left = left.intersection(await writers(sql, tables))
  }
}

/** Transactions that hold a lock for writing and are not seen to rest. */
async function writers(sql: SqlSession, tables: readonly TableName[]): Promise<Set<string>> {
  const names = [tables.map(table => table.schema), tables.map(table => table.name)]
  const { rows } = await sql.do('looking for writers of tables that are looked up', client =>
    client.query<{ writer: string }>(writersSql, names)
  )
  return new Set(rows.map(({ writer }) => writer))
}

/** What another role does is seen only with pg_read_all_stats: it is waited for. So are prepared transactions. */
const writersSql = `
SELECT DISTINCT l.virtualtransaction AS writer
FROM unnest($1::text[], $2::text[]) AS wanted(schema, name)
JOIN pg_namespace n ON n.nspname = wanted.schema
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name
JOIN pg_locks l ON l.locktype = 'relation' AND l.relation = c.oid
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
LEFT JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.granted AND l.mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
  AND a.state IS DISTINCT FROM 'idle in transaction' AND a.state IS DISTINCT FROM 'idle in transaction (aborted)'
  AND l.pid IS DISTINCT FROM pg_backend_pid()`

function busy(tables: readonly TableName[]): TidemarkError {
  return new TidemarkError('LOOKUP_BUSY', {
    message: `statements that write to ${tables.map(tableText).join(', ')} have been running for more than ${waitedMsMax / 1000} s: which rows they leave is not visible yet`
  })
}
