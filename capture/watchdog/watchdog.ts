import { extname, join } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { CallWatch } from '@tidemark/kcop/call-watch.ts'
import type { LogSettings } from '../log.ts'
import { CALL, cellCount, LABEL, RUNNING, TICK } from './cells.ts'

export interface WatchdogOptions {
  callMsMax: number
  memoryBytesMax: number
  /** How its last word is written. */
  log: LogSettings
}

/** As the thread is started. */
export interface WatchdogStart extends WatchdogOptions {
  cells: SharedArrayBuffer
  lookMs: number
}

const program = join(import.meta.dirname, `watchdog-thread${extname(import.meta.filename)}`)
const lookMs = 50
const tickMs = 1_000
/** Calls together may keep the event loop so long from its timers: a status is due every few seconds. */
const sliceMs = 500

/**
 * Watches calls of processors from a thread of its own: JavaScript cannot be interrupted from within. A call that does not
 * end, or takes memory without end, ends the process (SIGKILL) after a last word in the log: nothing half is named, as
 * with any other kill.
 */
export class Watchdog implements CallWatch {
  private readonly cells = new Int32Array(new SharedArrayBuffer(cellCount * 4))
  private readonly worker: Worker
  private readonly ticker: NodeJS.Timeout
  private readonly labels: string[] = []
  private startedMs = 0
  private spentMs = 0

  constructor(options: WatchdogOptions) {
    const workerData: WatchdogStart = { ...options, cells: this.cells.buffer as SharedArrayBuffer, lookMs }
    this.worker = new Worker(program, { workerData, execArgv: [], resourceLimits: { maxOldGenerationSizeMb: 64 } })
    this.worker.unref()
    this.ticker = setInterval(() => void this.cells[TICK]!++, tickMs)
    this.ticker.unref()
  }

  label(what: string): number {
    const known = this.labels.indexOf(what)
    if (known >= 0) return known
    this.worker.postMessage(what, [])
    return this.labels.push(what) - 1
  }

  enter(label: number): void {
    this.cells[CALL]!++
    this.cells[LABEL] = label
    Atomics.store(this.cells, RUNNING, 1)
    this.startedMs = performance.now()
  }

  leave(): void {
    Atomics.store(this.cells, RUNNING, 0)
    this.spentMs += performance.now() - this.startedMs
  }

  turn(): Promise<void> | null {
    if (this.spentMs < sliceMs) return null
    this.spentMs = 0
    return new Promise(resolve => setTimeout(resolve, 0))
  }

  async close(): Promise<void> {
    clearInterval(this.ticker)
    await this.worker.terminate()
  }
}
