import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, test, type TestContext } from 'node:test'
import { useCluster } from '../test/support/kafka-cluster.ts'
import type { Cluster } from './cluster.ts'
import { ConsumerGroup } from './consumer-group.ts'

async function useGroup(t: TestContext) {
  const { cluster, connect, topic, kafka } = await useCluster(t)
  const name = await topic('commits')
  const groupId = kafka.topicName('group')
  const member = (of: Cluster, onStandby = () => {}): ConsumerGroup => {
    const group = new ConsumerGroup(of, {
      groupId,
      topic: name,
      partition: 0,
      heartbeatMs: 100,
      sessionTimeoutMs: 6_000,
      onStandby
    })
    t.after(() => group.close())
    return group
  }
  return { cluster, connect, member, groupId }
}

describe('a consumer group for one partition', () => {
  test('keeps an offset with its text', async t => {
    const { cluster, member } = await useGroup(t)
    const ownership = await member(cluster).acquire()
    assert.equal(await ownership.committed(), null)
    await Promise.all([ownership.commit(5, 'b1'), ownership.commit(9, 'b2')])
    assert.deepEqual(await ownership.committed(), { offset: 9, metadata: 'b2' })
  })

  test('leaves the partition with its owner when a standby joins, and gives it to the standby when the owner leaves', async t => {
    const { cluster, member } = await useGroup(t)
    const first = member(cluster)
    const owned = await first.acquire()
    const standby = Promise.withResolvers<void>()
    const taking = member(cluster, standby.resolve).acquire()
    await standby.promise
    await owned.commit(3, 'by the first')
    assert.equal(owned.lost.aborted, false)
    await first.close()
    const taken = await taking
    assert.deepEqual(await taken.committed(), { offset: 3, metadata: 'by the first' })
    await assert.rejects(owned.commit(4, 'too late'), { code: 'GROUP_SUPERSEDED' })
    await taken.commit(7, 'by the second')
    assert.deepEqual(await taken.committed(), { offset: 7, metadata: 'by the second' })
  })

  test('replaces a member that went silent, and refuses its commits by name', async t => {
    const { cluster, connect, member } = await useGroup(t)
    const dying = connect()
    const owned = await member(dying).acquire()
    await owned.commit(1, 'alive')
    const standby = Promise.withResolvers<void>()
    const taking = member(cluster, standby.resolve).acquire()
    await standby.promise
    const lost = once(owned.lost, 'abort')
    await dying.close()
    const taken = await taking
    await lost
    assert.deepEqual(await taken.committed(), { offset: 1, metadata: 'alive' })
    await assert.rejects(owned.commit(2, 'dead'))
    assert.deepEqual(await taken.committed(), { offset: 1, metadata: 'alive' })
  })

  test('gives up waiting when told, and can be asked again', async t => {
    const { cluster, member } = await useGroup(t)
    const first = member(cluster)
    await first.acquire()
    const abort = new AbortController()
    const second = member(cluster, () => abort.abort(new Error('enough')))
    await assert.rejects(second.acquire(abort.signal), /enough/)
    await first.close()
    assert.equal((await second.acquire()).lost.aborted, false)
  })
})
