import type { TopicDescription } from '@tidemark/kafka/admin.ts'
import { subjectKeysTopicOf, type SubscriptionConfiguration } from '../config/configuration.ts'
import { durationText } from '../config/duration.ts'
import { topicMetricName } from '../config/topic-name.ts'
import type { Finding, Severity } from '../finding.ts'
import { findingOf } from '../finding.ts'
import { commitStreamConfigs, newTopics } from '../provision/new-topics.ts'
import type { ClusterFacts } from './cluster-facts.ts'
import { unseenAccess } from './permission-findings.ts'
import { restrictedTopicFindings } from './restricted-topics.ts'

/** All that Kafka's side of a subscription needs looked at. Pure. */
export function clusterFindings(configuration: SubscriptionConfiguration, facts: ClusterFacts): Finding[] {
  const { commitStream, dataTopics, refusedTopics, streamFault } = facts
  const keys = subjectKeysTopicOf(configuration)
  const described = [...dataTopics.values()].filter(topic => topic !== null)
  return [
    ...trimmingFindings(configuration),
    ...(commitStream === null ? [] : commitStreamFindings(commitStream, configuration)),
    ...(streamFault === null ? [] : [findingOf(streamFault)]),
    // What is not granted is told with the other permissions.
    ...refusedTopics.filter(({ code }) => code !== 'KAFKA_AUTHORIZATION').map(error => findingOf(error)),
    ...described.flatMap(topic =>
      topic.name === keys ? keyTopicFindings(topic, configuration) : dataTopicFindings(topic, configuration)
    ),
    ...(facts.restrictedFault ? [unseenAccess(configuration)] : []),
    ...restrictedTopicFindings(facts.restrictedTopics, configuration.kafka.brokers),
    ...collisionFindings(configuration, facts)
  ]
}

/** Below Kafka's own default a batch of ordinary rows may not fit. */
const messageBytesUsual = 1_048_588
/** Many commit records go in one batch (appendBytesMax of the delivery), and the last of them may be a large one. */
const commitStreamMessageBytesMin = 1_000_000

function commitStreamFindings(topic: TopicDescription, configuration: SubscriptionConfiguration): Finding[] {
  const findings: Finding[] = []
  if (topic.partitions !== 1) {
    const what = `the commit stream ${topic.name} has ${topic.partitions} partitions: it needs exactly one`
    findings.push(
      unsuitable(topic, 'error', what, 'choose another `commitStream`, or delete the topic if nothing is in it')
    )
  }
  for (const [name, wanted] of Object.entries(commitStreamConfigs) as [keyof typeof commitStreamConfigs, string][]) {
    const present = presentConfig(topic, name)
    if (present === wanted) continue
    const what = `the commit stream ${topic.name} has ${name}=${present}: it needs ${wanted}`
    findings.push(unsuitable(topic, 'error', what, alterConfig(configuration, topic.name, name, wanted)))
  }
  if (topic.configs.maxMessageBytes < commitStreamMessageBytesMin) {
    const what = `the commit stream ${topic.name} takes messages of ${topic.configs.maxMessageBytes} bytes at most`
    const remedy = alterConfig(configuration, topic.name, 'max.message.bytes', String(messageBytesUsual))
    findings.push(unsuitable(topic, 'error', what, remedy))
  }
  return [...findings, ...replicationFindings(topic, configuration)]
}

function presentConfig({ configs }: TopicDescription, name: keyof typeof commitStreamConfigs): string {
  switch (name) {
    case 'cleanup.policy':
      return configs.cleanupPolicy
    case 'retention.ms':
      return String(configs.retentionMs)
    case 'retention.bytes':
      return String(configs.retentionBytes)
    case 'message.timestamp.type':
      return configs.messageTimestampType
  }
}

/** With another policy keys would be lost by age, or never go. */
function keyTopicFindings(topic: TopicDescription, configuration: SubscriptionConfiguration): Finding[] {
  const { name, configs } = topic
  if (configs.cleanupPolicy === 'compact') return replicationFindings(topic, configuration)
  const what = `topic ${name} holds the data keys of subjects and has cleanup.policy=${configs.cleanupPolicy}: it needs compact`
  return [unsuitable(topic, 'error', what, alterConfig(configuration, name, 'cleanup.policy', 'compact'))]
}

function dataTopicFindings(topic: TopicDescription, configuration: SubscriptionConfiguration): Finding[] {
  const { name, configs } = topic
  const findings: Finding[] = []
  if (configs.cleanupPolicy.includes('compact')) {
    const what = `topic ${name} is compacted: of older transactions some records are removed, and readers see them as incomplete`
    findings.push(
      unsuitable(
        topic,
        'warning',
        what,
        'read it with `allowIncomplete`, or ' + alterConfig(configuration, name, 'cleanup.policy', 'delete')
      )
    )
  }
  if (configs.cleanupPolicy.includes('delete') && configs.retentionMs >= 0) {
    findings.push(retentionFinding(topic, configuration))
  }
  if (configs.maxMessageBytes < messageBytesUsual) {
    const what = `topic ${name} takes messages of ${configs.maxMessageBytes} bytes at most: a larger row stops the agent`
    findings.push(
      unsuitable(
        topic,
        'warning',
        what,
        alterConfig(configuration, name, 'max.message.bytes', String(messageBytesUsual))
      )
    )
  }
  return [...findings, ...replicationFindings(topic, configuration)]
}

/** Below it readers lose their place whenever they are restarted, and the agent reconnects every few minutes. */
const usualRetentionMsMin = 3_600_000

function trimmingFindings({
  commitStreamRetentionMs: kept,
  places,
  commitStream
}: SubscriptionConfiguration): Finding[] {
  if (kept === null || kept >= usualRetentionMsMin) return []
  const what = `the commit stream keeps ${durationText(kept)}: a reader that rests for longer stops with STREAM_TRIMMED, and the agent claims anew every ${durationText(kept / 8)}`
  const place = places.commitStreamRetention ?? commitStream
  return [
    {
      code: 'TOPIC_UNSUITABLE',
      severity: 'warning',
      what,
      place,
      remedy: '`commitStreamRetention: 30d`, or what the longest outage of a reader may be'
    }
  ]
}

/** What the commit stream names for longer than the topic has it, a reader looks for in vain. */
function retentionFinding(topic: TopicDescription, configuration: SubscriptionConfiguration): Finding {
  const { retentionMs } = topic.configs
  const kept = configuration.commitStreamRetentionMs
  const removes = `topic ${topic.name} removes records after ${daysText(retentionMs)}`
  if (kept === null || retentionMs >= kept) {
    return unsuitable(topic, 'info', `${removes}: a reader that starts later begins behind them`, '')
  }
  const what = `${removes}, the commit stream names them for ${daysText(kept)}: a reader that lags between the two stops with RECORDS_MISSING`
  const shorter = retentionMs < 1_000 ? '' : `, or \`commitStreamRetention: ${durationText(retentionMs)}\``
  const remedy = alterConfig(configuration, topic.name, 'retention.ms', String(kept))
  return unsuitable(topic, 'warning', what, remedy + shorter)
}

function replicationFindings(topic: TopicDescription, configuration: SubscriptionConfiguration): Finding[] {
  const { name, replication, configs } = topic
  if (configs.minInSyncReplicas > replication) {
    const what = `topic ${name} has ${replication} replica${replication === 1 ? '' : 's'} and wants ${configs.minInSyncReplicas} in step: no write is ever acknowledged`
    return [
      unsuitable(topic, 'error', what, alterConfig(configuration, name, 'min.insync.replicas', String(replication)))
    ]
  }
  if (replication > 2 && configs.minInSyncReplicas < 2) {
    const what = `topic ${name} acknowledges writes that only one of its ${replication} replicas has: the loss of that broker loses them`
    return [unsuitable(topic, 'warning', what, alterConfig(configuration, name, 'min.insync.replicas', '2'))]
  }
  return []
}

/** Kafka refuses a topic whose name differs from another's only in `.` and `_`; of those that exist it tells itself. */
function collisionFindings(
  configuration: SubscriptionConfiguration,
  { commitStream, dataTopics }: ClusterFacts
): Finding[] {
  const topics = newTopics(configuration, { commitStream, dataTopics }).map(topic => topic.name)
  const first = new Map([...topics].reverse().map(name => [topicMetricName(name), name]))
  return topics.flatMap(name => {
    const other = first.get(topicMetricName(name))
    if (other === undefined || other === name) return []
    const what = `topic ${name} cannot be created beside ${other}: their names differ only in \`.\` and \`_\``
    return [{ code: 'TOPIC_UNSUITABLE', severity: 'error', what, place: name, remedy: 'choose another name' }]
  })
}

function alterConfig(configuration: SubscriptionConfiguration, topic: string, name: string, value: string): string {
  const brokers = configuration.kafka.brokers.join(',')
  return `kafka-configs.sh --bootstrap-server ${brokers} --alter --entity-type topics --entity-name ${topic} --add-config ${name}=${value}`
}

function daysText(ms: number): string {
  const hours = ms / 3_600_000
  return hours < 48 ? `${Math.round(hours * 10) / 10} hours` : `${Math.round(hours / 2.4) / 10} days`
}

function unsuitable(topic: TopicDescription, severity: Severity, what: string, remedy: string): Finding {
  return { code: 'TOPIC_UNSUITABLE', severity, what, place: topic.name, remedy }
}
