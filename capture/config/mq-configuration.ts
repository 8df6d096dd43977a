import { dirname, resolve } from 'node:path'
import { jsonPath } from '@tidemark/kcop/content/json-path.ts'
import type { ContentKind } from '@tidemark/kcop/content/queue-content.ts'
import type { QueueHeaders, QueueKey, QueueRule } from '@tidemark/kcop/queue-rules.ts'
import type { OnFailure } from '@tidemark/kcop/rules.ts'
import type { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { setAsidePrefix } from '../mq/set-aside-record.ts'
import type { MqConnectionOptions, MqQueueOptions } from '../mq/connection-options.ts'
import type { MqFile, MqQueueFile } from './mq-options.ts'
import { invalid } from './references.ts'
import type { ConfigurationFile } from './schema.ts'
import { topicFault } from './topic-rules.ts'
import { escapePointer, type YamlDocument } from './yaml-document.ts'

/** A queue with what is made of its messages. */
export interface QueueConfiguration extends Required<MqQueueOptions> {
  readonly topic: string
  readonly content: ContentKind
  /** Paths of XML elements that are arrays however often they come. */
  readonly repeatedElements: readonly string[]
  readonly key: QueueKey
  readonly headers: QueueHeaders
  /** Absolute path of the processor's file. */
  readonly processor: string | null
  readonly onFailure: OnFailure
  /** File, line and column of its entry. */
  readonly place: string
}

export interface MqConfiguration {
  /** With the password: never to be shown; see redaction.ts. */
  readonly connection: Readonly<MqConnectionOptions>
  /** File, line and column of `connection`. */
  readonly connectionPlace: string
  readonly unitOfWork: { readonly messages: number; readonly bytes: number; readonly ms: number }
  readonly openMsMax: number
  readonly messageBytesMax: number
  /** Told of messages moved to their backout queues; null: nobody is. */
  readonly monitoringTopic: string | null
  readonly queues: readonly QueueConfiguration[]
}

interface Origin {
  file: string
  document: YamlDocument
}

/** `prefix`: of topics. */
export function completeMq(written: MqFile, prefix: string, origin: Origin): MqConfiguration {
  const { queueManager, connection, unitOfWork, openMsMax, messageBytesMax, queues } = structuredClone(
    written
  ) as Required<MqFile>
  return {
    connection: { queueManager, ...(connection as Omit<MqConnectionOptions, 'queueManager'>) },
    connectionPlace: origin.document.placeOf('/mq/connection', 'key'),
    unitOfWork: unitOfWork as MqConfiguration['unitOfWork'],
    openMsMax,
    messageBytesMax,
    monitoringTopic: written.monitoringTopic ?? null,
    queues: Object.entries(queues).map(([name, queue]) => completeQueue(name, queue, prefix, origin))
  }
}

export function queueRules({ queues, monitoringTopic }: MqConfiguration): QueueRule[] {
  const rules = queues.map(({ name, topic, content, repeatedElements, key, headers, processor, onFailure }) => ({
    queue: name,
    topic,
    content,
    repeatedElements,
    key,
    headers,
    processor,
    onFailure
  }))
  return monitoringTopic === null ? rules : [...rules, setAsideRule(monitoringTopic)]
}

/** Of what is told of messages set aside: JSON as it is, keyed by MsgId. */
function setAsideRule(topic: string): QueueRule {
  return {
    queue: setAsidePrefix,
    topic,
    content: 'bytes',
    repeatedElements: [],
    key: 'msgId',
    headers: 'none',
    processor: null,
    onFailure: 'stop'
  }
}

/** What the schema cannot say of `mq`. */
export function mqFaults(written: ConfigurationFile, document: YamlDocument): TidemarkError[] {
  const { mq } = written
  if (!mq) return []
  const prefix = written.topics?.prefix ?? written.subscription
  const { monitoringTopic } = mq
  return [
    ...connectionFaults(mq, document),
    ...(monitoringTopic === undefined
      ? []
      : topicFault(monitoringTopic, '/mq/monitoringTopic', '/mq', 'monitoringTopic', document)),
    ...Object.entries(mq.queues).flatMap(([name, queue]) => {
      const at = `/mq/queues/${escapePointer(name)}`
      const ofName = nameFaults(name, at, document)
      const ofContent = contentFaults(queue, at, document)
      // A topic named after the queue would only repeat what is wrong with the name.
      if (queue.topic === undefined && ofName.length > 0) return [...ofName, ...ofContent]
      const ofTopic = topicFault(queue.topic ?? `${prefix}.${name}`, `${at}/topic`, at, 'topic', document)
      return [...ofName, ...ofTopic, ...ofContent]
    })
  ]
}

function completeQueue(
  name: string,
  queue: MqQueueFile,
  prefix: string,
  { file, document }: Origin
): QueueConfiguration {
  const { unit, batchMessages, batchMs, content, headers, convert, deadLetterQueue, onFailure } =
    queue as Required<MqQueueFile>
  return {
    name,
    unit,
    batchMessages,
    batchMs,
    backoutThreshold: queue.backoutThreshold ?? null,
    backoutQueue: queue.backoutQueue ?? null,
    deadLetterQueue,
    convert,
    topic: queue.topic ?? `${prefix}.${name}`,
    content,
    repeatedElements: queue.repeatedElements ?? [],
    key: keyOf(queue.key ?? (unit === 'group' ? 'groupId' : 'msgId')),
    headers,
    processor: queue.processor === undefined ? null : resolve(dirname(file), queue.processor),
    onFailure,
    place: document.placeOf(`/mq/queues/${escapePointer(name)}`, 'key')
  }
}

function keyOf(text: string): QueueKey {
  const json = jsonPath(text)
  return json === null ? (text as QueueKey) : { json }
}

function contentFaults(
  { content, repeatedElements }: MqQueueFile,
  at: string,
  document: YamlDocument
): TidemarkError[] {
  if (repeatedElements === undefined || content === 'xml') return []
  const cure = 'add `content: xml`, or leave `repeatedElements` out'
  const place = document.placeOf(`${at}/repeatedElements`, 'key')
  return [invalid('`repeatedElements` has a meaning for XML only', place, cure)]
}

export function connectionFaults(
  { connection = {} }: Pick<MqFile, 'connection'>,
  document: YamlDocument
): TidemarkError[] {
  const place = document.placeOf('/mq/connection', 'key')
  if (connection.ccdtUrl !== undefined && (connection.channel !== undefined || connection.name !== undefined)) {
    return [
      invalid('`mq.connection` has both `ccdtUrl` and a channel', place, 'leave out `channel` and `name`, or `ccdtUrl`')
    ]
  }
  if ((connection.channel === undefined) !== (connection.name === undefined)) {
    return [invalid('`mq.connection` needs both `channel` and `name`', place, 'give both, or neither for bindings')]
  }
  return []
}

/** "Rules for naming IBM MQ objects". */
export function nameFaults(name: string, at: string, document: YamlDocument): TidemarkError[] {
  if (/^[A-Za-z0-9._/%]{1,48}$/.test(name)) return []
  const cure = 'at most 48 letters, digits, `.`, `_`, `/` or `%`; names are case-sensitive'
  return [invalid(`\`${name}\` is not the name of a queue`, document.placeOf(at, 'key'), cure)]
}
