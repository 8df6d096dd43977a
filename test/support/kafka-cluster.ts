import type { TestContext } from 'node:test'
import { KafkaAdmin, type NewTopic } from '@tidemark/kafka/admin.ts'
import { Cluster, type ClusterOptions } from '@tidemark/kafka/cluster.ts'
import { PartitionFetcher } from '@tidemark/kafka/partition-fetcher.ts'
import { BatchBuilder } from '@tidemark/kafka/record-batch/batch-builder.ts'
import { RecordReader } from '@tidemark/kafka/record-batch/record-reader.ts'
import { useKafka, type TestKafka } from './kafka.ts'

export interface TestCluster {
  kafka: TestKafka
  cluster: Cluster
  admin: KafkaAdmin
  fetcher: PartitionFetcher
  /** A further cluster, as another process would have. */
  connect(): Cluster
  /** Creates a topic, deleted after the test; its name begins with `base`. */
  topic(base: string, settings?: Partial<NewTopic>): Promise<string>
}

/** A real broker with a cluster that closes after `t`, and topics of this test alone. */
export async function useCluster(t: TestContext, options: ClusterOptions = {}): Promise<TestCluster> {
  const kafka = await useKafka(t)
  const open: Cluster[] = []
  const topics: string[] = []
  const connect = (): Cluster => {
    const cluster = new Cluster({ brokers: kafka.brokers, clientId: 'tidemark-test' }, options)
    open.push(cluster)
    return cluster
  }
  t.after(async () => {
    await new KafkaAdmin(connect()).deleteTopics(topics)
    await Promise.all(open.map(cluster => cluster.close()))
  })
  const cluster = connect()
  const admin = new KafkaAdmin(cluster)
  const topic = async (base: string, settings: Partial<NewTopic> = {}): Promise<string> => {
    const name = kafka.topicName(base)
    topics.push(name)
    await admin.createTopics([{ name, partitions: 1, replication: 1, ...settings }])
    return name
  }
  return { kafka, cluster, connect, admin, topic, fetcher: PartitionFetcher.of(cluster) }
}

/** A batch of keyless records with these values. */
export function batchOf(...values: string[]): BatchBuilder {
  const batch = new BatchBuilder()
  for (const value of values) {
    const bytes = Buffer.from(value)
    batch.append(1_700_000_000_000, null, 0, 0, bytes, 0, bytes.length, 0, null, 0, 0)
  }
  return batch
}

/** `offset value` of every record in the fetched bytes. */
export function recordsIn(batches: Buffer): string[] {
  const records = new RecordReader()
  const found: string[] = []
  records.reset(batches)
  while (records.next()) found.push(`${records.offset} ${records.value?.toString() ?? 'null'}`)
  return found
}
