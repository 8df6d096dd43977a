import { createTopicsV5, deleteRecordsV1, deleteTopicsV4, describeConfigsV2 } from '@platformatic/kafka'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import {
  brokerErrorCode,
  brokerErrorName,
  brokerErrors,
  forbiddenError,
  isForbidden,
  isPassing,
  wholeAnswer
} from './broker-error.ts'
import type { Cluster } from './cluster.ts'
import { askMetadata, type TopicAnswer } from './metadata-request.ts'

export interface TopicDescription {
  name: string
  /** UUID. */
  id: string
  partitions: number
  /** Of the partition that has the fewest. */
  replication: number
  configs: TopicConfigs
}

/** As the broker states them, defaults included. */
export interface TopicConfigs {
  /** `delete`, `compact` or `compact,delete`. */
  cleanupPolicy: string
  /** -1: for ever. */
  retentionMs: number
  /** -1: without limit. */
  retentionBytes: number
  maxMessageBytes: number
  /** `producer`: as the producer compressed. */
  compressionType: string
  minInSyncReplicas: number
  /** `CreateTime` or `LogAppendTime`. */
  messageTimestampType: string
}

export interface NewTopic {
  name: string
  partitions: number
  /** -1: the broker's default. */
  replication: number
  /** By Kafka's names, such as `cleanup.policy`. */
  configs?: Readonly<Record<string, string>>
}

interface CreateTopicAnswer {
  name: string
  /** Kafka error code, 0 = created. */
  errorCode: number
  errorMessage?: string | null | undefined
}

/** ConfigResource.Type of Kafka. */
const TOPIC = 2

const configNames = [
  'cleanup.policy',
  'retention.ms',
  'retention.bytes',
  'max.message.bytes',
  'compression.type',
  'min.insync.replicas',
  'message.timestamp.type'
]

/**
 * Topics as administrators see and make them. Everything is asked now, nothing remembered. Throws KAFKA_UNREACHABLE,
 * KAFKA_AUTHENTICATION, KAFKA_AUTHORIZATION naming the ACL.
 */
export class KafkaAdmin {
  private readonly cluster: Cluster

  constructor(cluster: Cluster) {
    this.cluster = cluster
  }

  /** By name; null for a topic that does not exist. */
  async describeTopics(names: readonly string[]): Promise<Map<string, TopicDescription | null>> {
    if (names.length === 0) return new Map()
    const { topics } = await this.cluster.metadata(names)
    const present = topics.filter(topic => isPresent(topic))
    const configs = await this.configs(present.map(({ name }) => name))
    const described = new Map<string, TopicDescription | null>(names.map(name => [name, null]))
    for (const { name, id, partitions } of present) {
      const replication = Math.min(...partitions.map(({ replicas }) => replicas.length))
      described.set(name, { name, id, partitions: partitions.length, replication, configs: configs.get(name)! })
    }
    return described
  }

  /** All topics that may be seen, without Kafka's own. */
  async listTopics(): Promise<string[]> {
    const { topics } = await this.cluster.metadata(null)
    return topics.map(({ name }) => name).filter(name => !name.startsWith('__'))
  }

  /**
   * Creates the topics and waits until every broker knows them and their leaders. Resolves with the names that did not
   * exist before. Throws TOPIC_UNSUITABLE with the broker's words when it will not create one so.
   */
  async createTopics(topics: readonly NewTopic[]): Promise<string[]> {
    if (topics.length === 0) return []
    const created = await this.cluster.retrying('the creation of topics', undefined, () => this.create(topics))
    const names = topics.map(({ name }) => name)
    const isReady = ({ error, partitions }: TopicAnswer) =>
      error === 0 && partitions.every(({ leader }) => leader !== null)
    await this.everywhere(names, 'not ready', isReady)
    return created
  }

  /** Why the broker would refuse to create topics, one TOPIC_UNSUITABLE or KAFKA_AUTHORIZATION each. Creates nothing. */
  async refusedTopics(topics: readonly NewTopic[]): Promise<TidemarkError[]> {
    if (topics.length === 0) return []
    const answers = await this.cluster.retrying('the validation of topics', undefined, () =>
      this.askToCreate(topics, true)
    )
    return answers
      .filter(({ errorCode }) => errorCode !== 0 && errorCode !== brokerErrors.TOPIC_ALREADY_EXISTS)
      .map(({ name, errorCode, errorMessage }) => topicError(errorCode, 'Create', name, errorMessage ?? null))
  }

  /** Resolves when no broker knows the topics any more. Those that do not exist are left out. */
  async deleteTopics(names: readonly string[]): Promise<void> {
    if (names.length === 0) return
    const topics = names.map(name => ({ name }))
    const answer = await this.cluster.retrying('the deletion of topics', undefined, async () => {
      const controller = await this.cluster.controller()
      return this.cluster.atBroker(controller, 'deleting topics', connection =>
        wholeAnswer(deleteTopicsV4.api.async(connection, topics, this.cluster.requestMs))
      )
    })
    for (const { name, errorCode } of answer.responses) {
      if (errorCode === 0 || errorCode === brokerErrors.UNKNOWN_TOPIC_OR_PARTITION) continue
      throw topicError(errorCode, 'Delete', name ?? '', null)
    }
    await this.everywhere(names, 'known still', topic => topic.error !== 0)
  }

  /**
   * Removes the records below `offset`. Resolves with the partition's new first offset. Throws TOPIC_UNSUITABLE where the
   * broker refuses (a topic that is only compacted), TOPIC_MISSING.
   */
  async deleteRecords(topic: string, partition: number, offset: number): Promise<number> {
    const partitions = [{ partitionIndex: partition, offset: BigInt(offset) }]
    return this.cluster.retrying(`the leader of ${topic}/${partition}`, undefined, async () => {
      const { leader } = await this.cluster.partition(topic, partition)
      try {
        if (leader === null)
          throw new TidemarkError('KAFKA_UNREACHABLE', { message: `${topic}/${partition} has no leader` })
        const answer = await this.cluster.atBroker(leader, `deleting records of ${topic}/${partition}`, connection =>
          deleteRecordsV1.api.async(connection, [{ name: topic, partitions }], this.cluster.requestMs)
        )
        return Number(answer.topics[0]!.partitions[0]!.lowWatermark)
      } catch (error) {
        this.cluster.forget(topic)
        const code = brokerErrorCode(error)
        throw code !== null && !isPassing(code) ? topicError(code, 'Delete', topic, null) : error
      }
    })
  }

  private async create(topics: readonly NewTopic[]): Promise<string[]> {
    const answers = await this.askToCreate(topics, false)
    for (const { name, errorCode, errorMessage } of answers) {
      if (errorCode !== 0 && errorCode !== brokerErrors.TOPIC_ALREADY_EXISTS) {
        throw topicError(errorCode, 'Create', name, errorMessage ?? null)
      }
    }
    return answers.filter(({ errorCode }) => errorCode === 0).map(({ name }) => name)
  }

  /** One answer per topic, none of them passing. */
  private async askToCreate(topics: readonly NewTopic[], validateOnly: boolean): Promise<CreateTopicAnswer[]> {
    const requests = topics.map(({ name, partitions, replication, configs }) => ({
      name,
      numPartitions: partitions,
      replicationFactor: replication,
      assignments: [],
      configs: Object.entries(configs ?? {}).map(([name, value]) => ({ name, value }))
    }))
    const controller = await this.cluster.controller()
    const answer = await this.cluster.atBroker(controller, 'creating topics', connection =>
      wholeAnswer(createTopicsV5.api.async(connection, requests, this.cluster.requestMs, validateOnly))
    )
    const passing = answer.topics.find(({ errorCode }) => isPassing(errorCode))
    if (passing !== undefined) throw notYet(`topic ${passing.name}: ${brokerErrorName(passing.errorCode)}`)
    return answer.topics
  }

  /** Waits until every broker's answer on each of the topics `suits`. */
  private async everywhere(
    names: readonly string[],
    otherwise: string,
    suits: (topic: TopicAnswer) => boolean
  ): Promise<void> {
    if (names.length === 0) return
    for (const node of await this.cluster.brokerIds()) {
      await this.cluster.retrying(`topics ${names.join(', ')} on broker ${node}`, undefined, async () => {
        const { topics } = await this.cluster.atBroker(node, 'asking for topics', connection =>
          askMetadata(connection, names)
        )
        const late = topics.find(topic => !suits(topic))
        if (late !== undefined) throw notYet(`topic ${late.name} is ${otherwise} on broker ${node}`)
      })
    }
    for (const name of names) this.cluster.forget(name)
  }

  private async configs(names: readonly string[]): Promise<Map<string, TopicConfigs>> {
    if (names.length === 0) return new Map()
    const resources = names.map(
      name => ({ resourceType: TOPIC, resourceName: name, configurationKeys: configNames }) as const
    )
    const answer = await this.cluster.anyBroker('asking for topic settings', connection =>
      wholeAnswer(describeConfigsV2.api.async(connection, [...resources], false))
    )
    const found = new Map<string, TopicConfigs>()
    for (const { errorCode, errorMessage, resourceName, configs } of answer.results) {
      if (errorCode !== 0) throw topicError(errorCode, 'DescribeConfigs', resourceName, errorMessage ?? null)
      found.set(resourceName, topicConfigs(new Map(configs.map(({ name, value }) => [name, value ?? '']))))
    }
    return found
  }
}

function isPresent({ name, error }: TopicAnswer): boolean {
  if (isForbidden(error)) throw forbiddenError(error, 'Describe', `topic ${name}`)
  return error === 0
}

function topicConfigs(values: ReadonlyMap<string, string>): TopicConfigs {
  return {
    cleanupPolicy: values.get('cleanup.policy') ?? '',
    retentionMs: Number(values.get('retention.ms')),
    retentionBytes: Number(values.get('retention.bytes')),
    maxMessageBytes: Number(values.get('max.message.bytes')),
    compressionType: values.get('compression.type') ?? '',
    minInSyncReplicas: Number(values.get('min.insync.replicas')),
    messageTimestampType: values.get('message.timestamp.type') ?? ''
  }
}

/** Makes `retrying` try again. */
function notYet(message: string): TidemarkError {
  return new TidemarkError('KAFKA_UNREACHABLE', { message })
}

function topicError(code: number, operation: string, topic: string, said: string | null): TidemarkError {
  if (isForbidden(code)) return forbiddenError(code, operation, `topic ${topic}`)
  if (code === brokerErrors.UNKNOWN_TOPIC_OR_PARTITION) {
    return new TidemarkError('TOPIC_MISSING', { message: `topic ${topic} does not exist`, place: topic })
  }
  return new TidemarkError('TOPIC_UNSUITABLE', {
    message: `${operation} on topic ${topic} was refused: ${brokerErrorName(code)}${said === null ? '' : `: ${said}`}`,
    place: topic,
    cure: 'change the settings asked for as the broker says'
  })
}
