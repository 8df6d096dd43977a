import type { KafkaAdmin, TopicDescription } from '@tidemark/kafka/admin.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { TopicDirectory, TopicFacts } from './topic-directory.ts'

export interface ClusterTopicsOptions {
  admin: Pick<KafkaAdmin, 'describeTopics' | 'createTopics'>
  /** Made by `apply`: one of them missing was deleted, and is never made again silently. */
  applied: ReadonlySet<string>
  /** For topics whose names come with the data (outbox events, processors): they are made when first written to. */
  partitions: number
  /** -1: the broker's default. */
  replication: number
  onCreated(topic: string, partitions: number): void
}

/** Topics of a real cluster. */
export class ClusterTopics implements TopicDirectory {
  private readonly options: ClusterTopicsOptions

  constructor(options: ClusterTopicsOptions) {
    this.options = options
  }

  /** Throws TOPIC_MISSING, and what the admin throws. */
  async find(topic: string): Promise<TopicFacts> {
    const found = (await this.describe(topic)) ?? (await this.create(topic))
    const { partitions, configs } = found
    return { partitions, messageBytesMax: configs.maxMessageBytes }
  }

  private async describe(topic: string): Promise<TopicDescription | null> {
    return (await this.options.admin.describeTopics([topic])).get(topic) ?? null
  }

  private async create(topic: string): Promise<TopicDescription> {
    const { applied, partitions, replication, admin, onCreated } = this.options
    if (applied.has(topic)) throw missing(topic)
    await admin.createTopics([{ name: topic, partitions, replication }])
    onCreated(topic, partitions)
    const created = await this.describe(topic)
    if (created === null) throw missing(topic)
    return created
  }
}

function missing(topic: string): TidemarkError {
  return new TidemarkError('TOPIC_MISSING', { message: `topic ${topic} does not exist`, place: topic })
}
