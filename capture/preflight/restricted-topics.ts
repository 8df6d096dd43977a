import type { Cluster } from '@tidemark/kafka/cluster.ts'
import { isOpenWithoutAcl, topicAccess, type ReadGrant, type TopicAccess } from '@tidemark/kafka/topic-access.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { outputsOf, type SubscriptionConfiguration } from '../config/configuration.ts'
import type { Finding } from '../finding.ts'

/** A restricted topic and who may read it. */
export interface RestrictedTopic {
  readonly topic: string
  readonly readers: readonly string[]
  /** `file:line:column` of the entry that says so. */
  readonly place: string
}

/** What the brokers say of one. null: they have no authorizer. */
export interface RestrictedTopicFacts extends RestrictedTopic {
  readonly access: TopicAccess | null
  /** Whether what has no ACL is open to everybody. */
  readonly openWithoutAcl: boolean
}

export function restrictedTopics(configuration: SubscriptionConfiguration): RestrictedTopic[] {
  const { deadLetters } = configuration
  const letters = deadLetters === null ? [] : [{ output: deadLetters, topics: [deadLetters.topic] }]
  return [...outputsOf(configuration), ...letters].flatMap(({ output, topics }) =>
    output.readers === null ? [] : topics.map(topic => ({ topic, readers: output.readers!, place: output.place }))
  )
}

/** Throws KAFKA_AUTHORIZATION when ACLs may not be looked at, KAFKA_UNREACHABLE. */
export async function readRestrictedTopics(
  cluster: Cluster,
  configuration: SubscriptionConfiguration
): Promise<RestrictedTopicFacts[]> {
  const topics = restrictedTopics(configuration)
  if (topics.length === 0) return []
  const openWithoutAcl = await isOpenWithoutAcl(cluster)
  const facts: RestrictedTopicFacts[] = []
  for (const topic of topics) facts.push({ ...topic, openWithoutAcl, access: await topicAccess(cluster, topic.topic) })
  return facts
}

/** Who may read a restricted topic and should not, and who should and may not, with the commands. Pure. */
export function restrictedTopicFindings(facts: readonly RestrictedTopicFacts[], brokers: readonly string[]): Finding[] {
  return facts.flatMap(topic => [...exposures(topic, brokers), ...lacks(topic, brokers)])
}

function exposures(facts: RestrictedTopicFacts, brokers: readonly string[]): Finding[] {
  const { topic, access, readers, place } = facts
  const exposed = (what: string, remedy: string): Finding => ({
    code: 'TOPIC_EXPOSED',
    severity: 'error',
    what,
    place,
    remedy
  })
  if (access === null) {
    const what = `topic ${topic} is restricted, but the brokers have no authorizer: everybody may read it`
    return [exposed(what, 'set authorizer.class.name on the brokers, or protect the columns instead of the topic')]
  }
  if (!access.guarded && facts.openWithoutAcl) {
    const what = `topic ${topic} is restricted, but has no ACL, and the brokers open what has none (allow.everyone.if.no.acl.found)`
    return [exposed(what, grantCommand(readers[0] ?? 'User:nobody', topic, brokers))]
  }
  return access.grants
    .filter(({ principal }) => !readers.includes(principal))
    .map(grant => exposed(exposureText(topic, grant), removeCommand(grant, brokers)))
}

function exposureText(topic: string, { principal, operation, resource, pattern }: ReadGrant): string {
  const on =
    resource === topic
      ? ''
      : pattern === 'prefixed'
        ? ` by an ACL on the prefix ${resource}`
        : ' by an ACL on all topics'
  return `topic ${topic} is restricted, but ${principal} may read it (${operation})${on}`
}

function lacks({ topic, access, readers, place }: RestrictedTopicFacts, brokers: readonly string[]): Finding[] {
  if (access === null) return []
  return readers
    .filter(reader => !access.grants.some(({ principal }) => principal === reader))
    .map(reader => ({
      code: 'KAFKA_AUTHORIZATION',
      severity: 'warning',
      what: `${reader} is to read topic ${topic} and has no ACL for it`,
      place,
      remedy: grantCommand(reader, topic, brokers)
    }))
}

function grantCommand(principal: string, topic: string, brokers: readonly string[]): string {
  return `kafka-acls.sh --bootstrap-server ${brokers.join(',')} --add --allow-principal ${quoted(principal)} --operation Read --operation Describe --topic ${topic}`
}

function removeCommand(
  { principal, host, operation, resource, pattern }: ReadGrant,
  brokers: readonly string[]
): string {
  const on = `--topic ${quoted(resource)} --resource-pattern-type ${pattern}`
  return `kafka-acls.sh --bootstrap-server ${brokers.join(',')} --remove --force --allow-principal ${quoted(principal)} --allow-host ${quoted(host)} --operation ${operation} ${on}`
}

/** For a shell: `*` and blanks are not the shell's. */
function quoted(text: string): string {
  return /^[A-Za-z0-9:._-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}

/** Throws TOPIC_EXPOSED when others than the readers named could read a restricted topic. */
export async function requireRestricted(cluster: Cluster, configuration: SubscriptionConfiguration): Promise<void> {
  const facts = await readRestrictedTopics(cluster, configuration)
  const findings = restrictedTopicFindings(facts, configuration.kafka.brokers)
  const exposed = findings.find(({ severity }) => severity === 'error')
  if (exposed === undefined) return
  throw new TidemarkError('TOPIC_EXPOSED', { message: exposed.what, place: exposed.place, cure: exposed.remedy })
}
