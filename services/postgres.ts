import { execFileSync } from 'node:child_process'
import { chownSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { adopt, cacheDirectory } from './cache.ts'
import { freePorts } from './free-port.ts'
import { findPostgresBinaries, type PostgresBinaries } from './postgres-binaries.ts'
import { makeScratchDirectory } from './scratch.ts'
import { ServerProcess } from './server-process.ts'
import { unprivilegedUser, type ServerUser } from './server-user.ts'

export interface PostgresOptions {
  /** With fsync, as in production. Off is for tests only: a crash of the machine would lose data. Default true. */
  durable?: boolean
  /** Further settings, such as { log_statement: 'all' }. */
  settings?: Record<string, string | number>
}

export interface PostgresServer {
  /** URL of the superuser, on the database "postgres". */
  url: string
  port: number
  pid: number
  logFile: string
  dataDirectory: string
  /** Ends it at once (immediate shutdown) and removes its data. */
  stop(): Promise<void>
  /** kill -9 of the server, as a crash does it. */
  crash(): Promise<void>
  /** Starts it again on the same data and port, after a crash. */
  restart(): Promise<void>
}

const startTimeoutMs = 60_000
const attempts = 3
const password = 'tidemark'

/**
 * Starts a real PostgreSQL 18 with logical decoding on a free port of 127.0.0.1, with data in this process's scratch
 * directory. It ends with this process. As root it runs as an account without rights, since PostgreSQL refuses root.
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const user = unprivilegedUser()
  const binaries = findPostgresBinaries(user)
  const dataDirectory = layData(binaries, user)
  for (let attempt = 1; ; attempt++) {
    const [port = 0] = await freePorts(1)
    try {
      const start = (): Promise<ServerProcess> => launch(binaries, user, dataDirectory, port, options)
      return new StartedPostgres(await start(), start, dataDirectory, port)
    } catch (error) {
      const portTaken = error instanceof Error && error.message.includes('Address already in use')
      if (!portTaken || attempt === attempts) throw error
    }
  }
}

class StartedPostgres implements PostgresServer {
  readonly url: string
  readonly port: number
  readonly dataDirectory: string
  readonly #start: () => Promise<ServerProcess>
  #server: ServerProcess

  constructor(server: ServerProcess, start: () => Promise<ServerProcess>, dataDirectory: string, port: number) {
    this.#server = server
    this.#start = start
    this.dataDirectory = dataDirectory
    this.port = port
    this.url = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`
  }

  get pid(): number {
    return this.#server.pid
  }

  get logFile(): string {
    return this.#server.logFile
  }

  async stop(): Promise<void> {
    await this.#server.stop()
    rmSync(this.dataDirectory, { recursive: true, force: true })
  }

  async crash(): Promise<void> {
    await this.#server.kill('SIGKILL')
  }

  async restart(): Promise<void> {
    this.#server = await this.#start()
  }
}

/** A data directory from a template made once by initdb (which takes longer than everything else together). */
function layData(binaries: PostgresBinaries, user: ServerUser | undefined): string {
  const template = join(cacheDirectory(), `postgres-${binaries.version}-template`)
  if (!existsSync(template)) makeTemplate(binaries, user, template)
  const dataDirectory = makeScratchDirectory('postgres')
  cpSync(template, dataDirectory, { recursive: true })
  if (user) own(dataDirectory, user)
  return dataDirectory
}

function makeTemplate(binaries: PostgresBinaries, user: ServerUser | undefined, template: string): void {
  const directory = makeScratchDirectory('initdb')
  const passwordFile = join(directory, 'password')
  const data = join(directory, 'data')
  mkdirSync(data, { mode: 0o700 })
  writeFileSync(passwordFile, `${password}\n`)
  if (user) own(directory, user)
  const args = ['-D', data, '-U', 'postgres', '-A', 'scram-sha-256', `--pwfile=${passwordFile}`, '--no-sync']
  execFileSync(binaries.initdb, [...args, '-E', 'UTF8', '--locale-provider=builtin', '--locale=C.UTF-8'], {
    ...user,
    cwd: directory,
    stdio: 'pipe'
  })
  const fresh = `${template}-${process.pid}`
  cpSync(data, fresh, { recursive: true })
  rmSync(directory, { recursive: true })
  adopt(fresh, template)
}

function own(directory: string, user: ServerUser): void {
  chownSync(directory, user.uid, user.gid)
  execFileSync('chown', ['-R', `${user.uid}:${user.gid}`, directory])
}

async function launch(
  binaries: PostgresBinaries,
  user: ServerUser | undefined,
  dataDirectory: string,
  port: number,
  options: PostgresOptions
): Promise<ServerProcess> {
  const pidFile = join(dataDirectory, 'postmaster.pid')
  rmSync(pidFile, { force: true })
  const args = Object.entries(settingsOf(port, options)).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const server = new ServerProcess({
    name: 'PostgreSQL',
    file: binaries.postgres,
    args: ['-D', dataDirectory, ...args],
    logFile: `${dataDirectory}.log`,
    // Immediate shutdown: a fast one waits for walsenders whose reader does not confirm (PostgreSQL <= 18).
    stopSignal: 'SIGQUIT',
    user
  })
  // Line 8 of postmaster.pid is the server's own word on its state, the one that pg_ctl waits for.
  const ready = (): boolean =>
    existsSync(pidFile) && (readFileSync(pidFile, 'utf8').split('\n')[7] ?? '').startsWith('ready')
  await server.untilReady(ready, startTimeoutMs)
  return server
}

function settingsOf(port: number, options: PostgresOptions): Record<string, string | number> {
  const safety = options.durable === false ? { fsync: 'off', full_page_writes: 'off' } : {}
  return {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    wal_level: 'logical',
    max_wal_senders: 64,
    max_replication_slots: 64,
    max_connections: 200,
    max_prepared_transactions: 16,
    timezone: 'UTC',
    ...safety,
    ...options.settings
  }
}
