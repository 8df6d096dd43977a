import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BY_KEY, byHash } from '@tidemark/kcop/record-sink.ts'
import { DataTopic } from './data-topic.ts'
import { context, smallWriter } from './testing/small-writer.ts'

const parked = { operation: 3, table: 'public.payment', reason: 'PROCESSOR_FAILED' }

function open() {
  const writer = smallWriter(() => 3)
  writer.begin(context)
  return { writer, topic: writer.topic('bank.a') }
}

test('a transaction of which all was parked is named with what was parked', () => {
  const { writer } = open()
  writer.park(parked)
  assert.equal(writer.commit(new Uint8Array(8), 4), true)
  const [fact] = writer.take().facts
  assert.ok(fact?.type === 'transaction')
  const { sequence, records, operations, parked: named } = fact.transaction
  assert.deepEqual([sequence, records, operations, named], [11, 0, 4, [parked]])
})

test('more than an entry can name is refused before anything changes', () => {
  const { writer } = open()
  assert.throws(
    () => {
      for (;;) writer.park(parked)
    },
    { code: 'PARKED_TOO_MANY', message: 'more than 21 operations of transaction 757 failed' }
  )
  writer.commit(new Uint8Array(8), 22)
  const [fact] = writer.take().facts
  assert.equal(fact?.type === 'transaction' && fact.transaction.parked.length, 21)
})

test('what a topic would refuse is told beforehand, once the topic is known', async () => {
  const { writer, topic } = open()
  const known = writer.known(topic)
  assert.ok(known !== null)
  topic.settle({ partitions: 2, messageBytesMax: 10_000 }, 1_000)
  await known
  assert.equal(writer.known(topic), null)
  for (const partition of [BY_KEY, byHash(7), 0, 1]) writer.admit(topic, partition, 800)
  assert.throws(() => writer.admit(topic, 2, 1), { code: 'PROCESSOR_FAILED' })
  assert.throws(() => writer.admit(topic, BY_KEY, 900), { code: 'RECORD_TOO_LARGE' })
})

test('what is admitted is taken', () => {
  for (let bytes = 700; bytes < 1_000; bytes++) {
    const { writer, topic } = open()
    topic.settle({ partitions: 1, messageBytesMax: 10_000 }, 1_000)
    try {
      writer.admit(topic, BY_KEY, bytes)
    } catch {
      return
    }
    const value = Buffer.alloc(bytes)
    writer.append(topic, BY_KEY, null, 0, 0, value, 0, bytes, null)
  }
  assert.fail('everything was admitted')
})

test('several may wait for one topic', async () => {
  const topic = new DataTopic('bank.a')
  const waits = [topic.known(), topic.known()]
  topic.settle({ partitions: 1, messageBytesMax: 1_000 }, 1_000)
  for (const wait of waits) await wait
})
