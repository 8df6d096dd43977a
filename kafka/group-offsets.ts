import { listGroupsV4, offsetFetchV8 } from '@platformatic/kafka'
import { wholeAnswer } from './broker-error.ts'
import type { Cluster } from './cluster.ts'

const groupsPerRequest = 100

/**
 * What consumer groups have committed for a partition, by group; those that committed nothing there, or that this user
 * may not look at, are left out. Throws KAFKA_UNREACHABLE, KAFKA_AUTHENTICATION.
 */
export async function groupOffsets(cluster: Cluster, topic: string, partition: number): Promise<Map<string, number>> {
  const offsets = new Map<string, number>()
  // A broker lists the groups that it coordinates, and only it answers for them.
  for (const node of await cluster.brokerIds()) {
    const groups = await groupsAt(cluster, node)
    for (let from = 0; from < groups.length; from += groupsPerRequest) {
      await collect(cluster, node, groups.slice(from, from + groupsPerRequest), { topic, partition }, offsets)
    }
  }
  return offsets
}

async function groupsAt(cluster: Cluster, node: number): Promise<string[]> {
  const answer = await cluster.atBroker(node, 'asking for consumer groups', connection =>
    wholeAnswer(listGroupsV4.api.async(connection, [], []))
  )
  return answer.groups.map(({ groupId }) => groupId)
}

async function collect(
  cluster: Cluster,
  node: number,
  groupIds: readonly string[],
  { topic, partition }: { topic: string; partition: number },
  offsets: Map<string, number>
): Promise<void> {
  const topics = [{ name: topic, partitionIndexes: [partition] }]
  const groups = groupIds.map(groupId => ({ groupId, memberId: null, memberEpoch: -1, topics }))
  const answer = await cluster.atBroker(node, 'asking for offsets of consumer groups', connection =>
    wholeAnswer(offsetFetchV8.api.async(connection, groups, false))
  )
  for (const { groupId, errorCode, topics } of answer.groups) {
    const found = topics[0]?.partitions[0]
    if (errorCode !== 0 || found === undefined || found.errorCode !== 0 || found.committedOffset < 0n) continue
    offsets.set(groupId, Number(found.committedOffset))
  }
}
