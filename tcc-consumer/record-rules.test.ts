import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mirrored, mirrorNames } from './testing/mirror.ts'
import { endingConsumer, readAll, sequences, TestClock } from './testing/read-all.ts'
import { headerOf, loss, started, streamId, three } from './testing/scripted-stream.ts'

// Parts

test('records repeated inside a partition are dropped and counted', async () => {
  const { script, owner } = started()
  const written = owner.planned(1, ['accounts/0', 'accounts/0', 'accounts/0'])
  for (const record of [0, 1, 0, 1, 2]) owner.one(written, record)
  owner.commit(written)
  const two = owner.transaction(2, ['accounts/0'])
  for (const record of [0, 0]) owner.one(two, record)
  owner.transaction(3, ['accounts/0'])
  const reading = await readAll(script.log)
  assert.deepEqual(reading.values[0], written.values)
  assert.equal(reading.consumer.statistics().duplicatesDropped, 4)
})

test('a count that ends at a later record is missing, with topic, partition and sequence', async () => {
  const { script, owner } = started()
  owner.transaction(1, three)
  const short = owner.planned(2, ['accounts/0', 'accounts/0', 'accounts/0'])
  owner.one(short, 0)
  owner.commit(short)
  owner.transaction(3, three)
  const reading = await readAll(script.log)
  assert.deepEqual(sequences(reading), [1])
  assert.equal(reading.error?.code, 'RECORDS_MISSING')
  assert.match(reading.error.message, /transaction 2 .* 3 records in accounts\/0, 1 were found/)
  assert.equal(reading.error.place, 'accounts/0')
})

test('a count that the end of the partition does not reach is missing, not waited for', async () => {
  const { script, owner } = started()
  owner.transaction(1, three)
  const short = owner.planned(2, ['accounts/0', 'accounts/0'])
  owner.one(short, 0)
  owner.commit(short)
  assert.equal((await readAll(script.log)).error?.code, 'RECORDS_MISSING')
})

test('the end of a partition is looked at again for a while, as a new leader may know less', async () => {
  const { script, owner } = started()
  const late = owner.planned(1, ['accounts/0', 'accounts/0'])
  owner.one(late, 0)
  owner.commit(late)
  const clock = new TestClock(delays => {
    if (delays === 3) owner.one(late, 1)
  })
  const reading = await readAll(script.log, { missingAfterMs: 2_000, clock })
  assert.deepEqual(reading.values, [late.values])
})

test('a record number at or above the number of records is a named error', async () => {
  const { script, owner } = started()
  const written = owner.planned(1, ['accounts/0'])
  script.log.append('accounts', 0, [{ headers: [['tidemark', headerOf(streamId, 1, 1, 5)]] as const }])
  written.first.set('accounts/0', 0)
  owner.commit(written)
  assert.equal((await readAll(script.log)).error?.code, 'RECORDS_CONFLICTING')
})

test('a record number in two parts is a named error', async () => {
  const { script, owner } = started()
  const written = owner.planned(1, ['accounts/0', 'accounts/1'])
  for (const partition of [0, 1]) {
    script.log.append('accounts', partition, [{ headers: [['tidemark', headerOf(streamId, 1, 1, 0)]] as const }])
    written.first.set(`accounts/${partition}`, 0)
  }
  owner.commit(written)
  assert.equal((await readAll(script.log)).error?.code, 'RECORDS_CONFLICTING')
})

test('a partition is opened at the offset named and not read before it', async () => {
  const { script, owner } = started()
  for (let sequence = 1; sequence <= 20; sequence++) owner.transaction(sequence, ['accounts/0'])
  script.log.partition('accounts', 0).deleteBelow(10)
  const { transactions } = await readAll(script.log)
  const bookmark = transactions.find(({ sequence }) => sequence === 15)!.bookmark
  const reading = await readAll(script.log, { from: bookmark })
  assert.deepEqual(sequences(reading), [16, 17, 18, 19, 20])
})

test('a hint that does not lead to the record named leads to one scan', async () => {
  const { script, owner } = started()
  owner.transaction(1, ['accounts/0'])
  const moved = owner.data(2, ['accounts/0'])
  moved.first.set('accounts/0', 0)
  owner.commit(moved)
  const [first] = (await readAll(script.log)).transactions
  const reading = await readAll(script.log, { from: first!.bookmark })
  assert.deepEqual(reading.values, [moved.values])
})

test('a count not reached after opening by hint leads to one scan before the error', async () => {
  const { script, owner } = started()
  const written = owner.planned(1, ['accounts/0', 'accounts/0', 'accounts/0'])
  for (const record of [0, 1, 2]) owner.one(written, record)
  written.first.set('accounts/0', 1)
  owner.commit(written)
  const reading = await readAll(script.log)
  assert.deepEqual(reading.values, [written.values])
})

test('a topic that is gone is a named error', async () => {
  const { script, owner } = started()
  owner.transaction(1, three)
  script.log.deleteTopic('transfers')
  const { error } = await readAll(script.log)
  assert.equal(error?.code, 'RECORDS_MISSING')
  assert.match(error.message, /transfers\/0, 0 were found: there is no such topic/)
})

test('records that aged out after the start are missing, and the cause is named', async () => {
  const { script, owner } = started()
  owner.transaction(1, ['transfers/0'])
  owner.transaction(2, ['accounts/0'])
  owner.transaction(3, ['accounts/0'])
  const { transactions } = await readAll(script.log)
  script.log.partition('accounts', 0).deleteBelow(1)
  const reading = await readAll(script.log, { from: transactions[0]!.bookmark })
  assert.equal(reading.error?.code, 'RECORDS_MISSING')
  assert.match(reading.error.message, /aged out: the partition begins at 1, they began at 0/)
})

test('records deleted before they are read are missing, and what follows them is not passed over', async () => {
  const { script, owner } = started()
  owner.transaction(1, ['accounts/0'])
  const consumer = endingConsumer(script.log)
  const iterator = consumer[Symbol.asyncIterator]()
  await iterator.next()
  for (let sequence = 2; sequence <= 4; sequence++) owner.transaction(sequence, ['accounts/0'])
  script.log.partition('accounts', 0).deleteBelow(2)
  await assert.rejects(iterator.next(), { code: 'RECORDS_MISSING', message: /transaction 2 .* 0 were found/ })
  await consumer.close()
})

test('compaction is named as the cause', async () => {
  const { script, owner } = started()
  owner.transaction(1, ['accounts/0'])
  owner.transaction(2, ['accounts/0', 'accounts/0', 'accounts/0'])
  owner.transaction(3, ['accounts/0'])
  script.log.partition('accounts', 0).compact(offset => offset !== 2)
  const { error } = await readAll(script.log)
  assert.equal(error?.code, 'RECORDS_MISSING')
  assert.match(error.message, /compacted/)
})

test('a partition that lost its end is named as the cause', async () => {
  const { script, owner } = started()
  owner.transaction(1, ['transfers/0'])
  owner.transaction(2, ['accounts/0'])
  owner.transaction(3, ['accounts/0'])
  const [first] = (await readAll(script.log)).transactions
  script.log.partition('accounts', 0).loseFrom(0)
  const { error } = await readAll(script.log, { from: first!.bookmark })
  assert.match(error!.message, /the partition ends at 0, they began at 0: it was re-created, or has lost its end/)
})

test('with allowIncomplete a compacted transaction is handed over, marked', async () => {
  const { script, owner } = started()
  owner.transaction(1, ['accounts/0'])
  owner.transaction(2, ['accounts/0', 'transfers/0', 'accounts/0'])
  owner.transaction(3, ['accounts/0'])
  script.log.partition('accounts', 0).compact(offset => offset === 1 || offset === 3)
  const reading = await readAll(script.log, { allowIncomplete: true })
  assert.deepEqual(reading.values, [[], ['1:2:0', '1:2:1'], ['1:3:0']])
  assert.deepEqual(
    reading.transactions.map(({ incomplete }) => incomplete),
    [true, true, false]
  )
})

test('a Loss written later gives leave to read past records that are gone', async () => {
  const { script, owner } = started()
  owner.transaction(1, ['transfers/0'])
  owner.transaction(2, ['accounts/0', 'transfers/0'])
  owner.transaction(3, ['accounts/0'])
  const { transactions } = await readAll(script.log)
  script.log.partition('accounts', 0).compact(offset => offset !== 0)
  owner.commit(loss(2, 2))
  const reading = await readAll(script.log, { from: transactions[0]!.bookmark })
  assert.equal(reading.error, null)
  assert.deepEqual(sequences(reading), [3])
  assert.deepEqual(
    reading.transactions[0]!.gapsBefore.map(({ kind, firstSequence }) => [kind, firstSequence]),
    [['loss', 2]]
  )
})

// Subset

test('a reader of some topics gets their records alone, and only transactions that have any', async () => {
  const { script, owner } = started()
  owner.transaction(1, ['accounts/0', 'transfers/0', 'accounts/1'])
  owner.transaction(2, ['accounts/0'])
  owner.transaction(3, ['transfers/0', 'transfers/0'])
  script.log.deleteTopic('accounts')
  const reading = await readAll(script.log, { topics: ['transfers'] })
  assert.deepEqual(reading.values, [['1:1:1'], ['1:3:0', '1:3:1']])
  assert.equal(reading.error, null)
})

test('a reader of some topics still sees a gap among the others', async () => {
  const { script, owner } = started()
  owner.transaction(1, ['transfers/0'])
  owner.transaction(3, ['accounts/0'])
  assert.equal((await readAll(script.log, { topics: ['transfers'] })).error?.code, 'SEQUENCE_GAP')
})

// Mirror

test('a mirror is read by its own names, whatever its offsets are', async () => {
  const { script, owner } = started()
  const written = owner.transaction(1, three)
  const mirror = mirrored(script, { shift: 5 })
  const reading = await readAll(mirror, { topicNames: mirrorNames, commitStream: 'bank.commits' })
  assert.equal(reading.error, null)
  assert.deepEqual(reading.values, [written.values])
  assert.equal(reading.transactions[0]!.records[0]!.topic, 'accounts')
})

test('on a mirror data may come later than its entry, up to a limit', async () => {
  const { script, owner } = started()
  owner.transaction(1, three)
  const mirror = mirrored(script, { without: 'accounts' })
  const reading = await readAll(mirror, { topicNames: mirrorNames, lateAfterMs: 500 })
  assert.equal(reading.error?.code, 'RECORDS_MISSING')
  assert.match(reading.error.message, /the mirror has not brought the rest/)
})

test('what a mirror repeats after it went back is dropped', async () => {
  const { script, owner } = started()
  for (let sequence = 1; sequence <= 4; sequence++) owner.transaction(sequence, three)
  const mirror = mirrored(script, { twice: 2 })
  const reading = await readAll(mirror, { topicNames: mirrorNames })
  assert.equal(reading.error, null)
  assert.deepEqual(sequences(reading), [1, 2, 3, 4])
  assert.equal(reading.consumer.statistics().repeatedEntries, 2)
})
