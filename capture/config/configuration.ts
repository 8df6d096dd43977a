import type { KafkaConnection } from '@tidemark/kafka/connection-options.ts'
import type { Compression } from '@tidemark/kafka/record-batch/compression.ts'
import type {
  ColumnRules,
  HeaderRule,
  KeyRule,
  LookupFileRule,
  LookupTableRule,
  MonitorRule,
  OnFailure,
  PartitionRule,
  RulePlaces
} from '@tidemark/kcop/rules.ts'
import { namesOf, topicTemplate } from '@tidemark/kcop/routing/topic-template.ts'
import { subjectKeysTopic } from '@tidemark/schemas/subject-key.ts'
import type { MqConfiguration } from './mq-configuration.ts'
import type { RegistryOptions } from '@tidemark/kcop/registry/registry-client.ts'
import type { SubjectStrategy } from '@tidemark/kcop/registry/subject.ts'
import type { AdditionalColumn, Deletes, Format, OutboxTableFile } from './table-options.ts'
import type { TableName } from './table-name.ts'

/**
 * The configuration, complete and frozen: every default is filled in, every reference resolved. It has the shape of
 * kcop's ProducerRules and is given to the producer as it is.
 */
export interface Configuration {
  /** Absolute path of the file it came from. */
  readonly file: string
  readonly subscription: string
  readonly postgres: PostgresConfiguration
  readonly kafka: Readonly<KafkaConnection>
  /** Of the record batches written. */
  readonly compression: Compression
  /** Topic of the commit stream. */
  readonly commitStream: string
  /** null: kept for ever. */
  readonly commitStreamRetentionMs: number | null
  readonly topics: TopicDefaults
  readonly tables: readonly TableConfiguration[]
  readonly outbox: OutboxConfiguration
  /** Where Avro schemas are registered; null: nowhere. */
  readonly registry: RegistryConfiguration | null
  readonly debezium: { readonly decimal: 'precise' | 'string' }
  readonly monitors: readonly MonitorRule[]
  /** What one call of a processor may take. */
  readonly processors: { readonly callMsMax: number; readonly memoryBytesMax: number }
  /** Where operations are set aside; null: nowhere, for none is to be. */
  readonly deadLetters: DeadLettersConfiguration | null
  /** Keys of protected columns; files by absolute path. */
  readonly keys: readonly KeyRule[]
  /** Files that columns look values up in, by absolute path. */
  readonly lookups: readonly LookupFileRule[]
  /** Captured tables that columns look values up in. */
  readonly tableLookups: readonly TableLookupConfiguration[]
  /** Where entries stand that have no rule of their own: `commitStream`, `commitStreamRetention`, `kafka`, `mq`, `mq/<queue>`, `lookups/<name>`
   * (its key). */
  readonly places: RulePlaces
  readonly mq?: undefined
}

/** What subscriptions of every source have. */
export type SubscriptionConfiguration = Omit<Configuration, 'postgres' | 'mq'> & {
  readonly mq?: MqConfiguration | undefined
}

/** A subscription to queues: it has no tables. */
export type MqSubscription = SubscriptionConfiguration & { readonly mq: MqConfiguration }

export interface PostgresConfiguration {
  /** With the password: never to be shown; see redaction.ts. */
  readonly url: string
  readonly publication: string
  readonly slot: string
}

export interface TableLookupConfiguration extends LookupTableRule {
  /** The same as `table`, in parts. */
  readonly tableName: TableName
  /** Digest of an altered definition that an operator has named; null: none. */
  readonly definition: string | null
}

export interface DeadLettersConfiguration {
  readonly topic: string
  /** Principals that may read it; null: it is not restricted. */
  readonly readers: readonly string[] | null
  /** `file:line:column` of the entry, or of the file. */
  readonly place: string
}

export interface RegistryConfiguration extends RegistryOptions {
  /** `file:line:column` of its URL. */
  readonly place: string
  readonly subjects: SubjectStrategy
}

export interface TopicDefaults {
  readonly partitions: number
  /** null: the cluster's default. */
  readonly replication: number | null
  readonly prefix: string
}

/** One record stream of a table. */
export interface OutputConfiguration {
  /** May be a template (kcop/routing/topic-template.ts). */
  readonly topic: string
  readonly format: Format
  /** null: the primary key. */
  readonly key: readonly string[] | null
  readonly deletes: Deletes
  readonly columns: ColumnRules
  readonly headers: readonly HeaderRule[]
  readonly partition: PartitionRule
  readonly filter: string | null
  /** Principals that may read the topic; null: it is not restricted. */
  readonly readers: readonly string[] | null
  /** `file:line:column` of the entry. */
  readonly place: string
  /** Of its parts. */
  readonly places: RulePlaces
}

export interface TableConfiguration extends TableName, OutputConfiguration {
  /** `schema.name` */
  readonly qualifiedName: string
  /** Absolute path of the processor's file. */
  readonly processor: string | null
  readonly onFailure: OnFailure
  /** Whether `apply` copies its present rows. */
  readonly refresh: boolean
  /** Further outputs, complete. */
  readonly also: readonly OutputConfiguration[]
}

export interface OutboxConfiguration {
  readonly tables: readonly OutboxTableConfiguration[]
  /** Logical messages that carry outbox events. */
  readonly messages: readonly OutboxMessageConfiguration[]
}

export interface OutboxTableConfiguration extends TableName, OutboxEventConfiguration {
  readonly qualifiedName: string
}

export interface OutboxMessageConfiguration extends OutboxEventConfiguration {
  readonly prefix: string
}

/** How events are made of columns, or of the fields of messages. */
export interface OutboxEventConfiguration {
  /** Columns. */
  readonly id: string
  readonly key: string
  readonly payload: string
  readonly routeBy: string
  readonly tracing: string
  readonly timestamp: string | null
  readonly schemaVersion: string | null
  readonly additional: readonly Required<AdditionalColumn>[]
  /** Regular expression with named groups. */
  readonly routePattern: string
  /** Topic name with `${group}`. */
  readonly topic: string
  readonly expandJson: boolean
  readonly tombstoneOnEmptyPayload: boolean
  readonly onUpdate: NonNullable<OutboxTableFile['onUpdate']>
  readonly onFailure: OnFailure
  readonly columns: ColumnRules
  /** `file:line:column` of the entry. */
  readonly place: string
  /** Of its parts. */
  readonly places: RulePlaces
}

/** Every table to be published, outbox tables last. */
export function publishedTables(
  configuration: Configuration
): readonly (TableName & { qualifiedName: string; place: string })[] {
  return [...configuration.tables, ...configuration.outbox.tables]
}

/** Where the data keys of subjects are stored; null: no column is encrypted by subject. */
export function subjectKeysTopicOf({
  tables,
  outbox,
  topics
}: Pick<SubscriptionConfiguration, 'tables' | 'outbox' | 'topics'>): string | null {
  const outputs = [...tables.flatMap(table => [table, ...table.also]), ...outbox.tables, ...outbox.messages]
  const bySubject = outputs.some(({ columns }) =>
    columns.protected.some(({ protection }) => protection.kind === 'encrypt-subject')
  )
  return bySubject ? subjectKeysTopic(topics.prefix) : null
}

/** Data topics whose names are known from the configuration alone, without repetition. */
export function knownDataTopics(configuration: SubscriptionConfiguration): readonly string[] {
  const { tables, messages } = configuration.outbox
  const fixed = [...tables, ...messages].map(outbox => outbox.topic).filter(topic => !topic.includes('${'))
  const keys = subjectKeysTopicOf(configuration)
  const { mq } = configuration
  const queues = mq?.queues.map(queue => queue.topic) ?? []
  if (typeof mq?.monitoringTopic === 'string') queues.push(mq.monitoringTopic)
  return [
    ...new Set([
      ...outputsOf(configuration).flatMap(({ topics }) => topics),
      ...configuration.monitors.map(({ topic }) => topic),
      ...(configuration.deadLetters === null ? [] : [configuration.deadLetters.topic]),
      ...fixed,
      ...queues,
      ...(keys === null ? [] : [keys])
    ])
  ]
}

/** Every output of every table, with the names its topic can have when no row is needed for them. */
export function outputsOf(configuration: SubscriptionConfiguration) {
  return configuration.tables.flatMap(table =>
    [table, ...table.also].map(output => ({ table, output, topics: namesOf(topicTemplate(output.topic, table)) }))
  )
}
