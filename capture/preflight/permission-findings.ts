import type { Cluster } from '@tidemark/kafka/cluster.ts'
import {
  mayProduceAs,
  topicPermissions,
  type TopicOperation,
  type TopicPermissions
} from '@tidemark/kafka/topic-permissions.ts'
import {
  knownDataTopics,
  outputsOf,
  subjectKeysTopicOf,
  type SubscriptionConfiguration
} from '../config/configuration.ts'
import { inOrderOfPlace, type Finding } from '../finding.ts'
import { restrictedTopics } from './restricted-topics.ts'

/** What the agent's Kafka user may do of what it has to. */
export interface PermissionFacts {
  readonly topics: ReadonlyMap<string, TopicPermissions>
  /** Whether it may produce under the subscription's transactional ids. */
  readonly producer: boolean
}

/** Ids begin so, then comes the commit stream's own number. */
const transactionalPrefix = 'tidemark-'
/** Of no stream: while there is none, only a prefix can be granted. */
const anyTransactionalId = `${transactionalPrefix}00000000-0`

/** Changes nothing. Throws KAFKA_UNREACHABLE, KAFKA_AUTHENTICATION. */
export async function readPermissions(
  cluster: Cluster,
  configuration: SubscriptionConfiguration
): Promise<PermissionFacts> {
  const names = [configuration.commitStream, ...knownDataTopics(configuration)]
  return {
    topics: await topicPermissions(cluster, names),
    producer: await mayProduceAs(cluster, anyTransactionalId)
  }
}

/** Topics of which not even the settings may be looked at, and a commit stream that may not be read. */
export function hiddenTopics({ topics }: PermissionFacts, commitStream: string): ReadonlySet<string> {
  return new Set(
    [...topics]
      .filter(([name, { allowed }]) => {
        const visible = allowed.has('Describe') && allowed.has('DescribeConfigs')
        return !visible || (name === commitStream && !allowed.has('Read'))
      })
      .map(([name]) => name)
  )
}

/** One finding for each topic that lacks an ACL, at its line, with the command that grants what lacks. Pure. */
export function permissionFindings(configuration: SubscriptionConfiguration, facts: PermissionFacts): Finding[] {
  const places = topicPlaces(configuration)
  const ofTopics = [...facts.topics].flatMap(([topic, permissions]) => {
    const lacking = lackingOf(permissions, topic === configuration.commitStream ? streamNeeds(configuration) : [])
    if (lacking.length === 0) return []
    const unsure =
      permissions.exists === null && lacking.includes('Create') ? ' (Create only if it does not exist)' : ''
    const what = `${principalOf(configuration)} lacks ${lacking.join(', ')} on topic ${topic}${unsure}`
    return [
      lack(
        what,
        places.get(topic) ?? configuration.places['kafka'] ?? '',
        grant(configuration, lacking, `--topic ${topic}`)
      )
    ]
  })
  if (facts.producer) return inOrderOfPlace(ofTopics)
  const what = `${principalOf(configuration)} lacks Describe or Write on transactional ids that begin with ${transactionalPrefix}`
  const resource = `--transactional-id ${transactionalPrefix} --resource-pattern-type prefixed`
  const remedy = grant(configuration, ['Describe', 'Write'], resource)
  return inOrderOfPlace([...ofTopics, lack(what, configuration.places['kafka'] ?? '', remedy)])
}

/** Without it a restricted topic may be open to others. */
export function unseenAccess(configuration: SubscriptionConfiguration): Finding {
  const place = restrictedTopics(configuration)[0]?.place ?? ''
  const what = `${principalOf(configuration)} lacks Describe or DescribeConfigs on the cluster: who may read restricted topics cannot be seen`
  return lack(what, place, grant(configuration, ['Describe', 'DescribeConfigs'], '--cluster'))
}

function lack(what: string, place: string, remedy: string): Finding {
  return { code: 'KAFKA_AUTHORIZATION', severity: 'error', what, place, remedy }
}

/** Besides what every topic that is written needs. */
function streamNeeds({ commitStreamRetentionMs }: SubscriptionConfiguration): TopicOperation[] {
  return commitStreamRetentionMs === null ? ['Read'] : ['Read', 'Delete']
}

function lackingOf({ exists, allowed }: TopicPermissions, more: readonly TopicOperation[]): TopicOperation[] {
  const needed: TopicOperation[] = ['Describe', 'DescribeConfigs', ...more, 'Write']
  if (exists !== true) needed.push('Create')
  return needed.filter(operation => !allowed.has(operation))
}

/** As ACLs name it, where the configuration tells. */
function principalOf({ kafka }: SubscriptionConfiguration): string {
  if (kafka.sasl !== undefined && 'username' in kafka.sasl) return `User:${kafka.sasl.username}`
  return kafka.tls?.cert === undefined ? 'User:ANONYMOUS' : 'User:<name in the certificate>'
}

function grant(
  configuration: SubscriptionConfiguration,
  operations: readonly TopicOperation[],
  resource: string
): string {
  const principal = principalOf(configuration)
  const quoted = /^[A-Za-z0-9:._-]+$/.test(principal) ? principal : `'${principal.replaceAll("'", "'\\''")}'`
  const listed = operations.map(operation => `--operation ${operation}`).join(' ')
  return `kafka-acls.sh --bootstrap-server ${configuration.kafka.brokers.join(',')} --add --allow-principal ${quoted} ${listed} ${resource}`
}

/** Where the configuration names a topic first, by topic. */
function topicPlaces(configuration: SubscriptionConfiguration): ReadonlyMap<string, string> {
  const { places, monitors, deadLetters, outbox, mq } = configuration
  const named: [string, string | undefined][] = [
    [configuration.commitStream, places['commitStream']],
    ...outputsOf(configuration).flatMap(({ output, topics }) =>
      topics.map((topic): [string, string] => [topic, output.places['topic'] ?? output.place])
    ),
    ...monitors.map(({ topic, place, places }): [string, string | undefined] => [
      topic,
      places?.['topic'] ?? place ?? undefined
    ]),
    ...(deadLetters === null ? [] : [[deadLetters.topic, deadLetters.place] satisfies [string, string]]),
    ...[...outbox.tables, ...outbox.messages].map(({ topic, place, places }): [string, string] => [
      topic,
      places['topic'] ?? place
    ]),
    ...(mq?.queues ?? []).map(({ name, topic }): [string, string | undefined] => [topic, places[`mq/${name}`]]),
    ...(typeof mq?.monitoringTopic === 'string'
      ? [[mq.monitoringTopic, places['mq']] satisfies [string, string | undefined]]
      : [])
  ]
  const keys = subjectKeysTopicOf(configuration)
  if (keys !== null) named.push([keys, subjectPlace(configuration)])
  const first = new Map<string, string>()
  for (const [topic, place] of named) if (place !== undefined && !first.has(topic)) first.set(topic, place)
  return first
}

/** The first column that is encrypted by subject: it asks for the topic of their keys. */
function subjectPlace({ tables, outbox }: SubscriptionConfiguration): string | undefined {
  const rules = [...tables.flatMap(table => [table, ...table.also]), ...outbox.tables, ...outbox.messages]
  const places = rules.flatMap(({ places }) => Object.entries(places))
  return places.find(([part]) => part.startsWith('subjects/'))?.[1]
}
