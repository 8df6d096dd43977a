import type pg from 'pg'
import type { Lsn } from '@tidemark/schemas/position.ts'
import { isTidemarkError, TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { Source, SourceConnection, SourceIdentity } from '../source.ts'
import type { NonTransactionalMessages } from './assembler.ts'
import { requirePublished } from './captured-tables.ts'
import { CopyStream, type CopyStreamOptions, type SourceClock } from './copy-stream.ts'
import { quoteIdentifier, quoteReplicationLiteral, type TableName } from './identifier.ts'
import type { OpenWriter } from './inspection.ts'
import { livenessTimings } from './liveness.ts'
import { loadInto, RelationCatalogue } from './relation-catalogue.ts'
import { ReplicationConnection } from './replication-connection.ts'
import { serverError, sqlState } from './server-error.ts'
import { backendPid, connectBulk, contextOf, destroySession, type BulkSession, type SessionOptions } from './session.ts'
import { copySlot, createTemporarySlot } from './slot.ts'
import { readSlot, usableSlot } from './slot-state.ts'
import { SqlSession } from './sql-session.ts'
import { untilVisible } from './visibility.ts'

/** Who holds the slot while we wait for it. */
export interface SlotHolder {
  slot: string
  pid: number | null
  applicationName: string | null
  clientAddress: string | null
}

export interface PostgresSourceOptions extends SessionOptions {
  slot: string
  publication: string
  /** The publication must send each of them, else the source stops. Default none. */
  tables?: readonly TableName[]
  /** How often that is looked at besides at every definition in the stream. Default 10,000. */
  tablesCheckMs?: number
  clock: SourceClock
  /** Called at each try while another process holds the slot. */
  onWaiting?: (holder: SlotHolder) => void
  /** Between tries to get the slot. Default 1,000. */
  retryMs?: number
  /** How long the server may be silent. Default: its wal_sender_timeout, or 60,000 where it has none. */
  silenceMs?: number
  nonTransactionalMessages?: NonTransactionalMessages
  /**
   * Whether to make the slot, for this connection alone: it is gone with it. What commits after `open` has resolved is read.
   * `onWriters`: who is waited for, since a slot begins where no older transaction writes. `copyOf`: it begins where that slot
   * does, which may be in use.
   */
  temporary?: { onWriters(writers: readonly OpenWriter[]): void } | { copyOf: string }
  pacing?: CopyStreamOptions['pacing']
  /**
   * Whether to end (pg_terminate_backend) the walsender of this process's own last connection, once that connection is
   * gone here and the walsender still holds the slot (a half-open connection). Never another process's. Default false:
   * the server frees the slot by itself after wal_sender_timeout.
   */
  endOwnDeadWalsender?: boolean
}

/** A PostgreSQL database, captured through one logical slot and one publication. */
export class PostgresSource implements Source {
  private readonly options: PostgresSourceOptions
  /** Walsender of the last connection of this source; not trusted beyond its backend's start time. */
  private lastWalsender: { pid: number; startedAt: string } | null = null

  constructor(options: PostgresSourceOptions) {
    this.options = options
  }

  /**
   * Resolves with the slot held; nothing is confirmed by it. Throws POSTGRES_UNREACHABLE, POSTGRES_AUTHENTICATION,
   * POSTGRES_PERMISSION, POSTGRES_SETTING, PUBLICATION_UNSUITABLE, SLOT_MISSING, SLOT_LOST, SLOT_UNSUITABLE, and the
   * signal's reason when aborted while waiting.
   */
  async open(signal: AbortSignal): Promise<SourceConnection> {
    signal.throwIfAborted()
    const sql = new SqlSession(this.options)
    try {
      await this.checkPublication(sql)
      const session = await connectBulk(this.options, 'replication')
      try {
        if (this.options.temporary !== undefined) await this.makeSlot(sql, session.client, signal)
        return await this.connected(sql, session, signal)
      } catch (error) {
        destroySession(session.client)
        signal.throwIfAborted()
        throw await this.named(sql, error)
      }
    } catch (error) {
      await sql.close()
      throw error
    }
  }

  private makeSlot(sql: SqlSession, client: pg.Client, signal: AbortSignal): Promise<void> {
    const { slot, clock } = this.options
    const temporary = this.options.temporary!
    if ('copyOf' in temporary) return copySlot({ session: this.options, from: temporary.copyOf, slot }, client)
    const onWaiting = temporary.onWriters.bind(temporary)
    return createTemporarySlot({ session: this.options, sql, clock, slot, signal, onWaiting }, client)
  }

  private async connected(sql: SqlSession, session: BulkSession, signal: AbortSignal): Promise<SourceConnection> {
    const { identity, database, walSenderTimeoutMs } = await identify(session.client)
    const { clock, slot, silenceMs, pacing, nonTransactionalMessages } = this.options
    let connection: ReplicationConnection | null = null
    const stream = new CopyStream({
      session,
      clock,
      onCopyData: (buffer, start, end) => connection!.onCopyData(buffer, start, end),
      ...(pacing !== undefined && { pacing })
    })
    await this.lock(stream, sql, database, signal)
    await this.rememberWalsender(sql, session.client)
    const held = usableSlot(await sql.do('reading the slot', client => readSlot(client, slot)), slot, database)
    const catalogue = new RelationCatalogue(this.options.tables)
    const closing = new AbortController()
    connection = new ReplicationConnection({
      identity,
      clock,
      timings: livenessTimings(walSenderTimeoutMs, silenceMs),
      confirmed: held.confirmedFlushLsn!,
      catalogue,
      nonTransactionalMessages: nonTransactionalMessages ?? 'ignore',
      readConfirmed: () => this.readConfirmed(sql, database),
      look: async request => {
        await untilVisible(sql, clock, request.xid, closing.signal)
        await sql.do('reading the catalogue', client => loadInto(catalogue, client, request))
        await this.requireTables(sql)
      },
      named: error => this.named(sql, error),
      release: () => {
        closing.abort()
        return sql.close()
      }
    })
    connection.attach(stream)
    void this.watchTables(sql, stream, closing.signal)
    // PostgreSQL 18 passes over changes of a publication that is missing with a warning, earlier ones stop (42704).
    session.client.on('notice', notice => {
      if (notice.code === '55000') stream.fail(publicationGone(notice.message ?? ''))
    })
    return connection
  }

  /** START_REPLICATION is the lock: one walsender only can have a slot. */
  private async lock(stream: CopyStream, sql: SqlSession, database: string, signal: AbortSignal): Promise<void> {
    const { slot, publication, clock, retryMs = 1_000 } = this.options
    // Position 0/0 is the slot's own confirmed position; the server never starts before it (fact 2).
    const command =
      `START_REPLICATION SLOT ${quoteIdentifier(slot)} LOGICAL 0/0 (proto_version '1', ` +
      `publication_names ${quoteReplicationLiteral(quoteIdentifier(publication))}, messages 'true')`
    for (;;) {
      signal.throwIfAborted()
      try {
        usableSlot(await sql.do('reading the slot', client => readSlot(client, slot)), slot, database)
        return await stream.start(command)
      } catch (error) {
        if (sqlState(error) !== '55006') throw error
        await this.waitForHolder(sql)
        await clock.delay(retryMs, signal)
      }
    }
  }

  private async waitForHolder(sql: SqlSession): Promise<void> {
    const holder = await sql.do('reading the slot', client => readHolder(client, this.options.slot))
    this.options.onWaiting?.(holder)
    if (this.options.endOwnDeadWalsender !== true || this.lastWalsender?.pid !== holder.pid) return
    const { pid, startedAt } = this.lastWalsender
    await sql.do('ending our own dead walsender', client => client.query(endBackendSql, [pid, startedAt]))
  }

  private async rememberWalsender(sql: SqlSession, client: pg.Client): Promise<void> {
    const pid = backendPid(client)
    const { rows } = await sql.do('reading pg_stat_activity', sqlClient =>
      sqlClient.query<{ started: string | null }>(backendStartSql, [pid])
    )
    const started = rows[0]?.started
    this.lastWalsender = started === undefined || started === null ? null : { pid, startedAt: started }
  }

  private async readConfirmed(sql: SqlSession, database: string): Promise<Lsn> {
    const { slot } = this.options
    return usableSlot(await sql.do('reading the slot', client => readSlot(client, slot)), slot, database)
      .confirmedFlushLsn!
  }

  private async checkPublication(sql: SqlSession): Promise<void> {
    const { publication } = this.options
    const { rowCount } = await sql.do('reading the publication', client =>
      client.query('SELECT FROM pg_publication WHERE pubname = $1', [publication])
    )
    if (rowCount === 0) {
      throw new TidemarkError('PUBLICATION_UNSUITABLE', { message: `the database has no publication ${publication}` })
    }
    await this.requireTables(sql)
  }

  private async requireTables(sql: SqlSession): Promise<void> {
    const { publication, tables = [] } = this.options
    await sql.do('reading the publication', client => requirePublished(client, publication, tables))
  }

  /** A table that is not sent any more is silent: no message of the stream tells. Never rejects. */
  private async watchTables(sql: SqlSession, stream: CopyStream, closing: AbortSignal): Promise<void> {
    const { clock, tablesCheckMs = 10_000 } = this.options
    for (;;) {
      try {
        await clock.delay(tablesCheckMs, closing)
        await this.requireTables(sql)
      } catch (error) {
        if (closing.aborted) return
        // Whether the server is there is for the stream to tell.
        if (!isTidemarkError(error, 'PUBLICATION_UNSUITABLE')) continue
        return stream.fail(error)
      }
    }
  }

  /** 42704 and 55000 mean several things: the slot's state tells which. */
  private async named(sql: SqlSession, error: unknown): Promise<TidemarkError> {
    if (isTidemarkError(error)) return error
    const context = contextOf(this.options.url, `reading replication slot ${this.options.slot}`)
    const state = sqlState(error)
    if (state === '55000') {
      const slot = await sql
        .do('reading the slot', client => readSlot(client, this.options.slot))
        .catch(() => undefined)
      const lost = slot === null || slot?.walStatus === 'lost' || typeof slot?.invalidationReason === 'string'
      return serverError(error, context, { 55000: { code: lost ? 'SLOT_LOST' : 'POSTGRES_SETTING' } })
    }
    return serverError(error, context, {
      42704: {
        code: 'PUBLICATION_UNSUITABLE',
        cure: publicationCure
      },
      42501: {
        code: 'POSTGRES_PERMISSION',
        cure: 'as superuser: ALTER ROLE <role> REPLICATION, for the role of `postgres.url`'
      }
    })
  }
}

const publicationCure =
  'the publication was missing when a change was written, so the slot cannot pass it: retire and apply anew'

function publicationGone(said: string): TidemarkError {
  return new TidemarkError('PUBLICATION_UNSUITABLE', { message: `the server said: ${said}`, cure: publicationCure })
}

const backendStartSql = 'SELECT backend_start::text AS started FROM pg_stat_activity WHERE pid = $1'
const endBackendSql =
  'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND backend_start = $2::timestamptz'
const holderSql = `
SELECT s.active_pid AS pid, a.application_name AS "applicationName", host(a.client_addr) AS "clientAddress"
FROM pg_replication_slots s LEFT JOIN pg_stat_activity a ON a.pid = s.active_pid
WHERE s.slot_name = $1`

async function readHolder(client: pg.Client, slot: string): Promise<SlotHolder> {
  const { rows } = await client.query<Omit<SlotHolder, 'slot'>>(holderSql, [slot])
  return { slot, ...(rows[0] ?? { pid: null, applicationName: null, clientAddress: null }) }
}

interface Identified {
  identity: SourceIdentity
  database: string
  walSenderTimeoutMs: number
}

async function identify(client: pg.Client): Promise<Identified> {
  const system = await client.query<{ systemid: string; timeline: number | string; dbname: string }>('IDENTIFY_SYSTEM')
  const timeout = await client.query<{ ms: string }>(
    "SELECT setting AS ms FROM pg_settings WHERE name = 'wal_sender_timeout'"
  )
  const { systemid, timeline, dbname } = system.rows[0]!
  return {
    identity: { system: systemid, timeline: Number(timeline) },
    database: dbname,
    walSenderTimeoutMs: Number(timeout.rows[0]!.ms)
  }
}
