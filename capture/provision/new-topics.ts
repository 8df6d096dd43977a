import type { NewTopic } from '@tidemark/kafka/admin.ts'
import { subjectKeysTopicOf, type SubscriptionConfiguration } from '../config/configuration.ts'
import type { ClusterFacts } from '../preflight/cluster-facts.ts'

/** Only its owner trims a commit stream, and the times of its records are the source's (specification, section 1). */
export const commitStreamConfigs = {
  'cleanup.policy': 'delete',
  'retention.ms': '-1',
  'retention.bytes': '-1',
  'message.timestamp.type': 'CreateTime'
} as const

/** Keys stay until they are destroyed, and then leave the disk: within a day where segments are cleaned as asked. */
export const subjectKeysConfigs = {
  'cleanup.policy': 'compact',
  'max.compaction.lag.ms': '86400000',
  'delete.retention.ms': '86400000'
} as const

/** Kafka's own sign for the cluster's default. */
const clusterDefault = -1

/** The topics that are missing, the commit stream first. */
export function newTopics(
  configuration: SubscriptionConfiguration,
  facts: Pick<ClusterFacts, 'commitStream' | 'dataTopics'>
): NewTopic[] {
  const replication = configuration.topics.replication ?? clusterDefault
  const keys = subjectKeysTopicOf(configuration)
  const topics: NewTopic[] = []
  if (facts.commitStream === null) {
    topics.push({ name: configuration.commitStream, partitions: 1, replication, configs: commitStreamConfigs })
  }
  for (const [name, topic] of facts.dataTopics) {
    if (topic !== null) continue
    const configs = name === keys ? { configs: subjectKeysConfigs } : {}
    topics.push({ name, partitions: configuration.topics.partitions, replication, ...configs })
  }
  return topics
}
