import { Cluster } from '@tidemark/kafka/cluster.ts'
import { kafkaConnection } from '@tidemark/kafka/connection-options.ts'
import { ConsumerGroup } from '@tidemark/kafka/consumer-group.ts'
import type { LogReader } from '@tidemark/kafka/log-reader.ts'
import { PartitionFetcher } from '@tidemark/kafka/partition-fetcher.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { ConsumerOptions, ConsumerSettings } from './consumer-options.ts'
import type { GroupMembership } from './group-membership.ts'
import { KafkaJsReader } from './kafkajs-reader.ts'

/** What a consumer reads from and keeps its group's place with. */
export interface Source {
  reader: LogReader
  /** Throws CONFIG_INVALID where there is no group to be had. */
  group(): GroupMembership
  close(): Promise<void>
}

/** Connects when first used. Throws CONFIG_INVALID. */
export function openSource(options: ConsumerOptions, settings: ConsumerSettings): Source {
  if (options.reader !== undefined) return withoutGroup(options.reader, 'reader', () => Promise.resolve())
  if (options.kafka !== undefined) {
    const reader = new KafkaJsReader(options.kafka, settings)
    return withoutGroup(reader, 'kafka', () => reader.close())
  }
  return ofBrokers(options, settings)
}

function ofBrokers(options: ConsumerOptions, settings: ConsumerSettings): Source {
  const { brokers, clientId, tls, sasl, timeouts } = options
  const cluster = new Cluster(kafkaConnection({ brokers, clientId, tls, sasl, timeouts }, 'options'), settings)
  const reader = PartitionFetcher.of(cluster, settings.bufferBytes)
  return {
    reader,
    group: () => new ConsumerGroup(cluster, { groupId: settings.groupId!, topic: settings.commitStream, partition: 0 }),
    close: async () => {
      await reader.close()
      await cluster.close()
    }
  }
}

function withoutGroup(reader: LogReader, option: string, close: () => Promise<void>): Source {
  return {
    reader,
    close,
    group: () => {
      throw groupless(option)
    }
  }
}

function groupless(option: string): TidemarkError {
  return new TidemarkError('CONFIG_INVALID', {
    message: `groupId: a group is kept over connections of its own, which \`${option}\` does not give`,
    place: 'option groupId',
    cure: `give \`brokers\` instead of \`${option}\`, or store the bookmark with the result`
  })
}
