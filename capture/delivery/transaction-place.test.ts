import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseBookmark } from '@tidemark/schemas/bookmark.ts'
import { CommitStreamLog } from '../ownership/commit-stream-log.ts'
import { OwnWrites } from '../ownership/own-writes.ts'
import { context, smallWriter } from './testing/small-writer.ts'

const never = (): Promise<never> => Promise.reject(new Error('not asked for'))
const unread = { bounds: never, offsetAtTime: never, fetch: never, close: () => Promise.resolve() }

const writerOf = (own: OwnWrites) => smallWriter(() => own.lastOffset)

test('the place of an open transaction has a bookmark whose hint is the last record known to be valid', async () => {
  const own = new OwnWrites(new CommitStreamLog('bank.commits', unread), 5, 20)
  const writer = writerOf(own)
  writer.begin(context)
  const { bookmark, ...place } = writer.place()
  assert.deepEqual(place, { stream: 7, epoch: 5, sequence: 11 })
  assert.deepEqual(parseBookmark(bookmark), { ...place, record: 0, offset: 20 })
  await own.confirm(21, 3)
  assert.equal(parseBookmark(writer.place().bookmark).offset, 23)
  assert.equal(parseBookmark(writer.place().bookmark).sequence, 11)
})

test('a state says under which epoch its sequence was named', () => {
  const writer = writerOf(new OwnWrites(new CommitStreamLog('bank.commits', unread), 5, 20))
  writer.state(new Uint8Array(8), 1_000, false)
  writer.begin(context)
  writer.place()
  writer.commit(new Uint8Array(8), 1)
  writer.state(new Uint8Array(8), 2_000, false)
  const states = writer.take().facts.flatMap(fact => (fact.type === 'state' ? [[fact.sequence, fact.named]] : []))
  assert.deepEqual(states, [
    [10, 4],
    [11, 5]
  ])
})
