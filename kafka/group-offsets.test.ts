import assert from 'node:assert/strict'
import { test } from 'node:test'
import { useCluster } from '../test/support/kafka-cluster.ts'
import { ConsumerGroup } from './consumer-group.ts'
import { groupOffsets } from './group-offsets.ts'

test('the offsets of all groups of a partition are found, and of no others', async t => {
  const { cluster, topic, kafka } = await useCluster(t)
  const [name, other] = [await topic('commits'), await topic('other')]
  assert.deepEqual(await groupOffsets(cluster, name, 0), new Map())
  const commit = async (groupId: string, place: string, offset: number): Promise<void> => {
    const group = new ConsumerGroup(cluster, { groupId, topic: place, partition: 0 })
    t.after(() => group.close())
    await (await group.acquire()).commit(offset, '')
  }
  const [one, two, third] = ['one', 'two', 'third'].map(base => kafka.topicName(base))
  await commit(one!, name, 5)
  await commit(two!, name, 0)
  await commit(third!, other, 9)
  assert.deepEqual(
    await groupOffsets(cluster, name, 0),
    new Map([
      [one, 5],
      [two, 0]
    ])
  )
})
