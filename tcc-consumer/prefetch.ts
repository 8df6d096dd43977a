import type { FetchedPartition, FetchRequest, LogReader } from '@tidemark/kafka/log-reader.ts'
import type { FetchQueue } from './fetch-queue.ts'

export interface PrefetchLimits {
  /** Bytes fetched ahead, over all partitions; each partition may hold at least `partitionBytesMin` of them. */
  bufferBytes: number
  /** How long one fetch waits for data, in milliseconds. */
  waitMs: number
}

/** Below this a fetch is not worth its round trip. */
export const partitionBytesMin = 65_536

/** The first fetch at a place asks for no more than this: there is something to read while the next, larger one comes in. */
const firstBytesMax = 1_048_576

/** Part of its share that a partition may hold and still be asked for more: waiting longer, the reader would run dry. */
const refillBelow = 0.75

interface Flight {
  queues: readonly FetchQueue[]
  generations: readonly number[]
  issue: number
  /** Every partition in it was at its end: it will wait, and nothing is lost by breaking it off. */
  idle: boolean
  controller: AbortController
}

/**
 * One long-poll loop over all partitions in use: keeps each one's queue filled within the byte budget. It is only a
 * cache: whoever reads decides what the bytes mean. Any error of the `LogReader` ends it and rejects all waiters.
 */
export class Prefetch {
  /** Number of the last fetch sent. */
  issued = 0
  /** Answers taken in. */
  answers = 0
  private readonly reader: LogReader
  private readonly limits: PrefetchLimits
  private readonly queues = new Set<FetchQueue>()
  private flight: Flight | null = null
  private running: Promise<void> | null = null
  private waiters: { resolve: () => void; reject: (error: unknown) => void }[] = []
  private failure: { error: unknown } | null = null
  private closed = false

  /** `signal` ends it as `close` does. */
  constructor(reader: LogReader, limits: PrefetchLimits, signal: AbortSignal) {
    this.reader = reader
    this.limits = limits
    this.closed = signal.aborted
    signal.addEventListener('abort', () => void this.close(), { once: true })
  }

  get heldBytes(): number {
    let held = 0
    for (const queue of this.queues) held += queue.heldBytes
    return held
  }

  add(queue: FetchQueue): void {
    this.queues.add(queue)
  }

  remove(queue: FetchQueue): void {
    this.queues.delete(queue)
  }

  /** Starts a fetch when none is under way and a partition has room. Cheap: call it whenever bytes were taken. */
  fill(): void {
    if (this.running !== null || this.closed || this.failure !== null) return
    const due = this.due()
    if (due.length > 0) this.running = this.run(due)
  }

  /**
   * Resolves after the next answer, or when closed. `wanted` are the partitions something is needed of: a waiting fetch
   * without them is broken off. Rejects with the error that ended the loop.
   */
  async answer(wanted: readonly FetchQueue[]): Promise<void> {
    if (this.failure !== null) throw this.failure.error
    if (this.closed) return
    const { flight } = this
    // Only for one that the next fetch would ask for: else fetches were broken off one after another without end.
    if (flight?.idle && this.due().some(queue => wanted.includes(queue) && !covers(flight, queue))) {
      flight.controller.abort()
    }
    return new Promise((resolve, reject) => {
      this.waiters.push({ resolve, reject })
      this.fill()
    })
  }

  /** Breaks off the fetch under way; waiters resolve. */
  async close(): Promise<void> {
    this.closed = true
    this.flight?.controller.abort()
    await this.running
    this.wake()
  }

  private async run(due: FetchQueue[]): Promise<void> {
    try {
      while (due.length > 0 && !this.closed) {
        await this.fetch(due)
        due = this.due()
        this.wake()
      }
    } catch (error) {
      this.fail(error)
    }
    this.running = null
  }

  private async fetch(due: FetchQueue[]): Promise<void> {
    const share = this.share()
    const requests = due.map(queue => requestOf(queue, share))
    const flight: Flight = {
      queues: due,
      generations: due.map(queue => queue.generation),
      issue: ++this.issued,
      idle: due.every(queue => queue.answered > 0 && queue.isAtEnd),
      controller: new AbortController()
    }
    this.flight = flight
    try {
      this.accept(flight, await this.reader.fetch(requests, this.limits.waitMs, flight.controller.signal))
    } catch (error) {
      if (!flight.controller.signal.aborted) throw error
    } finally {
      this.flight = null
    }
  }

  private accept(flight: Flight, answers: readonly FetchedPartition[]): void {
    this.answers++
    for (const answer of answers) {
      const index = flight.queues.findIndex(
        queue => queue.partition === answer.partition && queue.topic === answer.topic
      )
      if (index >= 0)
        flight.queues[index]!.accept(answer, flight.issue, flight.generations[index]!, flight.queues.length === 1)
    }
  }

  /**
   * Partitions with at least a quarter of their share free; a doubtful one alone. One that is stopped waits for its reader to
   * decide.
   */
  private due(): FetchQueue[] {
    const enough = this.share() * refillBelow
    const due = [...this.queues].filter(queue => !queue.isStopped && queue.heldBytes <= enough)
    const doubtful = due.find(queue => queue.isDoubtful)
    return doubtful === undefined ? due : [doubtful]
  }

  private share(): number {
    return Math.max(partitionBytesMin, Math.floor(this.limits.bufferBytes / Math.max(1, this.queues.size)))
  }

  private wake(): void {
    const { waiters } = this
    this.waiters = []
    for (const waiter of waiters) waiter.resolve()
  }

  private fail(error: unknown): void {
    this.failure = { error }
    const { waiters } = this
    this.waiters = []
    for (const waiter of waiters) waiter.reject(error)
  }
}

function requestOf(queue: FetchQueue, share: number): FetchRequest {
  const room = Math.min(share - queue.heldBytes, Math.max(firstBytesMax, queue.fetchedBytes))
  const bytesMax = Math.max(room, queue.batchBytesMax)
  const { topic, partition, fetchOffset: offset, leaderEpoch } = queue
  return leaderEpoch < 0 ? { topic, partition, offset, bytesMax } : { topic, partition, offset, bytesMax, leaderEpoch }
}

function covers(flight: Flight, queue: FetchQueue): boolean {
  const index = flight.queues.indexOf(queue)
  return index >= 0 && flight.generations[index] === queue.generation
}
