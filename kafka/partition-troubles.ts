import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { backoffMs, type Clock } from './clock.ts'
import { retryBackoff } from './cluster.ts'

/** Longer than any one request may take. */
const forgottenAfterMs = 300_000

interface Trouble {
  sinceMs: number
  tries: number
  dueMs: number
  cause: string
}

/** Partitions that could not be read of late: when each may be tried again, and when it is enough. */
export class PartitionTroubles {
  private readonly clock: Clock
  private readonly unreachableAfterMs: number
  private readonly troubles = new Map<string, Trouble>()

  constructor(clock: Clock, unreachableAfterMs: number) {
    this.clock = clock
    this.unreachableAfterMs = unreachableAfterMs
  }

  note(topic: string, partition: number, cause: string): void {
    const now = this.clock.steadyMs()
    const key = `${topic}/${partition}`
    const known = this.troubles.get(key)
    // Nobody asked for a long time: what was wrong then may have been over in between.
    const before = known !== undefined && now - known.dueMs < forgottenAfterMs ? known : undefined
    const tries = (before?.tries ?? 0) + 1
    const dueMs = now + backoffMs(tries, retryBackoff, this.clock.random())
    this.troubles.set(key, { sinceMs: before?.sinceMs ?? now, tries, dueMs, cause })
  }

  /** Throws KAFKA_UNREACHABLE when one of these has been in trouble for too long. */
  limit(partitions: readonly { topic: string; partition: number }[]): void {
    if (this.troubles.size === 0) return
    for (const { topic, partition } of partitions) {
      const key = `${topic}/${partition}`
      const trouble = this.troubles.get(key)
      if (trouble === undefined || trouble.tries < 2) continue
      const troubledMs = this.clock.steadyMs() - trouble.sinceMs
      if (troubledMs < this.unreachableAfterMs) continue
      this.troubles.delete(key)
      throw new TidemarkError('KAFKA_UNREACHABLE', {
        message: `${key} could not be read for ${Math.round(troubledMs)} ms: ${trouble.cause}`,
        place: key
      })
    }
  }

  over(topic: string, partition: number): void {
    if (this.troubles.size > 0) this.troubles.delete(`${topic}/${partition}`)
  }

  isDue(topic: string, partition: number): boolean {
    if (this.troubles.size === 0) return true
    const trouble = this.troubles.get(`${topic}/${partition}`)
    return trouble === undefined || trouble.dueMs <= this.clock.steadyMs()
  }

  /** Milliseconds until the first of these may be tried again; null when none is in trouble. */
  dueInMs(partitions: readonly { topic: string; partition: number }[]): number | null {
    if (this.troubles.size === 0) return null
    let first: number | null = null
    for (const { topic, partition } of partitions) {
      const trouble = this.troubles.get(`${topic}/${partition}`)
      if (trouble !== undefined) first = Math.min(first ?? Infinity, trouble.dueMs)
    }
    return first === null ? null : Math.max(1, first - this.clock.steadyMs())
  }
}
