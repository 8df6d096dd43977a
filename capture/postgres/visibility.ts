import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { SourceClock } from './copy-stream.ts'
import type { SqlSession } from './sql-session.ts'

const firstWaitMs = 2
const waitMsMax = 500
/** A synchronous standby may hold a commit back for long: longer than this, somebody should look at it. */
const waitedMsMax = 60_000

/**
 * Resolves when other sessions see what transaction `xid` (32 bits, as pgoutput tells it) did. The stream is ahead of
 * the catalogue: a commit is decoded once its record is flushed, and becomes visible a moment later, under synchronous
 * replication only when the standby has answered. Throws CATALOGUE_BEHIND after a minute.
 */
export async function untilVisible(
  sql: SqlSession,
  clock: SourceClock,
  xid: number,
  signal: AbortSignal
): Promise<void> {
  const sinceMs = clock.steadyMs()
  for (let waitMs = firstWaitMs; !(await isVisible(sql, xid)); waitMs = Math.min(waitMs * 2, waitMsMax)) {
    if (clock.steadyMs() - sinceMs > waitedMsMax) throw behind(xid)
    await clock.delay(waitMs, signal)
  }
}

async function isVisible(sql: SqlSession, xid: number): Promise<boolean> {
  const { rows } = await sql.do('asking whether a transaction is visible', client =>
    client.query<{ visible: boolean }>(visibleSql, [xid])
  )
  return rows[0]!.visible
}

/** The full id is the one nearest to the snapshot's end whose lower 32 bits are those of the stream. */
const visibleSql = `
WITH now AS (SELECT pg_current_snapshot() AS snapshot),
  place AS (SELECT snapshot, pg_snapshot_xmax(snapshot)::text::int8 AS xmax FROM now),
  distance AS (SELECT snapshot, xmax, ($1::int8 - xmax) & 4294967295 AS ahead FROM place)
SELECT pg_visible_in_snapshot(
  (xmax + CASE WHEN ahead < 2147483648 THEN ahead ELSE ahead - 4294967296 END)::text::xid8, snapshot) AS visible
FROM distance`

function behind(xid: number): TidemarkError {
  return new TidemarkError('CATALOGUE_BEHIND', {
    message: `transaction ${xid} was decoded and is not visible to other sessions after ${waitedMsMax / 1000} s`
  })
}
