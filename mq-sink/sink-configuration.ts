import { resolve } from 'node:path'
import {
  inOrderOfPlace,
  readSettings,
  replaceReferences,
  type Environment
} from '@tidemark/capture/config/configuration-file.ts'
import { connectionFaults, nameFaults } from '@tidemark/capture/config/mq-configuration.ts'
import { hideSecrets, kafkaSecrets, strikable } from '@tidemark/capture/config/redaction.ts'
import { invalid, type ReferenceSource } from '@tidemark/capture/config/references.ts'
import { schemaCheck, schemaFaults } from '@tidemark/capture/config/schema-faults.ts'
import { escapePointer, parseYaml, type YamlDocument } from '@tidemark/capture/config/yaml-document.ts'
import type { MqConnectionOptions } from '@tidemark/capture/mq/connection-options.ts'
import type { KafkaConnection } from '@tidemark/kafka/connection-options.ts'
import { isTidemarkError, type TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { parseBookmark } from '@tidemark/schemas/bookmark.ts'
import type { QueueTarget } from './queue-target.ts'
import { sinkSchema, type SinkFile, type TargetFile } from './sink-schema.ts'

/** The configuration of a sink, complete. */
export interface SinkConfiguration {
  /** Absolute path. */
  readonly file: string
  readonly sink: string
  /** null: plain topics. */
  readonly commitStream: string | null
  /** null: all of the commit stream. */
  readonly topics: readonly string[] | null
  readonly from: string
  /** With credentials: never to be shown. */
  readonly kafka: Readonly<KafkaConnection>
  readonly connection: Readonly<MqConnectionOptions>
  readonly stateQueue: string
  readonly transactions: 'unit' | 'group'
  readonly largeTransactions: 'stop' | 'split'
  readonly unitOfWork: { readonly messages: number; readonly bytes: number }
  readonly openMsMax: number
  readonly targets: readonly QueueTarget[]
}

export type ReadSink = { configuration: SinkConfiguration } | { faults: readonly TidemarkError[] }

const check = schemaCheck(sinkSchema)

/** Reads the configuration file of a sink. Throws nothing: CONFIG_UNREADABLE and CONFIG_INVALID are in the answer. */
export function readSink(file: string, environment: Environment): ReadSink {
  return readSettings(file, environment, parseSink)
}

export function parseSink(text: string, file: string, references: ReferenceSource): ReadSink {
  const document = parseYaml(text, file)
  if (Array.isArray(document)) return { faults: document }
  if (document.root === null) {
    const message = `the configuration file ${file} is empty`
    return { faults: [invalid(message, document.placeOf(''), 'see docs/mq.md for an example')] }
  }
  const unresolved = replaceReferences(document, references)
  fillEmpty((document.root as { mq?: { queues?: unknown } }).mq?.queues)
  const wrong = schemaFaults(document, new Set(unresolved.map(({ path }) => path)), check)
  const sound = wrong.length === 0 && unresolved.length === 0
  const rules = sound ? ruleFaults(document.root as SinkFile, document) : []
  const faults = [...unresolved.map(({ fault }) => fault), ...wrong, ...rules]
  if (faults.length > 0) return { faults: inOrderOfPlace(faults) }
  return { configuration: complete(document.root as SinkFile, resolve(file)) }
}

/** What must not be shown; see secretsOf in capture/config/redaction.ts. */
export function sinkSecrets(configuration: SinkConfiguration): readonly string[] {
  const { password, tls } = configuration.connection
  return strikable(
    [password, tls?.keyRepositoryPassword, ...kafkaSecrets(configuration)],
    hideSecrets(configuration) as object
  )
}

/** `ORDERS.REPLY:` with nothing behind it means `{}`. */
function fillEmpty(mapping: unknown): void {
  if (typeof mapping !== 'object' || mapping === null) return
  const record = mapping as Record<string, unknown>
  for (const key of Object.keys(record)) record[key] ??= {}
}

/** What the schema cannot say. */
function ruleFaults(written: SinkFile, document: YamlDocument): TidemarkError[] {
  return [
    ...sourceFaults(written, document),
    ...connectionFaults(written.mq, document),
    ...nameFaults(written.mq.stateQueue, '/mq/stateQueue', document),
    ...Object.keys(written.mq.queues).flatMap(name => nameFaults(name, `/mq/queues/${escapePointer(name)}`, document)),
    ...topicFaults(written, document),
    ...stateQueueFaults(written, document)
  ]
}

function sourceFaults({ commitStream, topics, from, mq }: SinkFile, document: YamlDocument): TidemarkError[] {
  if (commitStream === undefined && topics === undefined) {
    const cure = 'add `commitStream`, for whole transactions, or `topics`, for plain topics'
    return [invalid('there is neither a `commitStream` nor `topics`', document.placeOf(''), cure)]
  }
  if (commitStream === undefined && mq.transactions === 'group') {
    const cure = 'leave it out, or name a `commitStream`: plain topics have no transactions'
    return [invalid('`mq.transactions: group` needs a commit stream', document.placeOf('/mq/transactions'), cure)]
  }
  return from === undefined || from === 'earliest' || from === 'latest'
    ? []
    : bookmarkFaults(from, commitStream, document)
}

function bookmarkFaults(from: string, commitStream: string | undefined, document: YamlDocument): TidemarkError[] {
  const cure = 'write `earliest`, `latest`, or a bookmark of the commit stream as the log of a sink has it'
  const fault = [invalid('`from` is no place to begin at', document.placeOf('/from'), cure)]
  if (commitStream === undefined) return fault
  try {
    parseBookmark(from)
    return []
  } catch (error) {
    if (isTidemarkError(error)) return fault
    throw error
  }
}

/** Every topic leads to one queue. */
function topicFaults({ mq: { queues } }: SinkFile, document: YamlDocument): TidemarkError[] {
  const faults: TidemarkError[] = []
  const owners = new Map<string, string>()
  let rest: string | null = null
  for (const [name, { topics }] of Object.entries(queues)) {
    const at = `/mq/queues/${escapePointer(name)}`
    if (topics === undefined) {
      const cure = `name the \`topics\` of \`${name}\` or of \`${rest}\``
      const message = `both \`${rest}\` and \`${name}\` are to have all other topics`
      if (rest !== null) faults.push(invalid(message, document.placeOf(at, 'key'), cure))
      rest = name
    }
    for (const topic of topics ?? []) {
      const owner = owners.get(topic)
      const message = `topic ${topic} leads to both \`${owner}\` and \`${name}\``
      if (owner !== undefined) faults.push(invalid(message, document.placeOf(`${at}/topics`), 'name it once'))
      owners.set(topic, name)
    }
  }
  return faults
}

function stateQueueFaults({ mq: { queues, stateQueue } }: SinkFile, document: YamlDocument): TidemarkError[] {
  if (!(stateQueue in queues)) return []
  const message = `\`mq.stateQueue\` ${stateQueue} is one of the queues to put to`
  return [invalid(message, document.placeOf('/mq/stateQueue'), 'give the sink a queue of its own for its state')]
}

function complete(written: SinkFile, file: string): SinkConfiguration {
  const { sink, commitStream, topics, from, kafka, mq } = structuredClone(written) as SinkFile & { from: string }
  const { queueManager, connection, unitOfWork, queues, ...rest } = mq as Required<SinkFile['mq']>
  return Object.freeze({
    file,
    sink,
    commitStream: commitStream ?? null,
    topics: topics ?? null,
    from,
    kafka: { ...kafka, clientId: `tidemark-mq-sink-${sink}` } as KafkaConnection,
    connection: { queueManager, ...(connection as Omit<MqConnectionOptions, 'queueManager'>) },
    unitOfWork: unitOfWork as SinkConfiguration['unitOfWork'],
    ...rest,
    targets: Object.entries(queues).map(([name, queue]) => completeTarget(name, queue))
  })
}

type WithDefaults = 'format' | 'headers' | 'correlId' | 'persistence' | 'tombstones'

function completeTarget(name: string, queue: TargetFile): QueueTarget {
  const { format, headers, correlId, persistence, tombstones } = queue as Required<Pick<TargetFile, WithDefaults>>
  return {
    name,
    format,
    headers,
    correlId,
    persistence,
    tombstones,
    topics: queue.topics ?? null,
    priority: queue.priority ?? null,
    expiryMs: queue.expiryMs ?? null,
    replyToQueue: queue.replyToQueue ?? '',
    replyToQueueManager: queue.replyToQueueManager ?? '',
    messageType: queue.messageType ?? null,
    properties: new Map(Object.entries(queue.properties ?? {}))
  }
}
