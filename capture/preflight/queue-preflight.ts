import { KafkaAdmin } from '@tidemark/kafka/admin.ts'
import { Cluster } from '@tidemark/kafka/cluster.ts'
import { PartitionFetcher } from '@tidemark/kafka/partition-fetcher.ts'
import { loadProcessor } from '@tidemark/kcop/processor-file.ts'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { MqSubscription } from '../config/configuration.ts'
import { findingOf, type Finding } from '../finding.ts'
import { mqSourceOptions } from '../mq/mq-options.ts'
import { lookAtQueues } from '../mq/mq-source.ts'
import { CommitStreamLog } from '../ownership/commit-stream-log.ts'
import { readCluster, type ClusterFacts } from './cluster-facts.ts'
import type { Connections } from './connections.ts'
import { hiddenTopics, permissionFindings, readPermissions } from './permission-findings.ts'
import { queueFindings, type QueueFacts } from './queue-findings.ts'
import { clusterFindings } from './topic-findings.ts'

/** A person waits. */
const unreachableAfterMs = 15_000

export type QueueConnections = Pick<Connections, 'cluster' | 'admin' | 'reader' | 'commitStream' | 'close'>

export function openQueueConnections(configuration: MqSubscription): QueueConnections {
  const cluster = new Cluster(configuration.kafka, { unreachableAfterMs })
  const reader = PartitionFetcher.of(cluster)
  return {
    cluster,
    admin: new KafkaAdmin(cluster),
    reader,
    commitStream: new CommitStreamLog(configuration.commitStream, reader),
    close: async () => {
      await reader.close()
      await cluster.close()
    }
  }
}

/** Both systems as they stand; null for one that could not be looked at. */
export interface QueuePreflight {
  queues: QueueFacts | null
  cluster: ClusterFacts | null
  findings: Finding[]
}

/** Looks at everything a subscription to queues stands on and changes nothing. */
export async function queuePreflight(
  configuration: MqSubscription,
  connections: QueueConnections,
  environment: NodeJS.ProcessEnv
): Promise<QueuePreflight> {
  const findings: Finding[] = []
  const attempt = async <T>(look: () => Promise<T>): Promise<T | null> => {
    try {
      return await look()
    } catch (error) {
      if (!isTidemarkError(error)) throw error
      findings.push(findingOf(error))
      return null
    }
  }
  for (const { processor } of configuration.mq.queues)
    if (processor !== null) await attempt(() => loadProcessor(processor))
  const options = mqSourceOptions(configuration)
  const queues = await attempt(() => lookAtQueues(options, environment))
  const permissions = await attempt(() => readPermissions(connections.cluster, configuration))
  if (permissions !== null) findings.push(...permissionFindings(configuration, permissions))
  const hidden = permissions === null ? null : hiddenTopics(permissions, configuration.commitStream)
  const cluster = hidden === null ? null : await attempt(() => readCluster(connections, configuration, hidden))
  if (queues !== null) findings.push(...queueFindings(configuration, queues, options.places))
  if (cluster !== null) findings.push(...clusterFindings(configuration, cluster))
  if (queues !== null && cluster?.stream) findings.push(...continuity(configuration, queues, cluster.stream.system))
  return { queues, cluster, findings }
}

function continuity({ mq }: MqSubscription, queues: QueueFacts, system: string): Finding[] {
  if (queues.system === system) return []
  const what = `the queue manager is ${queues.system}, the subscription was captured from ${system}`
  const remedy = 'point `mq.connection` at the original queue manager, or begin another subscription'
  return [{ code: 'OTHER_SYSTEM', severity: 'error', what, place: mq.connectionPlace, remedy }]
}
