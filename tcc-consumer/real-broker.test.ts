import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { Kafka, logLevel } from 'kafkajs'
import type { ConsumedTransaction } from './consumed-transaction.ts'
import type { ConsumerOptions } from './consumer-options.ts'
import { useRealStream, type RealStream } from './testing/publisher.ts'
import { valuesOf } from './testing/read-all.ts'
import type { WrittenTransaction } from './testing/scripted-stream.ts'
import { TransactionConsumer } from './transaction-consumer.ts'

function useConsumer(t: TestContext, stream: RealStream, options: Partial<ConsumerOptions> = {}): TransactionConsumer {
  const { kafka, commitStream } = stream
  const source = options.kafka === undefined ? { brokers: kafka.brokers } : {}
  const consumer = new TransactionConsumer({ ...source, commitStream, ...options })
  t.after(() => consumer.close())
  return consumer
}

function kafkaJs(stream: RealStream): Kafka {
  return new Kafka({ brokers: stream.kafka.brokers, clientId: 'theirs', logLevel: logLevel.NOTHING })
}

async function take(consumer: TransactionConsumer, count: number): Promise<ConsumedTransaction[]> {
  const taken: ConsumedTransaction[] = []
  for await (const transaction of consumer) if (taken.push(transaction) === count) break
  return taken
}

function several(stream: RealStream, count: number): WrittenTransaction[] {
  const { owner, three } = stream
  return Array.from({ length: count }, (_, index) => owner.transaction(index + 1, [...three, three[0]!]))
}

describe('on a real broker', () => {
  for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
    test(`transactions come back whole and in order, compression ${compression}`, async t => {
      const stream = await useRealStream(t, compression)
      const written = several(stream, 20)
      await stream.publish()
      const taken = await take(useConsumer(t, stream), 20)
      assert.deepEqual(
        await Promise.all(taken.map(valuesOf)),
        written.map(({ values }) => values)
      )
    })
  }

  test('a waiting reader gets what is written next', async t => {
    const stream = await useRealStream(t)
    several(stream, 2)
    await stream.publish()
    const iterator = useConsumer(t, stream)[Symbol.asyncIterator]()
    await iterator.next()
    await iterator.next()
    const next = iterator.next()
    stream.owner.transaction(3, stream.three)
    await stream.publish()
    assert.equal((await next).value?.sequence, 3)
  })

  test('a bookmark, a time and some topics alone are places to begin at', async t => {
    const stream = await useRealStream(t)
    several(stream, 6)
    await stream.publish()
    const taken = await take(useConsumer(t, stream), 6)
    const [next] = await take(useConsumer(t, stream, { from: taken[3]!.bookmark }), 1)
    assert.equal(next!.sequence, 5)
    const [first] = await take(useConsumer(t, stream, { from: { time: 0 } }), 1)
    assert.equal(first!.sequence, 1)
    const [some] = await take(useConsumer(t, stream, { topics: [stream.transfers] }), 1)
    assert.deepEqual(await valuesOf(some!), ['1:1:2'])
  })

  test('latest gives a bookmark at once and then what is written next', async t => {
    const stream = await useRealStream(t)
    several(stream, 2)
    await stream.publish()
    const consumer = useConsumer(t, stream, { from: 'latest' })
    assert.ok(await consumer.bookmark())
    stream.owner.transaction(3, stream.three)
    await stream.publish()
    assert.equal((await take(consumer, 1))[0]!.sequence, 3)
  })

  test('records deleted before the start are a start gap, those deleted later a named error', async t => {
    const stream = await useRealStream(t)
    several(stream, 4)
    await stream.publish()
    const all = await take(useConsumer(t, stream), 4)
    const [topic, partition] = stream.three[1]!.split('/') as [string, string]
    await stream.admin.deleteRecords(topic, Number(partition), 2)
    const [first] = await take(useConsumer(t, stream), 1)
    assert.deepEqual([first!.sequence, first!.gapsBefore[0]?.kind], [3, 'start'])
    const late = useConsumer(t, stream, { from: all[0]!.bookmark, missingAfterMs: 0 })
    await assert.rejects(take(late, 1), { code: 'RECORDS_MISSING' })
  })

  test('a commit stream that does not exist is TOPIC_MISSING, a broker that does not answer KAFKA_UNREACHABLE', async t => {
    const stream = await useRealStream(t)
    const missing = useConsumer(t, stream, { commitStream: 'no.such.commits', startAfterMs: 0 })
    await assert.rejects(take(missing, 1), { code: 'TOPIC_MISSING' })
    const nowhere = useConsumer(t, stream, { brokers: ['127.0.0.1:1'], unreachableAfterMs: 500 })
    await assert.rejects(take(nowhere, 1), { code: 'KAFKA_UNREACHABLE' })
  })

  test('closing ends a waiting loop', async t => {
    const stream = await useRealStream(t)
    await stream.publish()
    const consumer = useConsumer(t, stream)
    await consumer.bookmark()
    const waiting = take(consumer, 1)
    await consumer.close()
    assert.deepEqual(await waiting, [])
  })
})

describe('over an instance of kafkajs', () => {
  test('the same transactions come back', async t => {
    const stream = await useRealStream(t)
    const written = several(stream, 20)
    await stream.publish()
    const taken = await take(useConsumer(t, stream, { kafka: kafkaJs(stream) }), 20)
    assert.deepEqual(
      await Promise.all(taken.map(valuesOf)),
      written.map(({ values }) => values)
    )
    const [next] = await take(useConsumer(t, stream, { kafka: kafkaJs(stream), from: taken[3]!.bookmark }), 1)
    assert.equal(next!.sequence, 5)
  })

  test('a waiting reader gets what is written next, and time and ends are asked of the leader', async t => {
    const stream = await useRealStream(t)
    several(stream, 2)
    await stream.publish()
    const consumer = useConsumer(t, stream, { kafka: kafkaJs(stream), from: { time: Date.now() + 60_000 } })
    assert.ok(await consumer.bookmark())
    const next = take(consumer, 1)
    stream.owner.transaction(3, stream.three)
    await stream.publish()
    assert.equal((await next)[0]!.sequence, 3)
  })

  test('its errors have our names', async t => {
    const stream = await useRealStream(t)
    const missing = useConsumer(t, stream, { kafka: kafkaJs(stream), commitStream: 'no.such.commits', startAfterMs: 0 })
    await assert.rejects(take(missing, 1), { code: 'TOPIC_MISSING' })
    const kafka = new Kafka({ brokers: ['127.0.0.1:1'], logLevel: logLevel.NOTHING, retry: { retries: 0 } })
    await assert.rejects(take(useConsumer(t, stream, { kafka, unreachableAfterMs: 500 }), 1), {
      code: 'KAFKA_UNREACHABLE'
    })
    const other = useConsumer(t, stream, { kafka: { admin: () => 0, consumer: () => 0 } })
    await assert.rejects(take(other, 1), { code: 'CONFIG_INVALID' })
  })
})

describe('in a group', () => {
  async function offsetsOf(stream: RealStream, groupId: string): Promise<{ offset: string; metadata: string | null }> {
    const admin = kafkaJs(stream).admin()
    await admin.connect()
    const [topic] = await admin.fetchOffsets({ groupId, topics: [stream.commitStream] })
    await admin.disconnect()
    return topic!.partitions[0]!
  }

  test('a new member goes on after the bookmark that was committed', async t => {
    const stream = await useRealStream(t)
    several(stream, 5)
    await stream.publish()
    const groupId = stream.kafka.topicName('group')
    const first = useConsumer(t, stream, { groupId })
    const taken = await take(first, 3)
    await first.commit(taken[1]!.bookmark)
    await first.close()
    const second = useConsumer(t, stream, { groupId })
    assert.deepEqual(
      (await take(second, 3)).map(({ sequence }) => sequence),
      [3, 4, 5]
    )
  })

  test('a bookmark inside a commit record refines the offset', async t => {
    const stream = await useRealStream(t)
    const { owner, three } = stream
    owner.commit(...[1, 2, 3].map(sequence => owner.data(sequence, three)))
    await stream.publish()
    const groupId = stream.kafka.topicName('group')
    const first = useConsumer(t, stream, { groupId })
    const taken = await take(first, 2)
    await first.commit(taken[1]!.bookmark)
    await first.close()
    assert.equal((await offsetsOf(stream, groupId)).offset, '2')
    assert.equal((await take(useConsumer(t, stream, { groupId }), 1))[0]!.sequence, 3)
  })

  test('the group is without lag once the last transaction is committed', async t => {
    const stream = await useRealStream(t)
    several(stream, 3)
    await stream.publish()
    const groupId = stream.kafka.topicName('group')
    const consumer = useConsumer(t, stream, { groupId })
    const taken = await take(consumer, 3)
    await consumer.commit(taken[2]!.bookmark)
    const { end } = await stream.fetcher.bounds(stream.commitStream, 0)
    assert.equal(Number((await offsetsOf(stream, groupId)).offset), end)
  })

  test('an offset without a bookmark, as reset tools leave it, means the first entry there', async t => {
    const stream = await useRealStream(t)
    several(stream, 5)
    await stream.publish()
    const groupId = stream.kafka.topicName('group')
    const admin = kafkaJs(stream).admin()
    await admin.connect()
    await admin.setOffsets({ groupId, topic: stream.commitStream, partitions: [{ partition: 0, offset: '4' }] })
    await admin.disconnect()
    assert.equal((await take(useConsumer(t, stream, { groupId }), 1))[0]!.sequence, 3)
  })

  test('a standby takes over from the committed bookmark, and the one before it is refused by name', async t => {
    const stream = await useRealStream(t)
    several(stream, 4)
    await stream.publish()
    const groupId = stream.kafka.topicName('group')
    const first = useConsumer(t, stream, { groupId })
    const taken = await take(first, 2)
    await first.commit(taken[0]!.bookmark)
    const second = useConsumer(t, stream, { groupId })
    const takingOver = take(second, 1)
    await first.close()
    assert.equal((await takingOver)[0]!.sequence, 2)
    await assert.rejects(first.commit(taken[1]!.bookmark), { code: 'GROUP_SUPERSEDED' })
  })

  test('a commit without a group is refused by name', async t => {
    const stream = await useRealStream(t)
    several(stream, 1)
    await stream.publish()
    const consumer = useConsumer(t, stream)
    const [transaction] = await take(consumer, 1)
    await assert.rejects(consumer.commit(transaction!.bookmark), { code: 'USAGE' })
  })
})
