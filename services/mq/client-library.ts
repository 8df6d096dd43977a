import { execFile, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { adopt, cacheDirectory } from '../cache.ts'

const run = promisify(execFile)
const clientFiles = join(import.meta.dirname, 'client')
const shim = join(import.meta.dirname, 'shim.c')

/** The npm package `ibmmq`, and the library that stands in for IBM's. */
export interface MqClient {
  /** Directory of the package. */
  packageDirectory: string
  /** To be in LD_LIBRARY_PATH before the program starts. */
  libraryDirectory: string
}

/** The command that compiles C here; null where there is none. */
export function compiler(): string | null {
  return ['cc', 'gcc', 'clang'].find(name => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0) ?? null
}

/** Why this machine cannot run the stand-in; null when it can. */
export function standInFault(): string | null {
  if (process.platform !== 'linux') return 'the stand-in queue manager runs on Linux only'
  return compiler() === null ? 'no C compiler (cc) is here to build the stand-in for the MQ client library' : null
}

/**
 * Fetches `ibmmq` (24 MB, without its install scripts, which would fetch IBM's client) and builds the stand-in library,
 * both once per checkout, below .tidemark/.
 */
export async function mqClient(say: (line: string) => void = () => {}): Promise<MqClient> {
  const packageDirectory = await fetchedPackage(say)
  return { packageDirectory, libraryDirectory: await builtLibrary(packageDirectory) }
}

async function fetchedPackage(say: (line: string) => void): Promise<string> {
  const lock = readFileSync(join(clientFiles, 'package-lock.json'))
  const place = join(cacheDirectory(), `mq-client-${digest(lock)}`)
  const directory = join(place, 'node_modules', 'ibmmq')
  if (existsSync(directory)) return directory
  say('fetching the npm package ibmmq, once (24 MB)')
  const fresh = `${place}-${process.pid}`
  try {
    mkdirSync(fresh, { recursive: true })
    for (const file of ['package.json', 'package-lock.json']) copyFileSync(join(clientFiles, file), join(fresh, file))
    await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: fresh })
    adopt(fresh, place)
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
  return directory
}

async function builtLibrary(packageDirectory: string): Promise<string> {
  const headers = [join(packageDirectory, 'src'), join(packageDirectory, 'src', 'unix')]
  const name = digest(readFileSync(shim), readFileSync(join(headers[1]!, 'cmqc.h')), Buffer.from(process.arch))
  const place = join(cacheDirectory(), `mq-shim-${name}`)
  if (existsSync(place)) return place
  const fresh = `${place}-${process.pid}`
  try {
    mkdirSync(fresh, { recursive: true })
    const includes = headers.flatMap(directory => ['-I', directory])
    const output = join(fresh, 'libmqm_r.so')
    await run(compiler() ?? 'cc', ['-O2', '-fPIC', '-shared', '-pthread', ...includes, '-o', output, shim])
    adopt(fresh, place)
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
  return place
}

function digest(...parts: Buffer[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest('hex').slice(0, 12)
}
