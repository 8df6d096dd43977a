import { PartitionFetcher } from '@tidemark/kafka/partition-fetcher.ts'
import type { ConsumerSettings } from './consumer-options.ts'
import { clusterOf, type KafkaJs } from './kafkajs-cluster.ts'
import { KafkaJsFetchWire } from './kafkajs-fetch-wire.ts'

/**
 * Reads partitions over a cluster of its own of that kafkajs instance, with its brokers, TLS, SASL and socket factory.
 * The instance stays the caller's. Throws CONFIG_INVALID when it is not of kafkajs 2.
 */
export class KafkaJsReader extends PartitionFetcher {
  private readonly connections: KafkaJsFetchWire

  constructor(kafka: KafkaJs, { clock, unreachableAfterMs, bufferBytes }: ConsumerSettings) {
    const connections = new KafkaJsFetchWire(clusterOf(kafka), clock)
    super(connections, { clock, unreachableAfterMs, responseBytesMax: bufferBytes })
    this.connections = connections
  }

  /** Fetches under way reject; the connections end. */
  override async close(): Promise<void> {
    await super.close()
    await this.connections.disconnect()
  }
}
