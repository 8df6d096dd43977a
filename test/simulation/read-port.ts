import type { FetchedPartition, FetchRequest, LogReader } from '@tidemark/kafka/log-reader.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { Cluster } from './cluster.ts'
import type { Host } from './host.ts'
import type { PartitionLog } from './partition-log.ts'

const noBytes = Buffer.alloc(0)

/** The reading side of a process: answers are small, cut, late, or empty because the wait ended. */
export class SimulatedLogReader implements LogReader {
  private readonly host: Host
  private readonly cluster: Cluster
  /** How often a question fails although it was asked again and again. */
  private readonly unreachable: number

  constructor(host: Host, cluster: Cluster, unreachable: number) {
    this.host = host
    this.cluster = cluster
    this.unreachable = unreachable
  }

  bounds(topic: string, partition: number): Promise<{ start: number; end: number }> {
    return this.host.ask(
      () => {
        const { start, highWatermark } = this.log(topic, partition)
        return { start, end: highWatermark }
      },
      () => this.cluster.find(topic, partition)?.electing !== true
    )
  }

  offsetAtTime(topic: string, partition: number, time: number): Promise<number | null> {
    return this.host.ask(
      () => this.log(topic, partition).offsetAtTime(time),
      () => this.cluster.find(topic, partition)?.electing !== true
    )
  }

  fetch(requests: readonly FetchRequest[], _waitMs: number, signal?: AbortSignal): Promise<FetchedPartition[]> {
    const { world } = this.host
    const answer = this.host.ask(
      () => requests.map(request => this.read(request)).filter(() => world.healing || world.chance.happens(0.98)),
      // A long poll: an answer without anything comes when its time is over.
      () => requests.some(request => this.hasNews(request)) || world.chance.happens(world.healing ? 0.5 : 0.1)
    )
    if (signal === undefined) return answer
    return new Promise((resolve, reject) => {
      const abort = (): void => reject(signal.reason as Error)
      if (signal.aborted) abort()
      else signal.addEventListener('abort', abort, { once: true })
      answer.then(resolve, reject)
    })
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  private hasNews({ topic, partition, offset }: FetchRequest): boolean {
    const log = this.cluster.find(topic, partition)
    return log === undefined || offset < log.start || offset !== log.highWatermark
  }

  private read({ topic, partition, offset, leaderEpoch }: FetchRequest): FetchedPartition {
    const log = this.log(topic, partition)
    const { start: logStart, highWatermark } = log
    const outOfRange = offset < logStart || offset > log.end
    const isChecked = leaderEpoch !== undefined && !outOfRange && !this.host.world.unchecked
    const divergesAt = isChecked ? log.divergesAt(leaderEpoch, offset) : null
    if (divergesAt !== null) {
      return { topic, partition, batches: noBytes, highWatermark, logStart, outOfRange: false, divergesAt }
    }
    const batches = outOfRange ? noBytes : this.cut(log.read(offset, this.batchesMax()))
    return { topic, partition, batches, highWatermark, logStart, outOfRange }
  }

  private batchesMax(): number {
    const { world } = this.host
    return world.healing ? 1_000 : 1 + world.chance.below(4)
  }

  /** A broker cuts its answer anywhere, but the first batch is whole. */
  private cut(batches: Buffer[]): Buffer {
    const { chance, healing } = this.host.world
    const last = batches.at(-1)
    if (healing || batches.length < 2 || last === undefined || chance.happens(0.8)) return Buffer.concat(batches)
    return Buffer.concat([...batches.slice(0, -1), last.subarray(0, chance.below(last.length))])
  }

  private log(topic: string, partition: number): PartitionLog {
    const { world } = this.host
    if (!world.healing && world.chance.happens(this.unreachable)) {
      throw new TidemarkError('KAFKA_UNREACHABLE', { message: 'no broker answers' })
    }
    const log = this.cluster.find(topic, partition)
    if (log === undefined) throw new TidemarkError('TOPIC_MISSING', { message: `no ${topic}/${partition}` })
    return log
  }
}
