import { deleteRecordsV1, describeConfigsV2, endTxnV3, metadataV10 } from '@platformatic/kafka'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { KafkaAdmin } from './admin.ts'
import { brokerErrorCode, brokerErrors, isForbidden, wholeAnswer } from './broker-error.ts'
import type { Cluster } from './cluster.ts'
import { fetchApi } from './fetch-request.ts'
import { produceApi } from './produce-request.ts'

/** As ACLs name it. */
export type TopicOperation = 'Read' | 'Write' | 'Create' | 'Delete' | 'Describe' | 'DescribeConfigs'

/** What the user of these connections may do with a topic. */
export interface TopicPermissions {
  /** null: that is not to be seen either. */
  exists: boolean | null
  allowed: ReadonlySet<TopicOperation>
}

/** org.apache.kafka.common.acl.AclOperation; metadata has a bit for each. */
const operationBits: readonly [TopicOperation, bit: number][] = [
  ['Read', 3],
  ['Write', 4],
  ['Create', 5],
  ['Delete', 6],
  ['Describe', 8],
  ['DescribeConfigs', 10]
]
/** From brokers that do not tell: nothing is known to lack. */
const notTold = -2_147_483_648
/** ConfigResource.Type of Kafka. */
const TOPIC = 2

/**
 * What may be done with topics, whether they exist or not, by name. Of those that exist the brokers tell; the others are
 * asked for with requests that can have no effect: a Produce without records, a Fetch, the removal of what is before the
 * first record, a creation that is only validated.
 * Throws KAFKA_UNREACHABLE, KAFKA_AUTHENTICATION.
 */
export async function topicPermissions(
  cluster: Cluster,
  names: readonly string[]
): Promise<Map<string, TopicPermissions>> {
  const answer = await cluster.anyBroker('asking for permissions', connection =>
    wholeAnswer(metadataV10.api.async(connection, [...names], false, true, false))
  )
  const topics = answer.topics.flatMap(({ name, ...topic }) => (typeof name === 'string' ? [{ name, ...topic }] : []))
  const missing = topics.filter(({ errorCode }) => errorCode === brokerErrors.UNKNOWN_TOPIC_OR_PARTITION)
  const unseen = topics.filter(({ errorCode }) => isForbidden(errorCode))
  const asked = await askedOf(
    cluster,
    missing.map(({ name }) => name)
  )
  const creatable = await creatableOf(
    cluster,
    [...missing, ...unseen].map(({ name }) => name)
  )
  const made = (name: string): TopicOperation[] => (creatable.has(name) ? ['Create'] : [])
  return new Map<string, TopicPermissions>([
    ...topics.map(
      ({ name, topicAuthorizedOperations: bits }) => [name, { exists: true, allowed: told(bits) }] as const
    ),
    ...missing.map(({ name }) => [name, { exists: false, allowed: new Set([...asked(name), ...made(name)]) }] as const),
    ...unseen.map(({ name }) => [name, { exists: null, allowed: new Set(made(name)) }] as const)
  ])
}

function told(bits: number): ReadonlySet<TopicOperation> {
  const allowed = operationBits.filter(([, bit]) => bits === notTold || (bits & (1 << bit)) !== 0)
  return new Set(allowed.map(([operation]) => operation))
}

/** Brokers look at ACLs before they look whether there is such a topic. What may be done with each, but for Create. */
async function askedOf(cluster: Cluster, names: readonly string[]): Promise<(name: string) => TopicOperation[]> {
  if (names.length === 0) return () => []
  const write = await refusedWrites(cluster, names)
  const read = await refusedReads(cluster, names)
  const configs = await refusedConfigs(cluster, names)
  const removal = await refusedDeletes(cluster, names)
  return name => [
    'Describe',
    ...(write.has(name) ? [] : (['Write'] as const)),
    ...(read.has(name) ? [] : (['Read'] as const)),
    ...(configs.has(name) ? [] : (['DescribeConfigs'] as const)),
    ...(removal.has(name) ? [] : (['Delete'] as const))
  ]
}

/** Without a batch nothing could be stored, were the topic made meanwhile: the broker answers INVALID_RECORD. */
async function refusedWrites(cluster: Cluster, names: readonly string[]): Promise<ReadonlySet<string>> {
  const parts = names.map(topic => ({ topic, partition: 0, batch: Buffer.alloc(0) }))
  const answers = await cluster.anyBroker('asking for permission to write', connection =>
    produceApi.async(connection, parts, cluster.requestMs)
  )
  return forbiddenOf(answers)
}

async function refusedReads(cluster: Cluster, names: readonly string[]): Promise<ReadonlySet<string>> {
  const place = { partition: 0, offset: 0, bytesMax: 1, currentLeaderEpoch: -1, lastFetchedEpoch: -1 }
  const asks = names.map(topic => ({ topic, ...place }))
  const answers = await cluster.anyBroker('asking for permission to read', connection =>
    fetchApi.async(connection, asks, { waitMs: 0, bytesMax: 1 })
  )
  return forbiddenOf(answers)
}

function forbiddenOf(answers: readonly { topic: string; error: number }[]): ReadonlySet<string> {
  return new Set(answers.filter(({ error }) => isForbidden(error)).map(({ topic }) => topic))
}

async function refusedConfigs(cluster: Cluster, names: readonly string[]): Promise<ReadonlySet<string>> {
  const resources = names.map(resourceName => ({
    resourceType: TOPIC as typeof TOPIC,
    resourceName,
    configurationKeys: ['retention.ms']
  }))
  const answer = await cluster.anyBroker('asking for permission to see settings', connection =>
    wholeAnswer(describeConfigsV2.api.async(connection, resources, false))
  )
  return forbiddenOf(answer.results.map(({ resourceName: topic, errorCode: error }) => ({ topic, error })))
}

/** Before offset 0 there is nothing, were the topic made meanwhile. */
async function refusedDeletes(cluster: Cluster, names: readonly string[]): Promise<ReadonlySet<string>> {
  const topics = names.map(name => ({ name, partitions: [{ partitionIndex: 0, offset: 0n }] }))
  const answer = await cluster.anyBroker('asking for permission to remove records', connection =>
    wholeAnswer(deleteRecordsV1.api.async(connection, topics, cluster.requestMs))
  )
  return forbiddenOf(
    answer.topics.map(({ name, partitions }) => ({ topic: name, error: partitions[0]?.errorCode ?? 0 }))
  )
}

async function creatableOf(cluster: Cluster, names: readonly string[]): Promise<ReadonlySet<string>> {
  const topics = names.map(name => ({ name, partitions: 1, replication: -1 }))
  const refused = await new KafkaAdmin(cluster).refusedTopics(topics)
  const forbidden = refused.filter(({ code }) => code === 'KAFKA_AUTHORIZATION').map(({ place }) => place)
  return new Set(names.filter(name => !forbidden.includes(`topic ${name}`)))
}

/** No broker gives out this id: what is asked with it has no effect. */
const noProducer = -1n

/**
 * Whether a transactional id may be used (ACLs Describe and Write), without using it: the end of a transaction of a
 * producer that does not exist is asked for, which the coordinator refuses by its id when ACLs do not.
 */
export async function mayProduceAs(cluster: Cluster, transactionalId: string): Promise<boolean> {
  try {
    const node = await cluster.coordinator('transaction', transactionalId)
    await cluster.atBroker(node, 'asking for permission to produce', connection =>
      endTxnV3.api.async(connection, transactionalId, noProducer, -1, false)
    )
    return true
  } catch (error) {
    if (error instanceof TidemarkError && error.code === 'KAFKA_AUTHORIZATION') return false
    const code = brokerErrorCode(error)
    if (code === null) throw error
    return !isForbidden(code)
  }
}
