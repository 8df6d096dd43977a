/** What the watchdog sees at one look. */
export interface Look {
  /** As in cells.ts. */
  running: boolean
  label: number
  call: number
  tick: number
  /** Resident memory of the process. */
  rssBytes: number
}

export interface WatchLimits {
  /** One call of a processor. */
  callMsMax: number
  /** Growth of the process during one call. */
  memoryBytesMax: number
  /** Between two looks. */
  lookMs: number
}

/** Why the agent has to end. `label`: of the call that runs, or of the one that ran last. */
export type Verdict = { why: 'call' | 'memory' | 'loop'; label: number }

/**
 * Judges looks, one after the other. Time is counted in looks, so that a machine that slept, or a watchdog that had no
 * processor, accuses nobody.
 */
export class Judge {
  private readonly limits: WatchLimits
  private last: Look | null = null
  private callLooks = 0
  private loopLooks = 0
  /** Before the call that runs. */
  private rssBefore = 0

  constructor(limits: WatchLimits) {
    this.limits = limits
  }

  /** null: all is well. */
  see(look: Look): Verdict | null {
    const { last } = this
    this.last = look
    const same = last !== null && look.running && last.running && last.call === look.call
    this.callLooks = same ? this.callLooks + 1 : 0
    // A loop that hangs before the first call is none of a processor's doing.
    this.loopLooks = last !== null && look.tick === last.tick && look.call !== 0 ? this.loopLooks + 1 : 0
    if (!same) this.rssBefore = last?.rssBytes ?? look.rssBytes
    return this.judged(look)
  }

  private judged({ running, label, rssBytes }: Look): Verdict | null {
    const { callMsMax, memoryBytesMax, lookMs } = this.limits
    if (running && rssBytes - this.rssBefore > memoryBytesMax) return { why: 'memory', label }
    if (this.callLooks * lookMs > callMsMax) return { why: 'call', label }
    // Timers are due every second; calls that end are not to blame one by one, so the loop has a little longer.
    if (this.loopLooks * lookMs > callMsMax + loopGraceMs) return { why: 'loop', label }
    return null
  }
}

const loopGraceMs = 5_000
