import assert from 'node:assert/strict'
import { test } from 'node:test'
import kafkajs from 'kafkajs'
import { useKafka } from './kafka.ts'

test('a test broker stores a topic and does not create one by the way', async t => {
  const { brokers, topicName } = await useKafka(t)
  const kafka = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  t.after(() => admin.disconnect())
  const topic = topicName('support')
  await assert.rejects(admin.fetchTopicMetadata({ topics: [topic] }))
  await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: 3 }] })
  const metadata = await admin.fetchTopicMetadata({ topics: [topic] })
  assert.equal(metadata.topics[0]?.partitions.length, 3)
})
