import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ConsumerOptions } from './consumer-options.ts'
import { endingConsumer, readAll } from './testing/read-all.ts'
import { commitStream, started, three } from './testing/scripted-stream.ts'
import { TransactionConsumer } from './transaction-consumer.ts'

const wrongOptions: [string, Record<string, unknown>, RegExp][] = [
  ['neither brokers nor another source', {}, /^brokers: exactly one/],
  ['two sources', { brokers: ['a:1'], reader: {} }, /^brokers: exactly one/],
  ['no commit stream', { brokers: ['a:1'], commitStream: '' }, /^commitStream: must be a text/],
  ['an unknown option', { brokers: ['a:1'], fromm: 'latest' }, /^fromm: there is no such option/],
  ['an empty list of topics', { brokers: ['a:1'], topics: [] }, /^topics: must name at least one/],
  ['a buffer without a size', { brokers: ['a:1'], bufferBytes: 0.5 }, /^bufferBytes: is not a number/],
  ['a time that is none', { brokers: ['a:1'], from: { time: Number.NaN } }, /^from: is not a place/]
]

for (const [what, options, message] of wrongOptions) {
  test(`${what} is refused by name, before anything is connected`, () => {
    const given = { commitStream, ...options } as unknown as ConsumerOptions
    assert.throws(() => new TransactionConsumer(given), { code: 'CONFIG_INVALID', message })
  })
}

test('a loop that was left goes on with the next transaction', async () => {
  const { script } = started(3)
  const consumer = endingConsumer(script.log)
  const handed: number[] = []
  for await (const { sequence } of consumer) if (handed.push(sequence) === 1) break
  for await (const { sequence } of consumer) handed.push(sequence)
  assert.deepEqual(handed, [1, 2, 3])
})

test('asking for two transactions at a time is refused by name', async () => {
  const { script } = started(3)
  const iterator = endingConsumer(script.log)[Symbol.asyncIterator]()
  const first = iterator.next()
  await assert.rejects(iterator.next(), { code: 'USAGE' })
  assert.equal((await first).value?.sequence, 1)
})

test('after it was closed a consumer hands over nothing more', async () => {
  const { script } = started(3)
  const consumer = endingConsumer(script.log)
  const iterator = consumer[Symbol.asyncIterator]()
  await iterator.next()
  await consumer.close()
  assert.deepEqual(await iterator.next(), { done: true, value: undefined })
})

test('an error stays: the loop after it ends in the same', async () => {
  const { script, owner } = started(1)
  owner.transaction(3, three)
  const consumer = endingConsumer(script.log)
  const loop = async (): Promise<void> => {
    for await (const { sequence } of consumer) assert.equal(sequence, 1)
  }
  await assert.rejects(loop(), { code: 'SEQUENCE_GAP' })
  await assert.rejects(loop(), { code: 'SEQUENCE_GAP' })
  await consumer.close()
})

test('the place reached counts transactions that hold nothing wanted', async () => {
  const { script, owner } = started()
  owner.transaction(1, ['transfers/0'])
  owner.transaction(2, ['accounts/0'])
  const { consumer } = await readAll(script.log, { topics: ['transfers'] })
  owner.transaction(3, ['transfers/0'])
  const bookmark = (await consumer.bookmark())!
  const { transactions } = await readAll(script.log, { from: bookmark })
  assert.deepEqual(
    transactions.map(({ sequence }) => sequence),
    [3]
  )
})

test('statistics tell lag, held bytes and what was handed over', async () => {
  const { script } = started(3)
  const consumer = endingConsumer(script.log)
  const iterator = consumer[Symbol.asyncIterator]()
  await iterator.next()
  const { transactions, records, lagRecords, lagMs, heldBytes } = consumer.statistics()
  assert.deepEqual([transactions, records, lagRecords], [1, 3, 2])
  assert.ok(lagMs > 0 && heldBytes > 0)
  for await (const { sequence } of consumer) assert.ok(sequence > 1)
  assert.deepEqual([consumer.statistics().lagRecords, consumer.statistics().lagMs], [0, 0])
})

test('records handed over stay as they were', async () => {
  const { script } = started(200)
  const { transactions } = await readAll(script.log, { bufferBytes: 65_536 })
  for (const { sequence, records } of transactions) {
    assert.deepEqual(
      records.map(({ value }) => String(value)),
      [0, 1, 2].map(record => `1:${sequence}:${record}`)
    )
  }
})
