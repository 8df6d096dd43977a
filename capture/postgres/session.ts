import type { Socket } from 'node:net'
import pg from 'pg'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { readBufferBytes, ReadBufferSocket, streamReadBytes } from './read-buffer.ts'
import { serverError, type ServerContext } from './server-error.ts'

export interface SessionOptions {
  /** postgres:// URL; its own parameters (sslmode, options, ...) hold unless they are pinned below. */
  url: string
  /** Shown in pg_stat_activity. Default `tidemark`. */
  applicationName?: string
  /** How long a connection attempt may take. Default 10,000. */
  connectTimeoutMs?: number
}

/**
 * Pinned, so that a value's text is the same in the log, in a first copy and on every server. Functions of types see
 * no schema of the user's, row security errors instead of thinning, and no timeout of the role's ends a session; that of
 * transactions, which only PostgreSQL 17 knows, is lifted where a transaction is long.
 */
const pinnedSettings: readonly [string, string][] = [
  ['DateStyle', 'ISO'],
  ['IntervalStyle', 'iso_8601'],
  ['TimeZone', 'UTC'],
  ['bytea_output', 'hex'],
  ['extra_float_digits', '3'],
  ['client_encoding', 'UTF8'],
  ['quote_all_identifiers', 'off'],
  ['client_min_messages', 'warning'],
  ['search_path', 'pg_catalog'],
  ['row_security', 'off'],
  ['statement_timeout', '0'],
  ['lock_timeout', '0'],
  ['idle_in_transaction_session_timeout', '0'],
  ['idle_session_timeout', '0']
]

/** An SQL session with settings pinned. Throws POSTGRES_UNREACHABLE, POSTGRES_AUTHENTICATION, CONFIG_INVALID. */
export function connectSession(options: SessionOptions): Promise<pg.Client> {
  return connect(options, {})
}

/** A walsender that speaks SQL as well (replication=database). Throws as `connectSession`. */
export function connectReplication(options: SessionOptions): Promise<pg.Client> {
  return connect(options, { replication: 'database' })
}

export interface BulkSession {
  client: pg.Client
  /** What one read takes at most. */
  readBytesMax: number
  /** From now on chunks read are lent, not given: see ReadBufferSocket. */
  lendChunks(): void
}

/**
 * As `connectReplication` (or, with `sql`, as `connectSession`), on a socket that reads in large pieces where there is
 * no TLS.
 */
export async function connectBulk(options: SessionOptions, kind: 'replication' | 'sql'): Promise<BulkSession> {
  const extra: ClientExtras = kind === 'replication' ? { replication: 'database' } : {}
  // TLS reads the plain socket natively and hands on pieces of its own. `pg` decides from URL and environment.
  if (newClient(options, extra).ssl) {
    return { client: await connect(options, extra), readBytesMax: streamReadBytes, lendChunks: () => {} }
  }
  const buffered = new ReadBufferSocket()
  const client = await connect(options, { ...extra, stream: () => buffered.socket })
  return { client, readBytesMax: readBufferBytes, lendChunks: () => buffered.lendChunks() }
}

type ClientExtras = pg.ClientConfig & { replication?: 'database' }

async function connect(options: SessionOptions, extra: ClientExtras): Promise<pg.Client> {
  const client = newClient(options, extra)
  // Without a listener a connection lost between queries would end the process; the next query tells of it.
  client.on('error', () => {})
  try {
    await client.connect()
    return client
  } catch (error) {
    destroySession(client)
    throw serverError(error, { place: placeOf(options.url), doing: 'connecting' })
  }
}

function newClient(options: SessionOptions, extra: ClientExtras): pg.Client {
  try {
    return new pg.Client({ ...clientConfig(options), ...extra })
  } catch {
    // The cause is left out: it may quote the URL, and with it the password.
    throw new TidemarkError('CONFIG_INVALID', {
      message: 'the URL of the database cannot be read',
      place: 'postgres.url'
    })
  }
}

function clientConfig(options: SessionOptions): pg.ClientConfig {
  const url = urlParts(options.url)
  const theirs = url.parameters.get('options')
  url.parameters.delete('options')
  url.parameters.delete('application_name')
  const ours = pinnedSettings.map(([name, value]) => `-c ${name}=${value}`).join(' ')
  return {
    connectionString: `${url.base}?${url.parameters.toString()}`,
    // The last setting of a name wins.
    options: theirs === null ? ours : `${theirs} ${ours}`,
    application_name: options.applicationName ?? 'tidemark',
    connectionTimeoutMillis: options.connectTimeoutMs ?? 10_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000
  }
}

const postgresUrl = /^postgres(ql)?:\/\//

function urlParts(url: string): { base: string; parameters: URLSearchParams } {
  if (!postgresUrl.test(url)) {
    throw new TidemarkError('CONFIG_INVALID', {
      message: 'the URL of the database does not begin with postgres://',
      place: 'postgres.url'
    })
  }
  const mark = url.indexOf('?')
  if (mark < 0) return { base: url, parameters: new URLSearchParams() }
  return { base: url.slice(0, mark), parameters: new URLSearchParams(url.slice(mark + 1)) }
}

/** `host:port/database as user`, never the password; where the URL cannot be read for sure, only its name. */
export function placeOf(url: string): string {
  if (!postgresUrl.test(url) || !URL.canParse(url)) return 'postgres.url'
  const { host, pathname, username } = new URL(url)
  return username === '' ? `${host}${pathname}` : `${host}${pathname} as ${username}`
}

export function contextOf(url: string, doing: string): ServerContext {
  return { place: placeOf(url), doing }
}

/** Ends a session at once; what it was doing is cancelled by the server when it notices. */
export function destroySession(client: pg.Client): void {
  socketOf(client).destroy()
}

/** The stream of a connected client, which is the TLS socket where there is one. `pg` keeps it on its Connection. */
export function socketOf(client: pg.Client): Socket {
  return connectionOf(client).stream
}

/** Process id of the server's backend. */
export function backendPid(client: pg.Client): number {
  return (client as unknown as { processID: number }).processID
}

interface PgConnection {
  stream: Socket
  once(event: string, listener: () => void): unknown
  removeListener(event: string, listener: () => void): unknown
}

export function connectionOf(client: pg.Client): PgConnection {
  return (client as unknown as { connection: PgConnection }).connection
}
