import { dirname, resolve } from 'node:path'
import type {
  Configuration,
  OutboxConfiguration,
  OutboxTableConfiguration,
  TableConfiguration,
  TopicDefaults
} from './configuration.ts'
import type { KafkaConnection } from '@tidemark/kafka/connection-options.ts'
import type { ConfigurationFile } from './schema.ts'
import type { OutboxTableFile, TableFile } from './table-options.ts'
import { parseTableName } from './table-name.ts'

/**
 * The complete configuration of a file that the schema and rules.ts have accepted: defaults that follow from other
 * options, absolute paths, no absent entries. `as Required` stands where the schema's own default has been filled in.
 */
export function complete(written: ConfigurationFile, file: string): Configuration {
  const { subscription } = written
  const { compression, ...kafka } = structuredClone(written.kafka)
  const topics = completeTopics(written)
  return deepFreeze({
    file,
    subscription,
    postgres: {
      url: written.postgres!.url,
      publication: written.postgres!.publication ?? `tidemark_${subscription}`,
      slot: written.postgres!.slot ?? defaultSlot(subscription)
    },
    // A clone, since what the YAML reader makes has no prototype.
    kafka: { ...kafka, clientId: `tidemark-${subscription}` } as KafkaConnection,
    compression: compression as Configuration['compression'],
    commitStream: commitStreamOf(written),
    topics,
    tables: Object.entries(written.tables ?? {}).map(([name, table]) =>
      completeTable(name, table, topics.prefix, file)
    ),
    outbox: completeOutbox(written.outbox)
  })
}

/** Slots are named in lower-case letters, digits and _ only. */
export function defaultSlot(subscription: string): string {
  return `tidemark_${subscription.toLowerCase().replaceAll(/[^a-z0-9_]/g, '_')}`
}

export function commitStreamOf(written: ConfigurationFile): string {
  return written.commitStream ?? `${written.subscription}.commits`
}

export function topicOf(written: ConfigurationFile, table: string): string {
  return written.tables?.[table]?.topic ?? `${written.topics?.prefix ?? written.subscription}.${table}`
}

function completeTopics(written: ConfigurationFile): TopicDefaults {
  const topics = written.topics as Required<NonNullable<ConfigurationFile['topics']>>
  return {
    partitions: topics.partitions,
    replication: topics.replication ?? null,
    prefix: topics.prefix ?? written.subscription
  }
}

function completeTable(qualifiedName: string, table: TableFile, prefix: string, file: string): TableConfiguration {
  const { format, deletes, refresh } = table as Required<TableFile>
  return {
    ...nameOf(qualifiedName),
    topic: table.topic ?? `${prefix}.${qualifiedName}`,
    format,
    key: table.key ?? null,
    deletes,
    processor: table.processor === undefined ? null : resolve(dirname(file), table.processor),
    refresh
  }
}

function completeOutbox(outbox: ConfigurationFile['outbox']): OutboxConfiguration {
  const { message, ...tables } = outbox ?? {}
  return {
    tables: Object.entries(tables).map(([name, table]) => completeOutboxTable(name, table as OutboxTableFile)),
    messages: message === undefined ? [] : ([message].flat() as string[])
  }
}

function completeOutboxTable(qualifiedName: string, table: OutboxTableFile): OutboxTableConfiguration {
  const { timestamp, schemaVersion, additional, ...rest } = table as Required<OutboxTableFile>
  return {
    ...rest,
    ...nameOf(qualifiedName),
    timestamp: timestamp ?? null,
    schemaVersion: schemaVersion ?? null,
    additional: additional.map(({ column, as, name }) => ({ column, as, name: name ?? column }))
  }
}

function nameOf(qualifiedName: string) {
  const parsed = parseTableName(qualifiedName)
  if (typeof parsed === 'string') throw new RangeError(`table name ${qualifiedName} ${parsed}`)
  return { ...parsed, qualifiedName }
}

function deepFreeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) deepFreeze(part as object)
  return Object.freeze(value)
}
