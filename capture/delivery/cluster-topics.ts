import type { Cluster } from '@tidemark/kafka/cluster.ts'
import type { TopicDefaults } from '../config/configuration.ts'
import type { TopicDirectory, TopicFacts } from './topic-directory.ts'

export class ClusterTopics implements TopicDirectory {
  private readonly cluster: Cluster
  constructor(cluster: Cluster, _defaults: TopicDefaults, _created: (topic: string, partitions: number) => void) {
    this.cluster = cluster
  }
  async find(topic: string): Promise<TopicFacts> {
    const { partitions } = await this.cluster.topic(topic)
    return { partitions: partitions.length, messageBytesMax: 1_048_588 }
  }
}
