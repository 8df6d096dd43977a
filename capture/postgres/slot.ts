import type pg from 'pg'
import { parseLsn, type Lsn } from '@tidemark/schemas/position.ts'
import type { SourceClock } from './copy-stream.ts'
import { quoteIdentifier, quoteReplicationLiteral } from './identifier.ts'
import { openWriters, type OpenWriter } from './inspection.ts'
import { serverError, type Meaning } from './server-error.ts'
import { serverVersion } from './server-version.ts'
import { backendPid, connectReplication, contextOf, destroySession, type SessionOptions } from './session.ts'
import type { SqlSession } from './sql-session.ts'

export interface SlotCreation {
  session: SessionOptions
  sql: SqlSession
  clock: SourceClock
  slot: string
  /** Let standbys keep the slot in step, so that it survives a failover (PostgreSQL 17; ignored before). */
  failover?: boolean
  signal: AbortSignal
  /** Called every second while the server waits for transactions that have written to end; oldest first. */
  onWaiting?: (writers: readonly OpenWriter[]) => void
}

export interface SlotCopy {
  session: SessionOptions
  from: string
  slot: string
}

/** A new slot and the present rows at its creation point, visible as long as `release` is not called. */
export interface CreatedSlot {
  /** Transactions that committed at or before it are in the snapshot, later ones come from the slot. */
  consistentPoint: Lsn
  /** For SET TRANSACTION SNAPSHOT. */
  snapshot: string
  /** Gives the snapshot up. The slot stays. */
  release(): Promise<void>
}

const waitingMs = 1_000

/**
 * Creates the slot by the replication protocol, which alone exports a snapshot. The publication must be there before.
 * Aborting leaves no slot behind. Throws SLOT_EXISTS, POSTGRES_PERMISSION, POSTGRES_SETTING, POSTGRES_UNREACHABLE, and
 * the signal's reason.
 */
export async function createSlot(creation: SlotCreation): Promise<CreatedSlot> {
  creation.signal.throwIfAborted()
  const client = await connectReplication(creation.session)
  return creating(creation, client, async () => {
    const { rows } = await client.query<{ consistent_point: string; snapshot_name: string }>(
      await creationCommand(client, creation)
    )
    const { consistent_point: point, snapshot_name: snapshot } = rows[0]!
    return { consistentPoint: parseLsn(point), snapshot, release: () => client.end() }
  })
}

/**
 * Creates a slot that lives as long as the session of `client`, which speaks the replication protocol: it is gone with it,
 * whatever happens. Throws as `createSlot`.
 */
export async function createTemporarySlot(creation: SlotCreation, client: pg.Client): Promise<void> {
  creation.signal.throwIfAborted()
  // Without parentheses every version takes it.
  const command = `CREATE_REPLICATION_SLOT ${quoteIdentifier(creation.slot)} TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT`
  await creating(creation, client, () => client.query(command))
}

/**
 * Makes a slot as `createTemporarySlot` does, at the place of one that is there and may be in use. Throws LOOKUP_BUSY when no
 * slot is free, which others may need for a moment only, as we do.
 */
export async function copySlot({ session, slot, from }: SlotCopy, client: pg.Client): Promise<void> {
  const names = [from, slot].map(quoteReplicationLiteral).join(', ')
  try {
    await client.query(`SELECT pg_copy_logical_replication_slot(${names}, true)`)
  } catch (error) {
    throw serverError(error, contextOf(session.url, `copying replication slot ${from} to read what lookups need`), {
      53400: {
        code: 'LOOKUP_BUSY',
        cure: 'raise max_replication_slots, or drop slots that are not used; the agent tries again by itself'
      }
    })
  }
}

async function creating<T>(creation: SlotCreation, client: pg.Client, create: () => Promise<T>): Promise<T> {
  const { session, slot, signal } = creation
  const abort = (): void => void cancelCreation(creation, client)
  signal.addEventListener('abort', abort, { once: true })
  const stopWatching = watchWriters(creation)
  try {
    return await create()
  } catch (error) {
    destroySession(client)
    signal.throwIfAborted()
    throw serverError(error, contextOf(session.url, `creating replication slot ${slot}`), creationMeanings(slot))
  } finally {
    signal.removeEventListener('abort', abort)
    stopWatching()
  }
}

/** A walsender that waits for a transaction does not notice a closed socket, and would leave the slot behind. */
async function cancelCreation({ sql }: SlotCreation, client: pg.Client): Promise<void> {
  const pid = backendPid(client)
  await sql
    .do('cancelling the creation of the slot', session => session.query('SELECT pg_terminate_backend($1)', [pid]))
    .catch(() => {})
  destroySession(client)
}

/** The options in parentheses came with PostgreSQL 15, transaction_timeout and failover with 17. */
async function creationCommand(client: pg.Client, { slot, failover }: SlotCreation): Promise<string> {
  const version = await serverVersion(client)
  const command = `CREATE_REPLICATION_SLOT ${quoteIdentifier(slot)} LOGICAL pgoutput`
  if (version < 150_000) return `${command} EXPORT_SNAPSHOT`
  // The exported snapshot lives in a transaction of this session, open until the copy is done.
  if (version >= 170_000) await client.query('SET transaction_timeout = 0')
  return `${command} (SNAPSHOT 'export'${failover === true && version >= 170_000 ? ', FAILOVER' : ''})`
}

function watchWriters({ clock, sql, onWaiting }: SlotCreation): () => void {
  let stopped = onWaiting === undefined
  let cancel = (): void => {}
  const look = async (): Promise<void> => {
    const writers = await sql.do('looking for open transactions', openWriters).catch(() => [])
    if (stopped) return
    onWaiting?.(writers)
    schedule()
  }
  const schedule = (): void => {
    cancel = clock.after(waitingMs, () => void look())
  }
  if (!stopped) schedule()
  return () => {
    stopped = true
    cancel()
  }
}

function creationMeanings(slot: string): Record<string, Meaning> {
  return {
    42710: {
      code: 'SLOT_EXISTS',
      cure: `if nobody needs it: SELECT pg_drop_replication_slot('${slot}'); else name another`
    },
    42501: {
      code: 'POSTGRES_PERMISSION',
      cure: 'as superuser: ALTER ROLE <role> REPLICATION, for the role of `postgres.url`'
    },
    55000: { code: 'POSTGRES_SETTING', cure: 'set wal_level = logical and restart the server' },
    42602: { code: 'CONFIG_INVALID', cure: 'a slot name has only lower-case letters, digits and underscores' }
  }
}

/** Drops the slot; false when there was none. Throws SLOT_IN_USE, POSTGRES_PERMISSION. */
export async function dropSlot(sql: SqlSession, slot: string): Promise<boolean> {
  const { rowCount } = await sql.do(`dropping replication slot ${slot}`, client =>
    client.query('SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1', [slot])
  )
  return rowCount === 1
}
