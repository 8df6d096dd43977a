import type { World } from './world.ts'

const name = 'P'
const partitionsMax = 4
const recordsMax = 60

/** A topic that other programs write to: what is in each partition, in its order. */
export class PlainTopic {
  readonly name = name
  readonly values: string[][] = []
  private readonly world: World
  private written = 0

  constructor(world: World) {
    this.world = world
    for (let count = 1 + world.chance.below(2); count > 0; count--) this.addPartition()
  }

  get partitions(): number {
    return this.values.length
  }

  /** Some records to one partition; now and then to a new one. */
  write(): void {
    const { chance, cluster, timeMs } = this.world
    if (this.written >= recordsMax) return
    if (chance.happens(0.05) && this.partitions < partitionsMax) this.addPartition()
    const partition = chance.below(this.partitions)
    const log = cluster.find(name, partition)!
    for (let count = 1 + chance.below(4); count > 0; count--) {
      const value = `p${partition}.${this.values[partition]!.length}`
      this.values[partition]!.push(value)
      this.written++
      log.addRecord(timeMs, Buffer.from(`k${value}`), Buffer.from(value), 0, null)
    }
    if (chance.happens(0.8)) log.replicate()
  }

  private addPartition(): void {
    this.world.cluster.createPartitions(name, this.partitions + 1)
    this.values.push([])
  }
}
