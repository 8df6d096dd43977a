export interface QueueRest {
  queue: number
  restMs: number
}

/**
 * Which queues are left alone for a while, since Kafka does not take their records, so that the others go on. All queues of
 * a subscription share one unit of work, and a unit that is not taken says only which queues were in it: from then on a
 * unit holds messages of one queue only, until each of those has been committed. Pure.
 */
export class QueueRests {
  private readonly restMsFirst: number
  private readonly restMsMax: number
  /** Were in a unit that was not taken, and in none that was since. */
  private readonly suspects = new Set<number>()
  private readonly tries: number[]
  private readonly untilMs: number[]
  /** The queue to begin with: the one behind that which was not taken last has its turn first. */
  firstQueue = 0

  constructor(queues: number, restMsFirst: number, restMsMax: number) {
    this.restMsFirst = restMsFirst
    this.restMsMax = restMsMax
    this.tries = Array<number>(queues).fill(0)
    this.untilMs = Array<number>(queues).fill(0)
  }

  /** Units are to hold messages of one queue only. */
  get apart(): boolean {
    return this.suspects.size > 0
  }

  /** A unit with messages of these queues was not taken. Returns the queue that is to rest, when it is known which. */
  notTaken(queues: ReadonlySet<number>, nowMs: number): QueueRest | null {
    // With one queue alone there is nobody to make way for: the agent tries again by itself.
    if (this.tries.length === 1) return null
    for (const queue of queues) this.suspects.add(queue)
    if (queues.size !== 1) return null
    const [queue] = queues as ReadonlySet<number> & Iterable<number>
    const restMs = Math.min(this.restMsMax, this.restMsFirst * 2 ** this.tries[queue!]!++)
    this.untilMs[queue!] = nowMs + restMs
    this.firstQueue = (queue! + 1) % this.tries.length
    return { queue: queue!, restMs }
  }

  committed(queues: ReadonlySet<number>): void {
    for (const queue of queues) {
      this.suspects.delete(queue)
      this.tries[queue] = 0
    }
  }

  /** Of each queue, how long it is still to rest. */
  restsMs(nowMs: number): number[] {
    return this.untilMs.map(untilMs => Math.max(0, untilMs - nowMs))
  }
}
