import { dirname, resolve } from 'node:path'
import type {
  Configuration,
  MqSubscription,
  OutboxConfiguration,
  OutboxEventConfiguration,
  OutboxTableConfiguration,
  OutputConfiguration,
  RegistryConfiguration,
  SubscriptionConfiguration,
  TableConfiguration,
  TopicDefaults
} from './configuration.ts'
import type { KafkaConnection } from '@tidemark/kafka/connection-options.ts'
import type { ConfigurationFile } from './schema.ts'
import { defaultDeletes, type KeyRule, type RulePlaces } from '@tidemark/kcop/rules.ts'
import type { DebeziumFile, RegistryFile } from './format-options.ts'
import { durationMs } from './duration.ts'
import { completeDeadLetters } from './failure-completion.ts'
import { completeMonitor } from './monitor-completion.ts'
import type { ColumnsFile, KeyFile } from './column-options.ts'
import { completeLookups } from './lookup-completion.ts'
import {
  columnEntries,
  completeColumns,
  completeHeaders,
  completePartition,
  completeReaders
} from './output-completion.ts'
import type { ProcessorsFile } from './processor-options.ts'
import { completeMq } from './mq-configuration.ts'
import { messageEntries } from './outbox-messages.ts'
import type { AlsoFile, OutboxTableFile, TableFile } from './table-options.ts'
import { monitorPlaces, outboxPlaces, outputPlaces } from './rule-places.ts'
import { parseTableName } from './table-name.ts'
import { escapePointer, type YamlDocument } from './yaml-document.ts'

/**
 * The complete configuration of a file that the schema and rules.ts have accepted: defaults that follow from other
 * options, absolute paths, no absent entries. `as Required` stands where the schema's own default has been filled in.
 */
export function complete(
  written: ConfigurationFile,
  file: string,
  document: YamlDocument
): Configuration | MqSubscription {
  const base = completeBase(written, file, document)
  if (written.mq) return deepFreeze({ ...base, mq: completeMq(written.mq, base.topics.prefix, { file, document }) })
  const { subscription } = written
  return deepFreeze({
    ...base,
    postgres: {
      url: written.postgres!.url,
      publication: written.postgres!.publication ?? `tidemark_${subscription}`,
      slot: written.postgres!.slot ?? defaultSlot(subscription)
    }
  })
}

function completeBase(
  written: ConfigurationFile,
  file: string,
  document: YamlDocument
): Omit<SubscriptionConfiguration, 'mq'> {
  const { subscription } = written
  const { compression, ...kafka } = structuredClone(written.kafka)
  const topics = completeTopics(written)
  const tables = Object.entries(written.tables ?? {}).map(([name, table]) =>
    completeTable(name, table, topics.prefix, { file, document })
  )
  return {
    file,
    subscription,
    // A clone, since what the YAML reader makes has no prototype.
    kafka: { ...kafka, clientId: `tidemark-${subscription}` } as KafkaConnection,
    compression: compression as Configuration['compression'],
    commitStream: commitStreamOf(written),
    commitStreamRetentionMs:
      written.commitStreamRetention === undefined ? null : durationMs(written.commitStreamRetention),
    places: entryPlaces(written, document),
    topics,
    tables,
    outbox: completeOutbox(written.outbox, document),
    registry: written.registry === undefined ? null : completeRegistry(written.registry, document),
    debezium: { ...(written.debezium as Required<DebeziumFile>) },
    monitors: (written.monitor ?? []).map((rule, index) =>
      completeMonitor(rule, document.placeOf(`/monitor/${index}`), monitorPlaces(rule, `/monitor/${index}`, document))
    ),
    processors: { ...(written.processors as Required<ProcessorsFile>) },
    deadLetters: completeDeadLetters(written, document),
    keys: Object.entries(written.encryption?.keys ?? {}).map(([name, key]) =>
      completeKey(name, key, { file, document })
    ),
    ...completeLookups(written.lookups, tables, { file, document })
  }
}

function entryPlaces({ mq, lookups }: ConfigurationFile, document: YamlDocument): RulePlaces {
  const stream = document.has('/commitStream') ? '/commitStream' : '/subscription'
  const queues = Object.keys(mq?.queues ?? {}).map(name => {
    const at = `/mq/queues/${escapePointer(name)}`
    return [`mq/${name}`, document.has(`${at}/topic`) ? document.placeOf(`${at}/topic`) : document.placeOf(at, 'key')]
  })
  const keys = Object.keys(lookups ?? {}).map(name => [
    `lookups/${name}`,
    document.placeOf(`/lookups/${escapePointer(name)}/key`)
  ])
  return {
    commitStream: document.placeOf(stream),
    kafka: document.placeOf('/kafka', 'key'),
    ...(document.has('/commitStreamRetention')
      ? { commitStreamRetention: document.placeOf('/commitStreamRetention') }
      : {}),
    ...(mq?.monitoringTopic === undefined ? {} : { mq: document.placeOf('/mq/monitoringTopic') }),
    ...(Object.fromEntries([...queues, ...keys]) as RulePlaces)
  }
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

/** Where things stand, and what relative paths start from. */
export interface Origin {
  file: string
  document: YamlDocument
}

function completeTable(qualifiedName: string, table: TableFile, prefix: string, origin: Origin): TableConfiguration {
  const { format, refresh, onFailure } = table as Required<TableFile>
  const at = `/tables/${escapePointer(qualifiedName)}`
  const main: OutputConfiguration = {
    topic: table.topic ?? `${prefix}.${qualifiedName}`,
    format,
    key: table.key ?? null,
    deletes: table.deletes ?? defaultDeletes(format),
    columns: completeColumns(table.columns, undefined, columnPlaces(table.columns, `${at}/columns`, origin.document)),
    headers: completeHeaders(table.headers),
    partition: completePartition(table.partition),
    filter: table.filter ?? null,
    readers: completeReaders(table.restricted),
    place: origin.document.placeOf(at, 'key'),
    places: outputPlaces(table, at, origin.document)
  }
  return {
    ...nameOf(qualifiedName),
    ...main,
    processor: table.processor === undefined ? null : resolve(dirname(origin.file), table.processor),
    onFailure,
    refresh,
    also: (table.also ?? []).map((also, index) =>
      completeAlso(also, table, main, { at: `${at}/also/${index}`, document: origin.document })
    )
  }
}

function completeAlso(
  also: AlsoFile,
  table: TableFile,
  main: OutputConfiguration,
  { at, document }: { at: string; document: YamlDocument }
): OutputConfiguration {
  return {
    topic: also.topic,
    format: also.format ?? main.format,
    key: also.key ?? main.key,
    deletes: also.deletes ?? table.deletes ?? defaultDeletes(also.format ?? main.format),
    columns: completeColumns(also.columns, main.columns, columnPlaces(also.columns, `${at}/columns`, document)),
    headers: also.headers === undefined ? main.headers : completeHeaders(also.headers),
    partition: also.partition === undefined ? main.partition : completePartition(also.partition),
    filter: also.filter ?? main.filter,
    readers: completeReaders(also.restricted),
    place: document.placeOf(at),
    places: { ...main.places, ...outputPlaces(also, at, document) }
  }
}

function columnPlaces(columns: ColumnsFile | undefined, at: string, document: YamlDocument) {
  const pointers = new Map(columnEntries(columns, at).map(entry => [entry.name, entry.at]))
  return (column: string) => document.placeOf(pointers.get(column) ?? at, 'key')
}

function completeKey(name: string, key: KeyFile, { file, document }: Origin): KeyRule {
  const { rotateAfterValues, rotateAfterMinutes } = key as Required<KeyFile>
  const path = (relative: string) => resolve(dirname(file), relative)
  const publicKeys = [...(key.publicKey === undefined ? [] : [key.publicKey]), ...(key.publicKeys ?? [])]
  return {
    name,
    publicKeys: publicKeys.map(path),
    secretKey: key.secretKey === undefined ? null : path(key.secretKey),
    rotateAfterValues,
    rotateAfterMinutes,
    place: document.placeOf(`/encryption/keys/${escapePointer(name)}`, 'key')
  }
}

function completeRegistry(registry: RegistryFile, document: YamlDocument): RegistryConfiguration {
  const { url, username, password, token, ca, subjects } = registry
  return {
    url,
    username: username ?? null,
    password: password ?? null,
    token: token ?? null,
    ca: ca ?? null,
    subjects: subjects!,
    place: document.placeOf('/registry/url')
  }
}

function completeOutbox(outbox: ConfigurationFile['outbox'], document: YamlDocument): OutboxConfiguration {
  const { message: _, ...tables } = outbox ?? {}
  return {
    tables: Object.entries(tables).map(([name, table]) =>
      completeOutboxTable(name, table as OutboxTableFile, `/outbox/${escapePointer(name)}`, document)
    ),
    messages: messageEntries(outbox).map(({ prefix, entry, at }) => ({
      prefix,
      ...completeOutboxEvent(entry, at, document)
    }))
  }
}

function completeOutboxTable(
  qualifiedName: string,
  table: OutboxTableFile,
  at: string,
  document: YamlDocument
): OutboxTableConfiguration {
  return { ...completeOutboxEvent(table, at, document), ...nameOf(qualifiedName) }
}

function completeOutboxEvent(table: OutboxTableFile, at: string, document: YamlDocument): OutboxEventConfiguration {
  const { timestamp, schemaVersion, additional, ...rest } = table as Required<OutboxTableFile>
  return {
    ...rest,
    timestamp: timestamp ?? null,
    schemaVersion: schemaVersion ?? null,
    additional: additional.map(({ column, as, name }) => ({ column, as, name: name ?? column })),
    columns: completeColumns(table.columns),
    place: document.placeOf(at, 'key'),
    places: outboxPlaces(table, at, document)
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
