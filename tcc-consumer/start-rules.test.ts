import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'node:test'
import { formatBookmark, parseBookmark } from '@tidemark/schemas/bookmark.ts'
import type { LogReader } from '@tidemark/kafka/log-reader.ts'
import { CommitStreamLog } from './commit-stream-log.ts'
import { findStart } from './start-rules.ts'
import { mirrored, mirrorNames } from './testing/mirror.ts'
import { endingConsumer, readAll, sequences } from './testing/read-all.ts'
import {
  commitStream,
  loss,
  type ScriptedOwner,
  ScriptedStream,
  started,
  state,
  streamId,
  three
} from './testing/scripted-stream.ts'

/** Trims as an owner does: to a claim of its own, which a state follows. */
function trimmed(): { script: ScriptedStream; owner: ScriptedOwner; claimOffset: number } {
  const { script } = started(3)
  const claimOffset = script.known.offset
  const owner = script.claim(2)
  owner.commit(state(3))
  script.log.partition(commitStream).deleteBelow(claimOffset)
  return { script, owner, claimOffset }
}

// earliest

test('earliest begins with the first complete transaction and reports what aged out before it', async () => {
  const { script } = started(5)
  script.log.partition('accounts', 0).deleteBelow(2)
  const reading = await readAll(script.log)
  assert.equal(reading.error, null)
  assert.deepEqual(sequences(reading), [3, 4, 5])
  const [gap] = reading.transactions[0]!.gapsBefore
  assert.deepEqual([gap?.kind, gap?.firstSequence, gap?.lastSequence], ['start', 1, 2])
  assert.deepEqual(reading.transactions[1]!.gapsBefore, [])
})

test('earliest begins where no topic lacks anything any more, however unevenly they aged', async () => {
  const { script, owner } = started()
  owner.transaction(1, ['accounts/0'])
  owner.transaction(2, ['transfers/0'])
  owner.transaction(3, ['accounts/1'])
  owner.transaction(4, ['accounts/0'])
  owner.transaction(5, ['accounts/1'])
  script.log.partition('accounts', 0).deleteBelow(1)
  script.log.partition('accounts', 1).deleteBelow(1)
  const reading = await readAll(script.log)
  assert.equal(reading.error, null)
  assert.deepEqual(sequences(reading), [5])
  assert.equal(reading.transactions[0]!.gapsBefore[0]?.lastSequence, 4)
})

test('once a transaction was handed over, earliest misses nothing silently', async () => {
  const { script, owner } = started(2)
  owner.transaction(3, ['accounts/0'])
  script.log.partition('accounts', 0).compact(offset => offset !== 2)
  const reading = await readAll(script.log)
  assert.deepEqual(sequences(reading), [1, 2])
  assert.equal(reading.error?.code, 'RECORDS_MISSING')
})

test('earliest on a trimmed stream begins after its state and reports what was trimmed', async () => {
  const { script, owner } = trimmed()
  owner.transaction(4, three)
  const reading = await readAll(script.log)
  assert.equal(reading.error, null)
  assert.deepEqual(sequences(reading), [4])
  const [gap] = reading.transactions[0]!.gapsBefore
  assert.deepEqual([gap?.kind, gap?.firstSequence, gap?.lastSequence], ['start', 1, 3])
})

test('a stream cut by plain retention, without a claim at its start, is a named error', async () => {
  const { script } = started(5)
  script.log.partition(commitStream).deleteBelow(4)
  const { error } = await readAll(script.log)
  assert.equal(error?.code, 'COMMIT_STREAM_INVALID')
})

test('a missing commit stream is TOPIC_MISSING, an empty one STREAM_EMPTY, after a limited wait', async () => {
  const script = new ScriptedStream()
  assert.equal((await readAll(script.log, { startAfterMs: 1_000 })).error?.code, 'STREAM_EMPTY')
  script.log.deleteTopic(commitStream)
  assert.equal((await readAll(script.log, { startAfterMs: 1_000 })).error?.code, 'TOPIC_MISSING')
})

// latest, time

test('latest gives a bookmark at once, and then what is written after', async () => {
  const { script, owner } = started(3)
  const consumer = endingConsumer(script.log, { from: 'latest' })
  const bookmark = (await consumer.bookmark())!
  const { stream, epoch, sequence, record } = parseBookmark(bookmark)
  assert.deepEqual([stream, epoch, sequence, record], [streamId, 1, 3, 0])
  owner.transaction(4, three)
  const handed = []
  for await (const transaction of consumer) handed.push(transaction.sequence)
  assert.deepEqual(handed, [4])
  assert.deepEqual(sequences(await readAll(script.log, { from: bookmark })), [4])
})

test('latest on a stream with a genesis alone gives a bookmark too', async () => {
  const { script, owner } = started()
  const consumer = endingConsumer(script.log, { from: 'latest' })
  const bookmark = (await consumer.bookmark())!
  await consumer.close()
  owner.transaction(1, three)
  assert.deepEqual(sequences(await readAll(script.log, { from: bookmark })), [1])
})

test('latest knows the epoch from what the last writer knew, not from the nearest claim', async () => {
  const { script } = started(2)
  const owner = script.claim(5)
  owner.transaction(3, three)
  // A loser of the race, whose claim does not count.
  script.claim(4, 0, { offset: 0, epoch: 0, claim: 0 })
  const consumer = endingConsumer(script.log, { from: 'latest' })
  const { epoch, sequence } = parseBookmark((await consumer.bookmark())!)
  assert.deepEqual([epoch, sequence], [5, 3])
  owner.transaction(4, three)
  const handed = []
  for await (const transaction of consumer) handed.push(transaction.sequence)
  assert.deepEqual(handed, [4])
})

test('latest behind void records goes back to the last valid one', async () => {
  const { script, owner } = started(2)
  const next = script.claim(2)
  next.transaction(3, three)
  for (let sequence = 3; sequence < 9; sequence++) owner.transaction(sequence, three)
  const consumer = endingConsumer(script.log, { from: 'latest' })
  const { epoch, sequence } = parseBookmark((await consumer.bookmark())!)
  assert.deepEqual([epoch, sequence], [2, 3])
  await consumer.close()
})

test('a void record whose writer knew nothing of the new owner does not mislead a start', async () => {
  const { script, owner } = started(1)
  const stale = script.known
  const next = script.claim(2)
  next.transaction(2, three)
  script.append([{ ...owner.commits(owner.planned(2, three)), known: stale }])
  const reading = await readAll(script.log, { from: { time: 0 } })
  const last = await readAll(script.log, { from: { time: script.time } })
  next.transaction(3, three)
  assert.deepEqual(sequences(reading), [1, 2])
  assert.deepEqual(sequences(last), [])
  assert.deepEqual(sequences(await readAll(script.log, { from: { time: script.time } })), [3])
})

test('a time begins with the first commit record written then or later', async () => {
  const { script, owner } = started(2)
  const { time } = script
  owner.transaction(3, three)
  owner.transaction(4, three)
  assert.deepEqual(sequences(await readAll(script.log, { from: { time: time + 1 } })), [3, 4])
  assert.deepEqual(sequences(await readAll(script.log, { from: { time: new Date(time) } })), [2, 3, 4])
})

test('a time after the end is latest', async () => {
  const { script } = started(2)
  const reading = await readAll(script.log, { from: { time: script.time + 1_000 } })
  assert.deepEqual([reading.error, reading.values], [null, []])
})

test('a start in the middle does not look like a gap', async () => {
  const { script, owner } = started(10)
  const { time } = script
  owner.commit(state(10))
  owner.transaction(11, three)
  const reading = await readAll(script.log, { from: { time: time + 1 } })
  assert.deepEqual([reading.error, sequences(reading)], [null, [11]])
})

// bookmark

test('every bookmark of a reading leads to its continuation', async () => {
  const { script, owner } = started(4)
  const one = owner.data(5, three)
  const two = owner.data(6, three)
  owner.commit(one, two)
  const next = script.claim(2)
  next.commit(state(6))
  next.transaction(7, three)
  const { transactions, values } = await readAll(script.log)
  for (const [index, { bookmark }] of transactions.entries()) {
    const reading = await readAll(script.log, { from: bookmark })
    assert.equal(reading.error, null)
    assert.deepEqual(reading.values, values.slice(index + 1))
    assert.equal(reading.consumer.statistics().repeatedEntries, 0)
  }
})

test('a bookmark inside a transaction leads to the rest of it', async () => {
  const { script } = started(2)
  const [first] = (await readAll(script.log)).transactions
  const reading = await readAll(script.log, { from: first!.bookmarkAfter(first!.records[0]!) })
  assert.deepEqual(reading.values, [
    ['1:1:1', '1:1:2'],
    ['1:2:0', '1:2:1', '1:2:2']
  ])
  assert.deepEqual(
    reading.transactions.map(({ firstRecord }) => firstRecord),
    [1, 0]
  )
  assert.equal(first!.bookmarkAfter(first!.records[2]!), first!.bookmark)
})

test('a bookmark inside a transaction that a State follows in the same record leads to the rest of it', async () => {
  const { script, owner } = started(1)
  owner.commit(owner.data(2, three), state(2))
  const { transactions } = await readAll(script.log)
  const second = transactions[1]!
  const reading = await readAll(script.log, { from: second.bookmarkAfter(second.records[1]!) })
  assert.equal(reading.error, null)
  assert.deepEqual(reading.values, [['1:2:2']])
})

test('a bookmark of another stream is refused', async () => {
  const { script } = started(1)
  const from = formatBookmark({ stream: 3, epoch: 1, sequence: 1, record: 0, offset: 2 })
  assert.equal((await readAll(script.log, { from })).error?.code, 'BOOKMARK_FOREIGN')
})

test('a text that is no bookmark is refused before anything is read', () => {
  const { script } = started(1)
  assert.throws(() => endingConsumer(script.log, { from: 'tm1.nonsense' }), { code: 'BOOKMARK_INVALID' })
})

test('a stream that ends below the bookmark has been truncated', async () => {
  const { script } = started(5)
  const { transactions } = await readAll(script.log)
  script.log.partition(commitStream).loseFrom(4)
  const { error } = await readAll(script.log, { from: transactions[4]!.bookmark })
  assert.equal(error?.code, 'STREAM_TRUNCATED')
  assert.match(error.message, /ends at offset 4, and offset 7 was read before/)
})

test('a stream that lost its end and was written on is told by the record at the bookmark', async () => {
  const { script } = started(5)
  const { transactions } = await readAll(script.log)
  script.log.partition(commitStream).loseFrom(4)
  const next = script.claim(2)
  for (let sequence = 3; sequence < 9; sequence++) next.transaction(sequence, three)
  assert.equal((await readAll(script.log, { from: transactions[4]!.bookmark })).error?.code, 'STREAM_TRUNCATED')
})

test('a stream trimmed to where the bookmark is goes on', async () => {
  const { script } = started(3)
  const bookmark = (await readAll(script.log)).transactions[2]!.bookmark
  const claimOffset = script.known.offset
  const owner = script.claim(2)
  owner.commit(state(3))
  script.log.partition(commitStream).deleteBelow(claimOffset)
  owner.transaction(4, three)
  const reading = await readAll(script.log, { from: bookmark })
  assert.deepEqual([reading.error, sequences(reading)], [null, [4]])
})

test('a stream trimmed beyond the bookmark is a named error', async () => {
  const { script } = started(3)
  const bookmark = (await readAll(script.log)).transactions[1]!.bookmark
  const claimOffset = script.known.offset
  const owner = script.claim(2)
  owner.commit(state(3))
  script.log.partition(commitStream).deleteBelow(claimOffset)
  owner.transaction(4, three)
  assert.equal((await readAll(script.log, { from: bookmark })).error?.code, 'STREAM_TRIMMED')
})

test('a group that is to read on below where a stream begins is a named error', async () => {
  const { script } = trimmed()
  const log = new CommitStreamLog(
    script.log.reader(() => Promise.resolve()),
    commitStream,
    new AbortController().signal
  )
  await assert.rejects(findStart(log, { type: 'offset', offset: 1 }, false), { code: 'STREAM_TRIMMED' })
})

test('a stream that is trimmed while the start is looked for is looked at anew', async () => {
  const { script } = started(3)
  const claimOffset = script.known.offset
  script.claim(2).commit(state(3))
  const reader = script.log.reader(() => Promise.resolve())
  let looks = 0
  const overtaken: LogReader = {
    ...reader,
    bounds: (topic, partition) => reader.bounds(topic, partition),
    offsetAtTime: (topic, partition, time) => reader.offsetAtTime(topic, partition, time),
    fetch: (requests, waitMs, signal) => {
      if (looks++ === 0) script.log.partition(commitStream).deleteBelow(claimOffset)
      return reader.fetch(requests, waitMs, signal)
    }
  }
  const log = new CommitStreamLog(overtaken, commitStream, new AbortController().signal)
  assert.equal((await findStart(log, { type: 'earliest' }, false)).offset, claimOffset)
})

test('earliest, overtaken before it has handed over anything, begins where the stream begins and says so', async () => {
  const { script, owner } = started(3)
  const consumer = endingConsumer(script.log)
  await consumer.bookmark()
  const claimOffset = script.known.offset
  const next = script.claim(2)
  next.commit(state(3))
  script.log.partition(commitStream).deleteBelow(claimOffset)
  next.transaction(4, three)
  assert.notEqual(owner, next)
  const { value } = await consumer[Symbol.asyncIterator]().next()
  assert.equal(value?.sequence, 4)
  assert.deepEqual(
    value?.gapsBefore.map(({ kind, firstSequence, lastSequence }) => [kind, firstSequence, lastSequence]),
    [['start', 1, 3]]
  )
  await consumer.close()
})

test('a start in the middle that is trimmed away before it is read does not skip silently', async () => {
  const { script, claimOffset } = trimmed()
  const time = script.time
  assert.ok(claimOffset > 0)
  const consumer = endingConsumer(script.log, { from: { time: time - 1 } })
  await consumer.bookmark()
  const next = script.claim(3)
  next.transaction(4, three)
  const later = script.known.offset
  script.claim(4).commit(state(4))
  script.log.partition(commitStream).deleteBelow(later)
  await assert.rejects(consumer[Symbol.asyncIterator]().next(), { code: 'STREAM_TRIMMED' })
  await consumer.close()
})

test('a bookmark behind a claim and its state is checked as well', async () => {
  const { script } = started(2)
  const owner = script.claim(2)
  owner.commit(state(2))
  const consumer = endingConsumer(script.log, { from: 'latest' })
  const bookmark = (await consumer.bookmark())!
  await consumer.close()
  owner.transaction(3, three)
  assert.deepEqual(sequences(await readAll(script.log, { from: bookmark })), [3])
})

test('on a mirror a bookmark of the origin leads to its continuation', async () => {
  const { script } = started(4)
  const { transactions } = await readAll(script.log)
  const mirror = mirrored(script, { shift: 3, twice: 2, again: { after: 4, back: 2 } })
  const reading = await readAll(mirror, { topicNames: mirrorNames, from: transactions[2]!.bookmark })
  assert.deepEqual([reading.error, sequences(reading)], [null, [4]])
})

test('on a mirror latest is found by reading from the log start', async () => {
  const { script } = started(4)
  script.claim(2, 4).commit(state(4))
  const mirror = mirrored(script, { shift: 3, twice: 1, again: { after: 7, back: 3 } })
  const consumer = endingConsumer(mirror, { topicNames: mirrorNames, from: 'latest' })
  const { epoch, sequence } = parseBookmark((await consumer.bookmark())!)
  assert.deepEqual([epoch, sequence], [2, 4])
  await consumer.close()
})

test('a reader from a bookmark does not pass over what aged out', async () => {
  const { script } = started(4)
  const { transactions } = await readAll(script.log)
  script.log.partition('accounts', 0).deleteBelow(3)
  const reading = await readAll(script.log, { from: transactions[0]!.bookmark })
  assert.equal(reading.error?.code, 'RECORDS_MISSING')
})

test('a Loss before the bookmark gives leave no more than once', async () => {
  const { script, owner } = started(2)
  owner.commit(loss(3, 3))
  owner.transaction(4, three)
  const { transactions } = await readAll(script.log)
  const reading = await readAll(script.log, { from: transactions[2]!.bookmark })
  assert.deepEqual([reading.error, reading.values], [null, []])
})

// while reading

test('a stream that ends below what was read has been truncated', async () => {
  const { script, owner } = started(2)
  const consumer = endingConsumer(script.log)
  const iterator = consumer[Symbol.asyncIterator]()
  await iterator.next()
  await iterator.next()
  owner.transaction(3, three)
  await iterator.next()
  script.log.partition(commitStream).loseFrom(4)
  await assert.rejects(iterator.next(), { code: 'STREAM_TRUNCATED' })
  await assert.rejects(iterator.next(), { code: 'STREAM_TRUNCATED' })
  await consumer.close()
})

test('a stream that lost its end and was written on is told by the leader epoch', async () => {
  const { script, owner } = started(2)
  const consumer = endingConsumer(script.log)
  const iterator = consumer[Symbol.asyncIterator]()
  for (let sequence = 1; sequence <= 2; sequence++) await iterator.next()
  script.log.partition(commitStream).loseFrom(3)
  for (let sequence = 2; sequence <= 6; sequence++) owner.transaction(sequence, three)
  await assert.rejects(iterator.next(), { code: 'STREAM_TRUNCATED' })
  await consumer.close()
})

test('a stream that was made anew is told by its id', async () => {
  const { script } = started(3)
  const consumer = endingConsumer(script.log)
  const iterator = consumer[Symbol.asyncIterator]()
  for (let sequence = 1; sequence <= 3; sequence++) await iterator.next()
  const anew = new ScriptedStream(99)
  anew.genesis()
  script.log.replaceTopic(commitStream, anew.log)
  await assert.rejects(iterator.next(), { code: 'STREAM_RECREATED' })
  await consumer.close()
})

test('a stream that was made anew and is longer than what was read is told by its id', async () => {
  const { script } = started(3)
  const consumer = endingConsumer(script.log)
  const iterator = consumer[Symbol.asyncIterator]()
  for (let sequence = 1; sequence <= 3; sequence++) await iterator.next()
  const anew = new ScriptedStream(99)
  anew.genesis()
  for (let epoch = 1; epoch < 9; epoch++) anew.claim(epoch)
  script.log.replaceTopic(commitStream, anew.log)
  await assert.rejects(iterator.next(), { code: 'STREAM_RECREATED' })
  await consumer.close()
})

test('a reader that is overtaken by trimming goes on when nothing was lost to it, else it is a named error', async () => {
  for (const [last, expected] of [
    [3, null],
    [5, 'STREAM_TRIMMED']
  ] as const) {
    const { script, owner } = started(3)
    const consumer = endingConsumer(script.log)
    const iterator = consumer[Symbol.asyncIterator]()
    for (let sequence = 1; sequence <= 3; sequence++) await iterator.next()
    for (let sequence = 4; sequence <= last; sequence++) owner.transaction(sequence, three)
    const claimOffset = script.known.offset
    const next = script.claim(2)
    next.commit(state(last))
    script.log.partition(commitStream).deleteBelow(claimOffset)
    next.transaction(last + 1, three)
    if (expected === null) assert.equal((await iterator.next()).value?.sequence, 4)
    else await assert.rejects(iterator.next(), { code: expected })
    await consumer.close()
  }
})

test('a gap behind the state that a trimmed stream begins with is a gap, and not trimmed away', async () => {
  const { script } = started(3)
  const { transactions } = await readAll(script.log)
  const claimOffset = script.known.offset
  const next = script.claim(2)
  next.commit(state(3))
  script.log.partition(commitStream).deleteBelow(claimOffset)
  next.transaction(5, three)
  const reading = await readAll(script.log, { from: transactions[2]!.bookmark })
  assert.equal(reading.error?.code, 'SEQUENCE_GAP')
})

/** A reader that finds the stream trimmed to `offset` once it asks for records: it has fetched the stream by then. */
function trimmedMeanwhile(script: ScriptedStream, offset: number): LogReader {
  const plain = script.log.reader(() => turn())
  return Object.assign(Object.create(plain) as LogReader, {
    fetch: (...[requests, ...how]: Parameters<LogReader['fetch']>) => {
      if (requests.some(({ topic }) => topic !== commitStream)) script.log.partition(commitStream).deleteBelow(offset)
      return plain.fetch(requests, ...how)
    }
  })
}

test('earliest passes over what aged out of its topics while the stream is trimmed as well', async () => {
  const { script, owner } = started()
  owner.transaction(1, ['accounts/0'])
  owner.transaction(2, ['transfers/0'])
  owner.transaction(3, ['accounts/1'])
  const claimOffset = script.known.offset
  const next = script.claim(2)
  next.commit(state(3))
  next.transaction(4, ['accounts/0'])
  script.log.partition('accounts', 0).deleteBelow(1)
  script.log.partition('accounts', 1).deleteBelow(1)
  const consumer = endingConsumer(script.log, { reader: trimmedMeanwhile(script, claimOffset) })
  const { value } = await consumer[Symbol.asyncIterator]().next()
  assert.equal(value?.sequence, 4)
  assert.deepEqual(
    value?.gapsBefore.map(({ kind, firstSequence, lastSequence }) => [kind, firstSequence, lastSequence]),
    [['start', 1, 3]]
  )
  await consumer.close()
})
