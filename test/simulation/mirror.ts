import { RecordReader } from '@tidemark/kafka/record-batch/record-reader.ts'
import { Cluster } from './cluster.ts'
import type { PartitionLog } from './partition-log.ts'
import type { World } from './world.ts'

/** A copy of all topics in another cluster: other offsets, repetitions, every topic at its own pace. */
export class Mirror {
  readonly cluster = new Cluster('mirror')
  private readonly world: World
  private readonly cursors = new Map<PartitionLog, number>()

  constructor(world: World) {
    this.world = world
    for (const log of world.cluster.logs) this.copyOf(log)
  }

  /** Copies a little of one partition, or all of all while healing. Returns whether anything was new. */
  step(): boolean {
    const { world } = this
    const { logs } = world.cluster
    if (!world.healing) return this.copy(world.chance.of(logs), 1 + world.chance.below(3))
    return logs.map(log => this.copy(log, Infinity)).includes(true)
  }

  private copy(log: PartitionLog, recordsMax: number): boolean {
    const copy = this.copyOf(log)
    const { chance, healing } = this.world
    const copied = this.cursors.get(log) ?? 0
    if (copied < log.start && log.topic === this.world.subscriptions[0]!.commitStream) this.world.mirrorOvertaken = true
    let cursor = Math.max(copied, log.start)
    if (!healing && cursor > log.start && chance.happens(0.15)) {
      cursor = Math.max(log.start, cursor - 1 - chance.below(4))
      this.world.note(() => `the mirror of ${log.name} goes back to ${cursor}`)
    }
    let left = recordsMax
    const reader = new RecordReader()
    for (const bytes of log.read(cursor, Infinity)) {
      reader.reset(bytes, cursor)
      while (left > 0 && reader.next()) {
        left--
        cursor = reader.offset + 1
        copyRecord(copy, reader)
      }
    }
    copy.replicate()
    this.cursors.set(log, cursor)
    if (left < recordsMax) this.world.events++
    return left < recordsMax
  }

  private copyOf(log: PartitionLog): PartitionLog {
    this.cluster.createPartitions(log.topic, log.partition + 1)
    const copy = this.cluster.find(log.topic, log.partition)!
    if (!this.cursors.has(log)) {
      this.cursors.set(log, log.start)
      copy.skip(this.world.chance.below(3))
    }
    return copy
  }
}

function copyRecord(
  copy: PartitionLog,
  { timestamp, key, value, headerCount, bytes, headersStart, headersEnd }: RecordReader
): void {
  copy.addRecord(timestamp, key, value, headerCount, bytes.subarray(headersStart, headersEnd))
}
