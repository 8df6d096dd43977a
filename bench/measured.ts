import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** What one part of the bench measured, of its own process. */
export interface Measured {
  /** Rows, records or transactions carried. */
  count: number
  seconds: number
  /** User and system time of the process, start-up included. */
  cpuSeconds: number
  peakMegabytes: number
}

/** In a part: prints the measurement for `runPart`. */
export function tell(count: number, seconds: number): void {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
  const measured: Measured = {
    count,
    seconds,
    cpuSeconds: (userCPUTime + systemCPUTime) / 1e6,
    peakMegabytes: Math.round(maxRSS / 1024)
  }
  process.stdout.write(`${JSON.stringify(measured)}\n`)
}

/** As the command `tidemark` is started (capture/bin/tidemark.mjs). */
const nodeFlags = ['--max-semi-space-size=8']

/** Runs a part of the bench in a process of its own. Rejects with its output when it fails. */
export async function runPart(name: string, args: readonly string[]): Promise<Measured> {
  const file = fileURLToPath(new URL(`parts/${name}.ts`, import.meta.url))
  const child = spawn(process.execPath, [...(name === 'drain' ? nodeFlags : []), file, ...args], {
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
