import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readAll, sequences } from './testing/read-all.ts'
import { extension, headerOf, loss, ScriptedOwner, started, state, streamId, three } from './testing/scripted-stream.ts'

// Validity

test('records of several partitions come back in source order', async () => {
  const { script, owner } = started()
  const written = owner.transaction(1, ['accounts/0', 'transfers/0', 'accounts/1', 'accounts/0'])
  const { values, error } = await readAll(script.log)
  assert.equal(error, null)
  assert.deepEqual(values, [written.values])
})

test('a transaction tells what its entry says', async () => {
  const { script, owner } = started()
  owner.transaction(1, ['accounts/0', 'accounts/0'])
  const [transaction] = (await readAll(script.log)).transactions
  const { sequence, epoch, sourceId, commitTime, kind, operations, incomplete, gapsBefore } = transaction!
  assert.deepEqual(
    { sequence, epoch, sourceId, commitTime, kind, operations, incomplete, gapsBefore },
    {
      sequence: 1,
      epoch: 1,
      sourceId: '10',
      commitTime: 1_000_000,
      kind: 'mirror',
      operations: 2,
      incomplete: false,
      gapsBefore: []
    }
  )
  assert.equal(transaction!.committedAt.getTime(), 1_000)
})

test('a record shows key, value, timestamp, operation, place, and the headers without our own', async () => {
  const { script, owner } = started()
  owner.transaction(1, ['accounts/0', 'accounts/1'])
  const record = (await readAll(script.log)).transactions[0]!.records[1]!
  assert.equal(String(record.key), 'k1')
  assert.equal(String(record.value), '1:1:1')
  assert.deepEqual(
    [record.topic, record.partition, record.offset, record.timestamp, record.operation, record.index],
    ['accounts', 1, 0, 1_001, 1, 1]
  )
  assert.deepEqual(record.headers, [['trace', Buffer.from('t')]])
})

test('commit records of a superseded owner are void, and so are their records', async () => {
  const { script, owner } = started()
  owner.transaction(1, three)
  const next = script.claim(2)
  const lost = owner.transaction(2, three)
  const kept = next.transaction(2, three)
  const reading = await readAll(script.log)
  assert.equal(reading.error, null)
  assert.deepEqual(reading.values[1], kept.values)
  assert.equal(reading.values.length, 2)
  const { voidCommits, voidRecords, duplicatesDropped } = reading.consumer.statistics()
  assert.deepEqual(
    { voidCommits, voidRecords, duplicatesDropped },
    { voidCommits: 1, voidRecords: 3, duplicatesDropped: 0 }
  )
  assert.equal(lost.values.length, 3)
})

test('data sent without a commit entry before a crash is void when the next owner sends it again', async () => {
  const { script, owner } = started()
  owner.transaction(1, three)
  owner.data(2, three)
  const next = script.claim(2)
  next.commit(state(1))
  next.transaction(2, three)
  const reading = await readAll(script.log)
  assert.deepEqual(reading.values, [
    ['1:1:0', '1:1:1', '1:1:2'],
    ['2:2:0', '2:2:1', '2:2:2']
  ])
  assert.equal(reading.consumer.statistics().voidRecords, 3)
})

test('a claim that does not raise the epoch makes nobody owner', async () => {
  const { script, owner } = started()
  const late = script.claim(1)
  assert.equal(late.epoch, 1)
  const lower = script.claim(0)
  owner.transaction(1, three)
  lower.transaction(1, three)
  const reading = await readAll(script.log)
  assert.deepEqual(reading.values, [['1:1:0', '1:1:1', '1:1:2']])
})

test('a commit record above every claim is a named error, not void', async () => {
  const { script, owner } = started()
  owner.transaction(1, three)
  new ScriptedOwner(script, 9).transaction(2, three)
  const reading = await readAll(script.log)
  assert.equal(reading.error?.code, 'CLAIM_MISSING')
  assert.match(reading.error.place ?? '', /bank\.commits offset 3/)
  assert.deepEqual(sequences(reading), [1])
})

test('records of another stream and of foreign programs are passed over', async () => {
  const { script, owner } = started()
  const foreign = [{ headers: [['tidemark', headerOf(77, 1, 1, 0)]] as const }, { value: Buffer.from('user') }]
  script.log.append('accounts', 0, foreign)
  owner.transaction(1, three)
  script.log.append('accounts', 0, [...foreign, { headers: [['tidemark', Buffer.from([2, 0])]] as const }])
  const written = owner.transaction(2, three)
  const reading = await readAll(script.log)
  assert.equal(reading.error, null)
  assert.deepEqual(reading.values[1], written.values)
  assert.equal(reading.consumer.statistics().foreignRecords, 3)
})

test('a header of our stream that is not of the specification is a named error', async () => {
  const { script, owner } = started()
  const cut = headerOf(streamId, 1, 1, 0).subarray(0, 6)
  script.log.append('accounts', 0, [{ headers: [['tidemark', cut]] as const }])
  const written = owner.data(1, ['accounts/0'])
  written.first.set('accounts/0', 0)
  owner.commit(written)
  const { error } = await readAll(script.log)
  assert.equal(error?.code, 'HEADER_INVALID')
  assert.match(error.place ?? '', /accounts\/0, offset 0/)
})

// Sequence

test('an entry of the same epoch at or below the last sequence is a repetition', async () => {
  const { script, owner } = started()
  const one = owner.data(1, three)
  const two = owner.data(2, three)
  owner.commit(one, two)
  owner.commit(one, two)
  owner.commit(two, state(2))
  const reading = await readAll(script.log)
  assert.equal(reading.error, null)
  assert.deepEqual(sequences(reading), [1, 2])
  assert.equal(reading.consumer.statistics().repeatedEntries, 3)
})

test('a skipped sequence is a named gap', async () => {
  const { script, owner } = started()
  owner.transaction(1, three)
  owner.transaction(3, three)
  const reading = await readAll(script.log)
  assert.deepEqual(sequences(reading), [1])
  assert.equal(reading.error?.code, 'SEQUENCE_GAP')
  assert.match(reading.error.message, /transaction 2 is not/)
})

test('a state beyond the last sequence is a gap even if no transaction follows', async () => {
  const { script, owner } = started()
  owner.transaction(1, three)
  owner.commit(state(4))
  const { error } = await readAll(script.log)
  assert.equal(error?.code, 'SEQUENCE_GAP')
  assert.match(error.message, /transactions 2 to 4/)
})

test('a sequence used again by a later epoch is a gap, not a repetition', async () => {
  const { script, owner } = started()
  owner.transaction(1, three)
  owner.transaction(2, three)
  const next = script.claim(2)
  next.transaction(2, three)
  const reading = await readAll(script.log)
  assert.deepEqual(sequences(reading), [1, 2])
  assert.equal(reading.error?.code, 'SEQUENCE_GAP')
})

test('a later owner whose first state is below what was read is a gap', async () => {
  const { script, owner } = started()
  owner.transaction(1, three)
  owner.transaction(2, three)
  script.claim(2).commit(state(1))
  assert.equal((await readAll(script.log)).error?.code, 'SEQUENCE_GAP')
})

test('the first transaction after genesis has sequence 1', async () => {
  const { script, owner } = started()
  owner.transaction(2, three)
  const { error } = await readAll(script.log)
  assert.equal(error?.code, 'SEQUENCE_GAP')
})

test('an accepted gap is passed and surfaced on the next transaction', async () => {
  const { script, owner } = started()
  owner.transaction(1, three)
  owner.commit(state(4, { reason: 'slot lost', acceptedBy: 'ann' }))
  owner.transaction(5, three)
  const seen: unknown[] = []
  const reading = await readAll(script.log, { onGap: gap => seen.push(gap) })
  assert.deepEqual(sequences(reading), [1, 5])
  const gap = { kind: 'accepted', firstSequence: 2, lastSequence: 4, reason: 'slot lost', acceptedBy: 'ann' }
  assert.deepEqual(reading.transactions[1]!.gapsBefore, [gap])
  assert.deepEqual(seen, [gap])
  assert.equal(reading.consumer.statistics().gaps, 1)
})

test('an accepted gap without missing sequences is surfaced all the same, and once', async () => {
  const { script, owner } = started()
  owner.transaction(1, three)
  const gap = state(1, { reason: 'slot lost', acceptedBy: 'ann' })
  owner.commit(gap)
  owner.commit(gap)
  owner.transaction(2, three)
  const reading = await readAll(script.log)
  assert.deepEqual(
    reading.transactions[1]!.gapsBefore.map(({ kind, firstSequence }) => [kind, firstSequence]),
    [['accepted', null]]
  )
})

test('an accepted gap may go back: its owner answers for it by name', async () => {
  const { script, owner } = started()
  owner.transaction(1, three)
  owner.transaction(2, three)
  const next = script.claim(2)
  next.commit(state(1, { reason: 'stream lost its end', acceptedBy: 'ann' }))
  next.transaction(2, three)
  const reading = await readAll(script.log)
  assert.equal(reading.error, null)
  assert.deepEqual(
    reading.transactions.map(({ epoch, sequence }) => [epoch, sequence]),
    [
      [1, 1],
      [1, 2],
      [2, 2]
    ]
  )
})

test('a Loss read before a skipped sequence explains it', async () => {
  const { script, owner } = started()
  owner.transaction(1, three)
  owner.commit(loss(2, 3))
  owner.transaction(4, three)
  const reading = await readAll(script.log)
  assert.deepEqual(sequences(reading), [1, 4])
  assert.deepEqual(reading.transactions[1]!.gapsBefore, [
    { kind: 'loss', firstSequence: 2, lastSequence: 3, reason: 'disk burnt', acceptedBy: 'ann' }
  ])
})

test('a Loss further on in the stream explains a skipped sequence', async () => {
  const { script, owner } = started()
  owner.transaction(1, three)
  owner.transaction(3, three)
  owner.commit(loss(2, 2))
  const reading = await readAll(script.log)
  assert.deepEqual(sequences(reading), [1, 3])
})

test('a Loss that names less than the gap does not explain it', async () => {
  const { script, owner } = started()
  owner.transaction(1, three)
  owner.commit(loss(2, 2))
  owner.transaction(4, three)
  assert.equal((await readAll(script.log)).error?.code, 'SEQUENCE_GAP')
})

test('a Loss of a superseded owner gives no leave', async () => {
  const { script, owner } = started()
  owner.transaction(1, three)
  const next = script.claim(2)
  owner.commit(loss(2, 2))
  next.transaction(3, three)
  assert.equal((await readAll(script.log)).error?.code, 'SEQUENCE_GAP')
})

test('a Loss further on gives no leave when its owner is superseded', async () => {
  const { script, owner } = started()
  owner.transaction(1, three)
  owner.transaction(3, three)
  script.claim(2)
  owner.commit(loss(2, 2))
  assert.equal((await readAll(script.log)).error?.code, 'SEQUENCE_GAP')
})

test('an optional extension is skipped, a mandatory one stops by name', async () => {
  const { script, owner } = started()
  owner.commit(extension('colour', false))
  owner.transaction(1, three)
  owner.commit(extension('sealed', true))
  const reading = await readAll(script.log)
  assert.deepEqual(sequences(reading), [1])
  assert.equal(reading.error?.code, 'EXTENSION_MANDATORY')
  assert.match(reading.error.message, /sealed/)
})
