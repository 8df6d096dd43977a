import { Kafka, logLevel, type KafkaMessage } from 'kafkajs'

/** Records of a topic as any consumer sees them, void ones too: those there are now, or the first `count`. */
export async function readTopic(brokers: string[], topic: string, count?: number): Promise<KafkaMessage[]> {
  const kafka = new Kafka({ brokers, logLevel: logLevel.NOTHING })
  const wanted = count ?? (await recordsNow(kafka, topic))
  const messages: KafkaMessage[] = []
  if (wanted === 0) return messages
  const consumer = kafka.consumer({ groupId: `${topic}-reader` })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await new Promise<void>((resolve, reject) => {
    consumer
      .run({
        eachMessage: ({ message }) => {
          messages.push(message)
          if (messages.length === wanted) resolve()
          return Promise.resolve()
        }
      })
      .catch(reject)
  })
  await consumer.disconnect()
  return messages
}

async function recordsNow(kafka: Kafka, topic: string): Promise<number> {
  const admin = kafka.admin()
  await admin.connect()
  const partitions = await admin.fetchTopicOffsets(topic)
  await admin.disconnect()
  return partitions.reduce((sum, { low, high }) => sum + Number(high) - Number(low), 0)
}
