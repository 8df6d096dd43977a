import { test } from 'node:test'
import kafkajs from 'kafkajs'
import { until } from '../test/support/until.ts'
import { startKafka } from './kafka.ts'

test('three brokers: when the leader crashes another leads, and it comes back', async t => {
  const cluster = await startKafka({ nodes: 3, heapMegabytes: 256 })
  t.after(() => cluster.stop())
  const admin = new kafkajs.Kafka({ brokers: cluster.brokers, logLevel: kafkajs.logLevel.NOTHING }).admin()
  await admin.connect()
  t.after(() => admin.disconnect())
  await admin.createTopics({
    topics: [{ topic: 'moved', numPartitions: 1, replicationFactor: 3 }],
    waitForLeaders: true
  })
  const partition = async (): Promise<kafkajs.PartitionMetadata | undefined> =>
    (await admin.fetchTopicMetadata({ topics: ['moved'] })).topics[0]?.partitions[0]
  const first = await until(async () => (await partition())?.leader, { what: 'a leader' })
  const leader = cluster.nodes.find(node => node.id === first)
  await leader?.crash()
  const moved = async (): Promise<boolean> => ![first, -1, undefined].includes((await partition())?.leader)
  await until(moved, { what: 'another leader' })
  await leader?.restart()
  await until(async () => (await partition())?.isr.length === 3, { what: 'all replicas in sync' })
})
