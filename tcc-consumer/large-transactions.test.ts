import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ConsumerOptions } from './consumer-options.ts'
import { endingConsumer, readAll, type Reading, valuesOf } from './testing/read-all.ts'
import {
  headerOf,
  loss,
  type ScriptedStream,
  started,
  streamId,
  type Target,
  three
} from './testing/scripted-stream.ts'

/** `count` records over all partitions, in an order that changes. */
function many(count: number): Target[] {
  return Array.from({ length: count }, (_, index) => three[(index * index) % 3]!)
}

function read(script: ScriptedStream, options: Partial<ConsumerOptions> = {}): Promise<Reading> {
  return readAll(script.log, { wholeUpToBytes: 400, bufferBytes: 65_536, ...options })
}

test('a transaction up to the limit is an array, above it a stream, in the same order', async () => {
  const { script, owner } = started()
  const small = owner.transaction(1, many(3))
  const large = owner.transaction(2, many(50))
  const after = owner.transaction(3, many(3))
  const { values, transactions, error } = await read(script)
  assert.equal(error, null)
  assert.deepEqual(
    transactions.map(({ isLarge }) => isLarge),
    [false, true, false]
  )
  assert.deepEqual(values, [small.values, large.values, after.values])
})

test('the records of a large transaction are not to be had as an array', async () => {
  const { script, owner } = started()
  owner.transaction(1, many(50))
  const { transactions } = await read(script)
  assert.throws(() => transactions[0]!.records, { code: 'TRANSACTION_TOO_LARGE' })
})

test('a transaction known to be too large from its count is not read twice', async () => {
  const { script, owner } = started()
  const large = owner.transaction(1, many(50))
  const { values } = await read(script, { wholeUpToBytes: 0 })
  assert.deepEqual(values, [large.values])
})

test('what is left of a large transaction is passed over before the next one', async () => {
  const { script, owner } = started()
  const large = owner.transaction(1, many(50))
  const next = owner.transaction(2, many(2))
  const consumer = endingConsumer(script.log, { wholeUpToBytes: 400 })
  const handed: string[][] = []
  for await (const transaction of consumer) {
    if (!transaction.isLarge) {
      handed.push(await valuesOf(transaction))
      continue
    }
    const values: string[] = []
    for await (const record of transaction.stream()) {
      values.push(String(record.value))
      if (values.length === 20) break
    }
    handed.push(values)
  }
  assert.deepEqual(handed, [large.values.slice(0, 20), next.values])
  assert.equal(consumer.statistics().duplicatesDropped, 0)
})

test('a large transaction nobody reads is passed over whole', async () => {
  const { script, owner } = started()
  owner.transaction(1, many(50))
  owner.transaction(2, many(2))
  const consumer = endingConsumer(script.log, { wholeUpToBytes: 400 })
  const handed = []
  for await (const { sequence } of consumer) handed.push(sequence)
  assert.deepEqual(handed, [1, 2])
})

test('a large transaction is read once, and not after the next one was asked for', async () => {
  const { script, owner } = started()
  owner.transaction(1, many(50))
  owner.transaction(2, many(2))
  const consumer = endingConsumer(script.log, { wholeUpToBytes: 400 })
  const iterator = consumer[Symbol.asyncIterator]()
  const large = (await iterator.next()).value!
  const stream = large.stream()
  await stream.next()
  assert.throws(() => large.stream(), { code: 'USAGE' })
  await iterator.next()
  await assert.rejects(stream.next(), { code: 'USAGE' })
  await consumer.close()
})

test('a bookmark inside a large transaction leads to the rest of it', async () => {
  const { script, owner } = started()
  const large = owner.transaction(1, many(50))
  const { transactions } = await read(script, { wholeUpToBytes: 1 << 20 })
  const from = transactions[0]!.bookmarkAfter(transactions[0]!.records[29]!)
  const reading = await read(script, { from })
  assert.deepEqual(reading.values, [large.values.slice(30)])
  assert.equal(reading.transactions[0]!.firstRecord, 30)
})

test('a large transaction of some topics is merged from their parts alone', async () => {
  const { script, owner } = started()
  const large = owner.transaction(1, many(50))
  const wanted = large.values.filter((_, index) => large.targets[index]!.startsWith('accounts'))
  assert.deepEqual((await read(script, { topics: ['accounts'] })).values, [wanted])
})

test('records missing from a large transaction end its stream by name', async () => {
  const { script, owner } = started()
  owner.transaction(1, many(3))
  owner.transaction(2, many(50))
  owner.transaction(3, many(3))
  script.log.partition('accounts', 1).compact(offset => offset !== 9)
  const reading = await read(script)
  assert.equal(reading.error?.code, 'RECORDS_MISSING')
  assert.equal(reading.transactions.length, 2)
})

test('a bookmark after the last record of a large transaction hears of records found missing later', async () => {
  const { script, owner } = started()
  owner.transaction(1, ['transfers/0'])
  const large = owner.planned(2, many(50))
  for (const [index, target] of large.targets.entries()) if (target !== 'accounts/1') owner.one(large, index)
  owner.commit(large)
  const consumer = endingConsumer(script.log, { wholeUpToBytes: 400, allowIncomplete: true })
  let bookmark = ''
  for await (const transaction of consumer) {
    for await (const record of transaction.stream()) bookmark = transaction.bookmarkAfter(record)
  }
  assert.equal((await read(script, { from: bookmark })).error?.code, 'RECORDS_MISSING')
  const { transactions } = await read(script, { from: bookmark, allowIncomplete: true })
  assert.deepEqual(
    transactions.map(({ sequence, incomplete }) => [sequence, incomplete]),
    [[2, true]]
  )
})

test('with allowIncomplete a large transaction goes on without what is missing', async () => {
  const { script, owner } = started()
  const large = owner.transaction(1, many(50))
  const after = owner.transaction(2, many(3))
  const gone = large.targets.flatMap((target, index) => (target === 'accounts/1' ? [index] : []))[9]
  script.log.partition('accounts', 1).compact(offset => offset !== 9)
  const { values, transactions } = await read(script, { allowIncomplete: true })
  assert.deepEqual(values, [large.values.filter((_, index) => index !== gone), after.values])
  assert.equal(transactions[0]!.incomplete, true)
})

test('with leave by a Loss the stream of a large transaction ends in the error and the next one follows', async () => {
  const { script, owner } = started()
  owner.transaction(1, many(3))
  owner.transaction(2, many(50))
  owner.transaction(3, many(3))
  owner.commit(loss(2, 2))
  script.log.partition('accounts', 1).compact(offset => offset !== 9)
  const consumer = endingConsumer(script.log, { wholeUpToBytes: 400 })
  const seen: unknown[] = []
  for await (const transaction of consumer) {
    if (transaction.isLarge) await assert.rejects(valuesOf(transaction), { code: 'RECORDS_MISSING' })
    seen.push([transaction.sequence, transaction.gapsBefore.map(({ kind }) => kind)])
  }
  assert.deepEqual(seen, [
    [1, []],
    [2, []],
    [3, ['loss']]
  ])
})

test('a record number in two parts of a large transaction is a named error', async () => {
  const { script, owner } = started()
  const large = owner.planned(1, many(50))
  for (const [index] of large.targets.entries()) owner.one(large, index)
  const other = large.targets.find(target => target !== large.targets[49])!
  const [topic, partition] = other.split('/') as [string, string]
  const header = headerOf(streamId, 1, 1, 49)
  script.log.append(topic, Number(partition), [{ headers: [['tidemark', header]] as const }])
  large.targets.push(other)
  large.values.push('twice')
  owner.commit(large)
  assert.equal((await read(script)).error?.code, 'RECORDS_CONFLICTING')
})

test('a scan in the middle of a large transaction does not give its records again', async () => {
  const { script, owner } = started()
  const large = owner.planned(1, ['accounts/0', 'accounts/0', 'transfers/0', 'accounts/0', 'accounts/0'])
  owner.one(large, 0)
  owner.one(large, 1)
  owner.one(large, 2)
  owner.commit(large)
  const consumer = endingConsumer(script.log, { wholeUpToBytes: 0 })
  const { value } = await consumer[Symbol.asyncIterator]().next()
  const handed: string[] = []
  const reading = async (): Promise<void> => {
    for await (const record of value!.stream()) handed.push(String(record.value))
  }
  await assert.rejects(reading(), { code: 'RECORDS_MISSING' })
  assert.deepEqual(handed, ['1:1:0', '1:1:1', '1:1:2'])
  await consumer.close()
})
