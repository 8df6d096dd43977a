import { metadataV10, type Connection } from '@platformatic/kafka'
import { wholeAnswer } from './broker-error.ts'
import type { BrokerAddress } from './connection-options.ts'

export interface ClusterMetadata {
  brokers: Map<number, BrokerAddress>
  controller: number
  topics: TopicAnswer[]
}

export interface TopicAnswer {
  name: string
  /** Kafka error code, 0 = known. */
  error: number
  /** UUID; all zeros from brokers that have none. */
  id: string
  partitions: PartitionMetadata[]
}

export interface PartitionMetadata {
  /** Node id; null while there is none. */
  leader: number | null
  leaderEpoch: number
  replicas: readonly number[]
  inSync: readonly number[]
}

/** Protocol: Metadata v10 (topic ids; brokers since 2.8). `null` asks for all topics. Never creates one. */
export async function askMetadata(connection: Connection, topics: readonly string[] | null): Promise<ClusterMetadata> {
  const names = topics === null ? null : [...topics]
  const answer = await wholeAnswer(metadataV10.api.async(connection, names, false, false, false))
  return {
    brokers: new Map(answer.brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }])),
    controller: answer.controllerId,
    topics: answer.topics.map(topic => ({
      name: topic.name ?? '',
      error: topic.errorCode,
      id: topic.topicId,
      partitions: partitionList(topic.partitions)
    }))
  }
}

function partitionList(answered: readonly metadataV10.MetadataResponsePartition[]): PartitionMetadata[] {
  const partitions: PartitionMetadata[] = []
  for (const { partitionIndex, leaderId, leaderEpoch, replicaNodes, isrNodes } of answered) {
    const leader = leaderId < 0 ? null : leaderId
    partitions[partitionIndex] = { leader, leaderEpoch, replicas: replicaNodes, inSync: isrNodes }
  }
  return partitions
}
