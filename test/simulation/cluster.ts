import type { ProducerIdentity } from '@tidemark/kafka/produce-wire.ts'
import { PartitionLog } from './partition-log.ts'

/** Brokers as one: topics, leaders and the producer ids of transactional ids. */
export class Cluster {
  readonly name: string
  readonly topics = new Map<string, PartitionLog[]>()
  private readonly leaders = new Map<PartitionLog, number>()
  private readonly producers = new Map<string, ProducerIdentity>()

  constructor(name: string) {
    this.name = name
  }

  /** Creates the topic, or adds partitions to it. */
  createPartitions(topic: string, partitions: number): void {
    const logs = this.topics.get(topic) ?? []
    for (let partition = logs.length; partition < partitions; partition++) logs.push(new PartitionLog(topic, partition))
    this.topics.set(topic, logs)
  }

  find(topic: string, partition: number): PartitionLog | undefined {
    return this.topics.get(topic)?.[partition]
  }

  get logs(): PartitionLog[] {
    return [...this.topics.values()].flat()
  }

  /** Partitions whose new leader has not heard of its followers yet. */
  get electing(): PartitionLog[] {
    return this.logs.filter(log => log.electing)
  }

  leader(log: PartitionLog): number {
    return this.leaders.get(log) ?? 1
  }

  moveLeader(log: PartitionLog): void {
    this.leaders.set(log, 3 - this.leader(log))
  }

  /** As the coordinator: the same id for a transactional id, one epoch higher at each call. */
  initProducerId(transactionalId: string): ProducerIdentity {
    const before = this.producers.get(transactionalId)
    const identity = before
      ? { producerId: before.producerId, producerEpoch: before.producerEpoch + 1 }
      : { producerId: BigInt(this.producers.size + 1), producerEpoch: 0 }
    this.producers.set(transactionalId, identity)
    return identity
  }
}
