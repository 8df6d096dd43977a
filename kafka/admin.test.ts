import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { useCluster } from '../test/support/kafka-cluster.ts'

describe('the admin', () => {
  test('creates topics with settings, describes them, and says which are not there', async t => {
    const { admin, kafka } = await useCluster(t)
    const name = kafka.topicName('described')
    const configs = { 'cleanup.policy': 'compact,delete', 'retention.ms': '-1', 'max.message.bytes': '2000000' }
    const settings = { name, partitions: 3, replication: 1, configs: { ...configs, 'compression.type': 'zstd' } }
    assert.deepEqual(await admin.createTopics([settings]), [name])
    assert.deepEqual(await admin.createTopics([settings]), [])
    const described = await admin.describeTopics([name, `${name}.none`])
    assert.equal(described.get(`${name}.none`), null)
    const { id, ...rest } = described.get(name)!
    assert.match(id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
    assert.deepEqual(rest, {
      name,
      partitions: 3,
      replication: 1,
      configs: {
        cleanupPolicy: 'compact,delete',
        retentionMs: -1,
        retentionBytes: -1,
        maxMessageBytes: 2_000_000,
        compressionType: 'zstd',
        minInSyncReplicas: 1,
        messageTimestampType: 'CreateTime'
      }
    })
    assert.ok((await admin.listTopics()).includes(name))
    await admin.deleteTopics([name, `${name}.none`])
    assert.equal((await admin.describeTopics([name])).get(name), null)
  })

  test('passes on why a broker will not create a topic so', async t => {
    const { admin, kafka } = await useCluster(t)
    const topic = { name: kafka.topicName('bad'), partitions: 1, replication: 1 }
    const unsuitable = (message: RegExp) => ({ code: 'TOPIC_UNSUITABLE', message })
    await assert.rejects(admin.createTopics([{ ...topic, replication: 3 }]), unsuitable(/INVALID_REPLICATION_FACTOR/))
    const refused = await admin.refusedTopics([topic, { ...topic, name: `${topic.name}.3`, replication: 3 }])
    assert.deepEqual(
      refused.map(({ code, place }) => [code, place]),
      [['TOPIC_UNSUITABLE', `${topic.name}.3`]]
    )
    assert.equal((await admin.describeTopics([topic.name])).get(topic.name), null)
    const configs = { 'retention.ms': 'soon' }
    await assert.rejects(admin.createTopics([{ ...topic, configs }]), unsuitable(/INVALID_CONFIG.*retention\.ms/))
  })

  test('deletes records, and says where that cannot be', async t => {
    const { admin, topic } = await useCluster(t, { topicSettleMs: 100 })
    const name = await topic('compacted', { configs: { 'cleanup.policy': 'compact' } })
    await assert.rejects(admin.deleteRecords(name, 0, 0), { code: 'TOPIC_UNSUITABLE', message: /POLICY_VIOLATION/ })
    await assert.rejects(admin.deleteRecords(`${name}.none`, 0, 0), { code: 'TOPIC_MISSING' })
  })
})
