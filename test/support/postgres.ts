import { randomBytes } from 'node:crypto'
import { after, type TestContext } from 'node:test'
import pg from 'pg'
import { startPostgres, type PostgresServer } from '../../services/postgres.ts'

export interface TestDatabase {
  url: string
  name: string
}

export interface TestPostgres {
  /** The superuser's URL on the database "postgres". */
  url: string
  /** A new empty database, dropped with its replication slots when the test is over and its clients are gone. */
  createDatabase: () => Promise<TestDatabase>
}

let own: Promise<PostgresServer> | undefined
/** Databases of ended tests, dropped as soon as nobody is connected, at the latest when the file is done. */
const finished: string[] = []

after(async () => {
  if (own) return (await own.catch(() => undefined))?.stop()
  const url = process.env['TIDEMARK_POSTGRES_URL']
  if (url === undefined || finished.length === 0) return
  await withClient(url, async client => {
    for (const name of finished) await dropDatabase(client, name)
  })
})

/**
 * A real PostgreSQL with wal_level=logical: the one at TIDEMARK_POSTGRES_URL (`npm test` starts one for all files),
 * else one started for this process.
 */
export async function usePostgres(t: TestContext): Promise<TestPostgres> {
  const url = process.env['TIDEMARK_POSTGRES_URL'] ?? (await ownServer()).url
  return { url, createDatabase: () => createDatabase(t, url) }
}

function ownServer(): Promise<PostgresServer> {
  own ??= startPostgres({ durable: false })
  return own
}

async function createDatabase(t: TestContext, serverUrl: string): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`
  const done = finished.splice(0)
  await withClient(serverUrl, async client => {
    for (const old of done) if (!(await dropIdle(client, old))) finished.push(old)
    await client.query(`CREATE DATABASE ${name} TEMPLATE template0`)
  })
  // Hooks of a test run in the order of their registration: at this one, clients opened later are still connected.
  t.after(() => finished.push(name))
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  return { url: url.href, name }
}

/** Drops a database and its slots unless somebody is connected. Returns whether it is gone. */
async function dropIdle(client: pg.Client, name: string): Promise<boolean> {
  const { rowCount } = await client.query('SELECT FROM pg_stat_activity WHERE datname = $1 LIMIT 1', [name])
  if (rowCount !== 0) return false
  await dropDatabase(client, name)
  return true
}

/** A database with a slot cannot be dropped, and a slot with a reader neither. */
async function dropDatabase(client: pg.Client, name: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    await client.query('SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1', [name])
    try {
      await client.query(
        'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = $1 AND NOT temporary',
        [name]
      )
      await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
      return
    } catch (error) {
      // A reader that reconnected between the two statements holds the slot again.
      if (attempt === 20) throw error
    }
  }
}

async function withClient(url: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end()
  }
}
