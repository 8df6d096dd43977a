import type { TestContext } from 'node:test'
import { ClusterProduceWire } from '@tidemark/kafka/wire.ts'
import { ProducerSession, type PartitionBatch } from '@tidemark/kafka/producer-session.ts'
import { BatchBuilder } from '@tidemark/kafka/record-batch/batch-builder.ts'
import type { Compression } from '@tidemark/kafka/record-batch/compression.ts'
import { useCluster, type TestCluster } from '../../test/support/kafka-cluster.ts'
import { encodeHeaders, type MemoryLog, type MemoryRecord } from '../../test/support/memory-log.ts'
import { ScriptedStream, type ScriptedOwner, type Target } from './scripted-stream.ts'

export interface RealStream extends TestCluster {
  script: ScriptedStream
  owner: ScriptedOwner
  commitStream: string
  /** One record in each of the three partitions. */
  three: Target[]
  transfers: string
  /** Brings everything scripted since the last call to the broker: data first. */
  publish(): Promise<void>
}

/** A scripted subscription on a real broker, with topics of this test alone, claimed by its first owner. */
export async function useRealStream(t: TestContext, compression: Compression = 'none'): Promise<RealStream> {
  const real = await useCluster(t)
  const [commitStream, accounts, transfers] = await Promise.all([
    real.topic('commits'),
    real.topic('accounts', { partitions: 2 }),
    real.topic('transfers')
  ])
  const script = new ScriptedStream(7, commitStream, accounts, transfers)
  script.genesis()
  const owner = script.claim(1)
  const session = await ProducerSession.open(new ClusterProduceWire(real.cluster), real.kafka.topicName('id'), {
    compression
  })
  const publisher = new Publisher(session, script.log, commitStream)
  const three = [`${accounts}/0`, `${accounts}/1`, `${transfers}/0`]
  return { ...real, script, owner, commitStream, three, transfers, publish: () => publisher.publish() }
}

class Publisher {
  private readonly session: ProducerSession
  private readonly log: MemoryLog
  private readonly commitStream: string
  private readonly published = new Map<string, number>()

  constructor(session: ProducerSession, log: MemoryLog, commitStream: string) {
    this.session = session
    this.log = log
    this.commitStream = commitStream
  }

  async publish(): Promise<void> {
    const batches = this.log.topicNames().flatMap(topic => this.unpublished(topic))
    await this.session.produce(batches.filter(({ topic }) => topic !== this.commitStream))
    await this.session.produce(batches.filter(({ topic }) => topic === this.commitStream))
  }

  private unpublished(topic: string): PartitionBatch[] {
    const batches: PartitionBatch[] = []
    for (let partition = 0; partition < this.log.partitionCount(topic); partition++) {
      const key = `${topic}/${partition}`
      const from = this.published.get(key) ?? 0
      const records = this.log.partition(topic, partition).records().slice(from)
      this.published.set(key, from + records.length)
      if (records.length > 0) batches.push({ topic, partition, batch: batchOf(records) })
    }
    return batches
  }
}

function batchOf(records: readonly MemoryRecord[]): BatchBuilder {
  const batch = new BatchBuilder()
  for (const { key = null, value = null, timestamp = 0, headers = [] } of records) {
    const bytes = encodeHeaders(headers)
    const now = Date.now() - 1_000_000 + timestamp
    batch.append(now, key, 0, key?.length ?? 0, value, 0, value?.length ?? 0, headers.length, bytes, 0, bytes.length)
  }
  return batch
}
