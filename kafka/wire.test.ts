import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { batchOf, recordsIn, useCluster } from '../test/support/kafka-cluster.ts'
import { Cluster } from './cluster.ts'
import { ProducerSession } from './producer-session.ts'
import { ClusterProduceWire } from './wire.ts'

describe('producing to and fetching from a real broker', () => {
  test('gives back per partition what was stored, in order, at the offsets told', async t => {
    const { cluster, topic, fetcher, kafka } = await useCluster(t)
    const name = await topic('roundtrip', { partitions: 3 })
    const session = await ProducerSession.open(new ClusterProduceWire(cluster), kafka.topicName('id'))
    const partitions = [0, 1, 2]
    for (const round of ['first', 'second']) {
      const offsets = await session.produce(
        partitions.map(partition => ({ topic: name, partition, batch: batchOf(`${round} ${partition}`, 'more') }))
      )
      assert.deepEqual(offsets, round === 'first' ? [0, 0, 0] : [2, 2, 2])
    }
    const requests = partitions.map(partition => ({ topic: name, partition, offset: 0, bytesMax: 1_000_000 }))
    const answers = await fetcher.fetch(requests, 5_000)
    for (const { partition, batches, highWatermark, logStart, outOfRange } of answers) {
      assert.deepEqual(recordsIn(batches), [`0 first ${partition}`, '1 more', `2 second ${partition}`, '3 more'])
      assert.deepEqual([highWatermark, logStart, outOfRange], [4, 0, false])
    }
    assert.equal(answers.length, 3)
  })

  test('the same batch sent again gets the same offset and is stored once', async t => {
    const { cluster, topic, fetcher, kafka } = await useCluster(t)
    const name = await topic('again')
    const wire = new ClusterProduceWire(cluster)
    const identity = await wire.initProducerId(kafka.topicName('id'))
    const batch = batchOf('once').seal({ compression: 'none', baseSequence: 0, ...identity })
    const node = await wire.leader(name, 0)
    const part = { topic: name, partition: 0, batch }
    const first = await wire.produce(node!, [part])
    assert.deepEqual(await wire.produce(node!, [part]), first)
    assert.deepEqual(first, [{ topic: name, partition: 0, error: 0, baseOffset: 0 }])
    assert.deepEqual(await fetcher.bounds(name, 0), { start: 0, end: 1 })
  })

  test('a second session of an id fences the first on partitions it has written, and only there', async t => {
    const { cluster, topic, kafka } = await useCluster(t)
    const name = await topic('fence', { partitions: 2 })
    const id = kafka.topicName('id')
    const wire = new ClusterProduceWire(cluster)
    const old = await ProducerSession.open(wire, id)
    await old.produce([0, 1].map(partition => ({ topic: name, partition, batch: batchOf('old') })))
    const young = await ProducerSession.open(wire, id)
    assert.equal(young.producerId, old.producerId)
    assert.ok(young.producerEpoch > old.producerEpoch)
    await young.produce([{ topic: name, partition: 0, batch: batchOf('young') }])
    assert.deepEqual(await old.produce([{ topic: name, partition: 1, batch: batchOf('late') }]), [1])
    const fenced = { code: 'PRODUCER_FENCED', place: `${name}/0` }
    await assert.rejects(old.produce([{ topic: name, partition: 0, batch: batchOf('zombie') }]), fenced)
    await assert.rejects(old.produce([{ topic: name, partition: 1, batch: batchOf('later') }]), fenced)
  })

  test('a batch above max.message.bytes and a topic that is not there are named', async t => {
    const { cluster, topic, kafka } = await useCluster(t, { topicSettleMs: 200 })
    const name = await topic('small', { configs: { 'max.message.bytes': '1000' } })
    const wire = new ClusterProduceWire(cluster)
    const open = () => ProducerSession.open(wire, kafka.topicName('id'))
    const large = (await open()).produce([{ topic: name, partition: 0, batch: batchOf('x'.repeat(2_000)) }])
    await assert.rejects(large, { code: 'RECORD_TOO_LARGE', place: `${name}/0` })
    const nowhere = (await open()).produce([{ topic: `${name}.none`, partition: 0, batch: batchOf('x') }])
    await assert.rejects(nowhere, { code: 'TOPIC_MISSING', place: `${name}.none` })
    const outside = (await open()).produce([{ topic: name, partition: 7, batch: batchOf('x') }])
    await assert.rejects(outside, { code: 'TOPIC_MISSING', place: `${name}/7` })
  })

  test('a record without key for a compacted topic is refused in the broker’s words', async t => {
    const { cluster, topic, kafka } = await useCluster(t)
    const name = await topic('compacted', { configs: { 'cleanup.policy': 'compact' } })
    const session = await ProducerSession.open(new ClusterProduceWire(cluster), kafka.topicName('id'))
    const refused = session.produce([{ topic: name, partition: 0, batch: batchOf('keyless') }])
    await assert.rejects(refused, { code: 'TOPIC_UNSUITABLE', message: /INVALID_RECORD \(87\)/ })
  })

  test('a topic deleted and created again is noticed by its id', async t => {
    const { cluster, topic, admin, kafka } = await useCluster(t)
    const name = await topic('recreated')
    const session = await ProducerSession.open(new ClusterProduceWire(cluster), kafka.topicName('id'))
    await session.produce([{ topic: name, partition: 0, batch: batchOf('a', 'b') }])
    await admin.deleteTopics([name])
    await admin.createTopics([{ name, partitions: 1, replication: 1 }])
    await assert.rejects(session.produce([{ topic: name, partition: 0, batch: batchOf('c') }]), {
      code: 'TOPIC_RECREATED'
    })
  })

  test('waits for records that come later, and answers empty when none do', async t => {
    const { cluster, topic, fetcher, kafka } = await useCluster(t)
    const name = await topic('later')
    const session = await ProducerSession.open(new ClusterProduceWire(cluster), kafka.topicName('id'))
    const request = { topic: name, partition: 0, offset: 0, bytesMax: 1_000_000 }
    const [empty] = await fetcher.fetch([request], 20)
    assert.deepEqual([empty?.batches.length, empty?.highWatermark], [0, 0])
    const waiting = fetcher.fetch([request], 20_000)
    await session.produce([{ topic: name, partition: 0, batch: batchOf('now') }])
    assert.deepEqual(
      (await waiting).flatMap(({ batches }) => recordsIn(batches)),
      ['0 now']
    )
  })

  test('names the bounds when an offset is out of range, and finds offsets by time', async t => {
    const { cluster, topic, fetcher, admin, kafka } = await useCluster(t)
    const name = await topic('range')
    const session = await ProducerSession.open(new ClusterProduceWire(cluster), kafka.topicName('id'))
    for (const timestamp of [1_000_000, 2_000_000, 3_000_000]) {
      await session.produce([{ topic: name, partition: 0, batch: batchOf('a', 'b'), timestamp }])
    }
    assert.equal(await fetcher.offsetAtTime(name, 0, 1_500_000), 2)
    assert.equal(await fetcher.offsetAtTime(name, 0, 2_000_000), 2)
    assert.equal(await fetcher.offsetAtTime(name, 0, 3_000_001), null)
    assert.equal(await admin.deleteRecords(name, 0, 4), 4)
    assert.deepEqual(await fetcher.bounds(name, 0), { start: 4, end: 6 })
    for (const offset of [1, 7]) {
      const [answer] = await fetcher.fetch([{ topic: name, partition: 0, offset, bytesMax: 1_000 }], 1_000)
      assert.deepEqual([answer?.outOfRange, answer?.logStart, answer?.highWatermark], [true, 4, 6])
    }
  })

  test('says when the log does not have the batch read before', async t => {
    const { cluster, topic, fetcher, kafka } = await useCluster(t)
    const name = await topic('diverged')
    const session = await ProducerSession.open(new ClusterProduceWire(cluster), kafka.topicName('id'))
    await session.produce([{ topic: name, partition: 0, batch: batchOf('a', 'b', 'c') }])
    const request = { topic: name, partition: 0, offset: 3, bytesMax: 1_000 }
    const [same] = await fetcher.fetch([{ ...request, leaderEpoch: 0 }], 10)
    assert.equal(same?.divergesAt, undefined)
    const [cut] = await fetcher.fetch([{ ...request, offset: 5, leaderEpoch: 0 }], 1_000)
    assert.equal(cut?.divergesAt, 3)
  })

  test('a long poll holds up neither other fetches nor producing, and ends when the cluster closes', async t => {
    const { cluster, topic, fetcher, kafka } = await useCluster(t)
    const name = await topic('side', { partitions: 2 })
    const request = { topic: name, partition: 0, offset: 0, bytesMax: 1_000 }
    const poll = fetcher.fetch([request], 60_000)
    const session = await ProducerSession.open(new ClusterProduceWire(cluster), kafka.topicName('id'))
    await session.produce([{ topic: name, partition: 1, batch: batchOf('x') }])
    const [other] = await fetcher.fetch([{ ...request, partition: 1 }], 10_000)
    assert.deepEqual(recordsIn(other!.batches), ['0 x'])
    const closed = assert.rejects(poll, { code: 'KAFKA_UNREACHABLE', message: /closed/ })
    await cluster.close()
    await closed
  })
})

describe('a cluster that is not there', () => {
  test('is named with its address, and nothing stays open', async () => {
    const cluster = new Cluster({ brokers: ['127.0.0.1:1'], clientId: 'nobody' }, { unreachableAfterMs: 50 })
    await assert.rejects(cluster.topic('a'), { code: 'KAFKA_UNREACHABLE', message: /127\.0\.0\.1:1/ })
    await assert.rejects(cluster.coordinator('group', 'g'), { code: 'KAFKA_UNREACHABLE' })
    await cluster.close()
    await assert.rejects(cluster.topic('a'), { code: 'KAFKA_UNREACHABLE', message: /closed/ })
  })
})
