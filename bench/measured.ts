import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** What one part of the bench measured, of its own process. */
export interface Measured {
  /** Rows, records or transactions carried. */
  count: number
  seconds: number
  /** User and system time of the process. */
  cpuSeconds: number
  peakMegabytes: number
}

/** Times something from `begin` to `end`. */
export class Stopwatch {
  private at = 0
  private cpu = process.cpuUsage()

  /** Once; later calls change nothing. */
  begin(): void {
    if (this.at !== 0) return
    this.at = performance.now()
    this.cpu = process.cpuUsage()
  }

  end(count: number): Measured {
    const { user, system } = process.cpuUsage(this.cpu)
    const seconds = (performance.now() - this.at) / 1000
    const peakMegabytes = Math.round(process.resourceUsage().maxRSS / 1024)
    return { count, seconds, cpuSeconds: (user + system) / 1e6, peakMegabytes }
  }
}

/** In a part: prints the measurement for `runPart`. */
export function tell(measured: Measured): void {
  process.stdout.write(`${JSON.stringify(measured)}\n`)
}

/** Reads the same again and tells the last time, as of a service that has run for some seconds: what compiles on the way and what the broker has to fetch from disk is over. */
export async function tellLastOf(passes: number, read: () => Promise<Measured>): Promise<void> {
  let last = await read()
  for (let pass = 1; pass < passes; pass++) last = await read()
  tell(last)
}

/** As the command `tidemark` is started (capture/bin/tidemark.mjs). */
const nodeFlags = ['--max-semi-space-size=8']
const environment = { ...process.env, MALLOC_ARENA_MAX: '1' }

/** Runs a part of the bench in a process of its own. Rejects with its output when it fails. */
export async function runPart(name: string, args: readonly string[]): Promise<Measured> {
  const file = fileURLToPath(new URL(`parts/${name}.ts`, import.meta.url))
  const isAgent = name === 'drain' || name === 'format-rows'
  const child = spawn(process.execPath, [...(isAgent ? nodeFlags : []), file, ...args], {
    env: isAgent ? environment : process.env,
    stdio: ['ignore', 'pipe', 'pipe']
  })
  let out = ''
  let complaints = ''
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (complaints = (complaints + chunk.toString()).slice(-4000)))
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`bench part ${name} ended with ${code}\n${complaints}`)
  const lines = out.trim().split('\n')
  return JSON.parse(lines[lines.length - 1]!) as Measured
}
