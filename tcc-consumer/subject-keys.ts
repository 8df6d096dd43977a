import { Cluster } from '@tidemark/kafka/cluster.ts'
import { kafkaConnection, type KafkaConnection } from '@tidemark/kafka/connection-options.ts'
import { PartitionFetcher } from '@tidemark/kafka/partition-fetcher.ts'
import { SubjectKeyLog } from '@tidemark/kafka/subject-key-log.ts'
import type { StoredSubjectKeys } from '@tidemark/schemas/reader-keys.ts'
import type { SubjectKey } from '@tidemark/schemas/subject-key.ts'

export interface SubjectKeysOptions extends Partial<KafkaConnection> {
  /** `<prefix>.subject-keys`. */
  topic: string
  /** Memory for keys; beyond it reading them fails. Default 256 MiB: about 250,000 keys for one reader. */
  bytesMax?: number
}

const bytesMaxDefault = 268_435_456

/** The data keys of subjects, for `new ReaderKeys({subjectKeys})`. */
export class SubjectKeys implements StoredSubjectKeys {
  private readonly log: SubjectKeyLog
  private readonly end: () => Promise<void>

  private constructor(log: SubjectKeyLog, end: () => Promise<void>) {
    this.log = log
    this.end = end
  }

  /** Reads all keys there are. Throws TOPIC_MISSING, SUBJECT_KEYS_TOO_LARGE, CONFIG_INVALID, KAFKA_*. */
  static async open(options: SubjectKeysOptions): Promise<SubjectKeys> {
    const { topic, bytesMax = bytesMaxDefault, ...connection } = options
    const cluster = new Cluster(kafkaConnection(connection, 'options'))
    const reader = PartitionFetcher.of(cluster)
    const end = async () => {
      await reader.close()
      await cluster.close()
    }
    try {
      const { partitions } = await cluster.topic(topic)
      const log = new SubjectKeyLog({ reader, topic, partitions: partitions.length, bytesMax })
      await log.catchUp()
      return new SubjectKeys(log, end)
    } catch (error) {
      await end()
      throw error
    }
  }

  /**
   * Reads on to the end of the topic. To be awaited for each transaction before its fields are opened: a key that is then not
   * there was destroyed.
   */
  current(): Promise<void> {
    return this.log.catchUp()
  }

  find(keyId: string): SubjectKey | null {
    return this.log.find(keyId)
  }

  close(): Promise<void> {
    return this.end()
  }
}
