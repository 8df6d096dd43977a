import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareBookmarks, formatBookmark, parseBookmark } from '@tidemark/schemas/bookmark.ts'
import { noExtensions } from '@tidemark/schemas/commit-stream.ts'
import { withNamedEpoch } from '@tidemark/schemas/named-epoch.ts'
import { mirrored, mirrorNames } from './testing/mirror.ts'
import { readAll, sequences, TestClock } from './testing/read-all.ts'
import { commitStream, loss, ScriptedStream, started, state, streamId, three } from './testing/scripted-stream.ts'

/** As an agent writes it beside transaction `sequence`, while its last confirmed record is at `offset`. */
function early(epoch: number, sequence: number, offset: number): string {
  return formatBookmark({ stream: streamId, epoch, sequence, record: 0, offset })
}

const claimOffset = 1

test('a bookmark made before its transaction was named leads to the one after, from any earlier record of the owner', async () => {
  const { script, owner } = started(3)
  owner.commit(owner.data(4, three), owner.data(5, three))
  owner.transaction(6, three)
  const { transactions } = await readAll(script.log)
  for (const { sequence, bookmark } of transactions) {
    for (let offset = claimOffset; offset <= parseBookmark(bookmark).offset; offset++) {
      const from = early(1, sequence, offset)
      assert.equal(compareBookmarks(parseBookmark(from), parseBookmark(bookmark)), 0)
      const reading = await readAll(script.log, { from })
      assert.equal(reading.error, null)
      assert.deepEqual(
        sequences(reading),
        [1, 2, 3, 4, 5, 6].filter(other => other > sequence)
      )
      assert.equal(reading.consumer.statistics().repeatedEntries, 0)
    }
  }
})

test('the place reached from there is the one of the record that names it', async () => {
  const { script } = started(3)
  const [, , last] = (await readAll(script.log)).transactions
  const { consumer } = await readAll(script.log, { from: early(1, 3, claimOffset), startAfterMs: 0 })
  assert.equal(await consumer.bookmark(), last!.bookmark)
})

test('void records between are passed over', async () => {
  const { script, owner } = started(2)
  const next = script.claim(2)
  const claimed = script.known.offset - 1
  next.commit(state(2))
  owner.transaction(3, three)
  next.transaction(3, three)
  owner.transaction(4, three)
  next.transaction(4, three)
  const reading = await readAll(script.log, { from: early(2, 3, claimed) })
  assert.deepEqual([reading.error, reading.values], [null, [['2:4:0', '2:4:1', '2:4:2']]])
})

test('a transaction that will be named is waited for', async () => {
  const { script, owner } = started(2)
  const written = owner.data(3, three)
  const clock = new TestClock(delays => {
    if (delays === 3) {
      owner.commit(written)
      owner.transaction(4, three)
    }
  })
  const reading = await readAll(script.log, { from: early(1, 3, 3), clock, startAfterMs: 10_000 })
  assert.deepEqual([reading.error, sequences(reading)], [null, [4]])
})

test('a stream that goes on ending before it is a named error after a limited wait', async () => {
  const { script } = started(2)
  for (const offset of [claimOffset, 2, 3]) {
    const { error, consumer } = await readAll(script.log, { from: early(1, 3, offset), startAfterMs: 1_000 })
    assert.equal(error?.code, 'BOOKMARK_UNNAMED')
    assert.match(error.message, /ends at offset 4 without transaction 3 of epoch 1/)
    assert.equal(consumer.statistics().transactions, 0)
  }
})

test('a transaction whose owner was superseded before it was named is never taken for that of the next owner', async () => {
  const { script, owner } = started(2)
  const written = owner.data(3, three)
  const next = script.claim(2)
  next.commit(state(2))
  for (let sequence = 3; sequence < 6; sequence++) next.transaction(sequence, three)
  // Stored, but behind the claim.
  owner.commit(written)
  for (const offset of [claimOffset, 2, 3]) {
    const { error, transactions } = await readAll(script.log, { from: early(1, 3, offset), startAfterMs: 1_000 })
    assert.deepEqual([error?.code, transactions], ['BOOKMARK_VOID', []])
  }
})

test('neither an end that was lost nor a hint to somebody else is passed over', async () => {
  const { script } = started(5)
  script.log.partition(commitStream).loseFrom(4)
  assert.equal((await readAll(script.log, { from: early(1, 5, 6) })).error?.code, 'STREAM_TRUNCATED')
  assert.equal((await readAll(script.log, { from: early(1, 5, 3) })).error?.code, 'BOOKMARK_UNNAMED')
  const next = script.claim(2)
  next.commit(state(2))
  for (let sequence = 3; sequence < 9; sequence++) next.transaction(sequence, three)
  assert.equal((await readAll(script.log, { from: early(1, 5, 6) })).error?.code, 'STREAM_TRUNCATED')
  assert.equal((await readAll(script.log, { from: early(1, 5, 3) })).error?.code, 'BOOKMARK_VOID')
  assert.equal((await readAll(script.log, { from: early(2, 5, 3) })).error?.code, 'STREAM_TRUNCATED')
  assert.equal((await readAll(script.log, { from: early(2, 3, 0) })).error?.code, 'STREAM_TRUNCATED')
})

test('a hint to a record that is past the transaction is a stream written anew', async () => {
  const { script } = started(5)
  assert.equal((await readAll(script.log, { from: early(1, 2, 5) })).error?.code, 'STREAM_TRUNCATED')
})

test('it may be inside of a transaction as well', async () => {
  const { script } = started(2)
  const from = formatBookmark({ stream: streamId, epoch: 1, sequence: 2, record: 1, offset: claimOffset })
  const reading = await readAll(script.log, { from })
  assert.deepEqual([reading.error, reading.values], [null, [['1:2:1', '1:2:2']]])
})

test('on a mirror, and on a stream trimmed above the hint, it leads on, and a void one does not', async () => {
  const { script } = started(3)
  const next = script.claim(2)
  next.commit(state(3))
  next.transaction(4, three)
  const mirror = mirrored(script, { shift: 3, twice: 2, again: { after: 4, back: 2 } })
  const here = await readAll(mirror, { topicNames: mirrorNames, from: early(1, 3, claimOffset) })
  assert.deepEqual([here.error, sequences(here)], [null, [4]])
  const nowhere = await readAll(mirror, { topicNames: mirrorNames, from: early(1, 4, claimOffset) })
  assert.deepEqual([nowhere.error?.code, nowhere.transactions], ['SEQUENCE_GAP', []])
  script.log.partition(commitStream).deleteBelow(5)
  const trimmed = await readAll(script.log, { from: early(1, 3, claimOffset) })
  assert.deepEqual([trimmed.error, sequences(trimmed)], [null, [4]])
  assert.equal((await readAll(script.log, { from: early(1, 4, claimOffset) })).error?.code, 'SEQUENCE_GAP')
})

test('a stream without claims after its genesis names nothing', async () => {
  const script = new ScriptedStream()
  script.genesis()
  assert.equal((await readAll(script.log, { from: early(1, 1, 0) })).error?.code, 'STREAM_TRUNCATED')
})

test('a trimmed stream tells whose the sequence of its first state is', async () => {
  for (const [named, expected] of [
    [1, null],
    [2, 'BOOKMARK_VOID'],
    [null, null]
  ] as const) {
    const { script } = started(3)
    script.claim(2)
    const trimmedTo = script.known.offset
    const last = script.claim(3)
    last.commit({ ...state(3), extensions: withNamedEpoch(named, noExtensions) })
    last.transaction(4, three)
    script.log.partition(commitStream).deleteBelow(trimmedTo)
    const { error, transactions } = await readAll(script.log, { from: early(1, 3, claimOffset) })
    assert.deepEqual([error?.code ?? null, transactions.length], [expected, expected === null ? 1 : 0])
  }
})

test('a Loss before a state that another epoch named is no other transaction', async () => {
  const { script, owner } = started(2)
  owner.commit(loss(3, 4))
  const next = script.claim(2)
  next.commit({ ...state(4), extensions: withNamedEpoch(2, noExtensions) })
  next.transaction(5, three)
  const reading = await readAll(script.log)
  assert.deepEqual([reading.error, sequences(reading)], [null, [1, 2, 5]])
})
