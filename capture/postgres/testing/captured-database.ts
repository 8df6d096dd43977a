import type { TestContext } from 'node:test'
import pg from 'pg'
import { lsnToBytes, type PositionBytes } from '@tidemark/schemas/position.ts'
import type { SourceConnection } from '../../source.ts'
import { usePostgres } from '../../../test/support/postgres.ts'
import { systemSourceClock } from '../../system-surroundings.ts'
import { PostgresSource, type PostgresSourceOptions } from '../postgres-source.ts'
import { createSlot } from '../slot.ts'
import { SqlSession } from '../sql-session.ts'
import { RecordingReceiver } from './recording-receiver.ts'

/** A connection that is being run, with what it has handed over. */
export interface Capture {
  receiver: RecordingReceiver
  connection: SourceConnection
  /** Settles as `run` does. */
  running: Promise<void>
}

/** A database of its own with a slot to capture it through. */
export class CapturedDatabase {
  readonly url: string
  readonly slot: string
  readonly publication = 'captured'
  readonly client: pg.Client
  /** The slot's consistent point. */
  start: PositionBytes = new Uint8Array(8)
  private readonly t: TestContext
  private markers = 0

  private constructor(t: TestContext, url: string, name: string, client: pg.Client) {
    this.t = t
    this.url = url
    this.slot = `${name}_slot`
    this.client = client
  }

  /** Runs the statements, publishes those tables, then creates the slot; on a server of the test's own if given. */
  static async create(t: TestContext, setup: string, tables: string, server?: string): Promise<CapturedDatabase> {
    const { url, name } =
      server === undefined ? await (await usePostgres(t)).createDatabase() : { url: server, name: 'own' }
    const client = await connected(t, url)
    const database = new CapturedDatabase(t, url, name, client)
    await client.query(setup)
    await client.query(`CREATE PUBLICATION captured ${tables}`)
    const sql = new SqlSession({ url })
    const created = await createSlot({
      session: { url },
      sql,
      clock: systemSourceClock,
      slot: database.slot,
      signal: new AbortController().signal
    })
    database.start = lsnToBytes(created.consistentPoint)
    await created.release()
    await sql.close()
    return database
  }

  query<T extends pg.QueryResultRow = Record<string, unknown>>(sql: string): Promise<pg.QueryResult<T>> {
    return this.client.query<T>(sql)
  }

  /** Another session, for transactions that are open at the same time. */
  session(): Promise<pg.Client> {
    return connected(this.t, this.url)
  }

  source(options: Partial<PostgresSourceOptions> = {}): PostgresSource {
    const { url, slot, publication } = this
    return new PostgresSource({ url, slot, publication, clock: systemSourceClock, retryMs: 20, ...options })
  }

  async capture(from: PositionBytes = this.start, options: Partial<PostgresSourceOptions> = {}): Promise<Capture> {
    const connection = await this.source(options).open(new AbortController().signal)
    this.t.after(() => connection.close())
    return this.run(connection, from)
  }

  /** Runs a connection opened before. */
  run(connection: SourceConnection, from: PositionBytes = this.start): Capture {
    const receiver = new RecordingReceiver()
    const running = connection.run(receiver, from)
    running.catch(() => {})
    return { receiver, connection, running }
  }

  /** What was captured up to now: runs until a marker transaction written now has come, then closes. */
  async captureAll(from: PositionBytes = this.start, options: Partial<PostgresSourceOptions> = {}): Promise<string[]> {
    const capture = await this.capture(from, options)
    await this.untilMarked(capture)
    await capture.connection.close()
    await capture.running
    return withoutMarkers(capture.receiver.log)
  }

  /** Resolves when everything committed before now has been handed over; rejects when `run` does. */
  async untilMarked({ receiver, running }: Capture): Promise<void> {
    const marker = `0 message marker ${++this.markers}`
    await this.query(`SELECT pg_logical_emit_message(true, 'marker', '${this.markers}')`)
    await Promise.race([
      receiver.until(({ log }) => log.at(-2) === marker && log.at(-1)!.startsWith('commit')),
      running.then(() => Promise.reject(new Error('closed before the marker came')))
    ])
  }
}

/** Operations and definitions only: what a test compares when positions and transaction ids do not matter. */
export function changes(log: readonly string[]): string[] {
  return log.filter(line => /^(\d|schema)/.test(line))
}

function withoutMarkers(log: readonly string[]): string[] {
  const kept: string[] = []
  for (let index = 0; index < log.length; index++) {
    if (log[index + 1]?.startsWith('0 message marker ')) index += 2
    else if (!log[index]!.startsWith('idle')) kept.push(log[index]!)
  }
  return kept
}

async function connected(t: TestContext, url: string): Promise<pg.Client> {
  const client = new pg.Client(url)
  client.on('error', () => {})
  await client.connect()
  t.after(() => client.end().catch(() => {}))
  return client
}
