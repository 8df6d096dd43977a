import { Cluster } from '@tidemark/kafka/cluster.ts'
import type { KafkaConnection } from '@tidemark/kafka/connection-options.ts'
import type { LogReader } from '@tidemark/kafka/log-reader.ts'
import { PartitionFetcher } from '@tidemark/kafka/partition-fetcher.ts'

/** What is read of plain topics. */
export interface TopicLogs {
  readonly reader: LogReader
  /** Milliseconds that only rise. */
  steadyMs(): number
  /** How many partitions the topic has now. Throws TOPIC_MISSING, KAFKA_UNREACHABLE. */
  partitions(topic: string): Promise<number>
  close(): Promise<void>
}

const unreachableAfterMs = 30_000

/** Of real brokers; connects when first asked. */
export function clusterLogs(kafka: Readonly<KafkaConnection>): TopicLogs {
  const cluster = new Cluster(kafka, { unreachableAfterMs })
  const reader = PartitionFetcher.of(cluster)
  return {
    reader,
    steadyMs: () => cluster.clock.steadyMs(),
    partitions: async topic => {
      cluster.forget(topic)
      return (await cluster.topic(topic)).partitions.length
    },
    close: async () => {
      await reader.close()
      await cluster.close()
    }
  }
}
