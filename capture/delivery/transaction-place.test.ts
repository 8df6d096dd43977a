import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseBookmark } from '@tidemark/schemas/bookmark.ts'
import { CommitStreamLog } from '../ownership/commit-stream-log.ts'
import { OwnWrites } from '../ownership/own-writes.ts'
import { TransactionWriter } from './transaction-writer.ts'

const context = { sourceId: '757', commitTime: 1_000, position: new Uint8Array(8), kind: 'mirror' as const }
const never = (): Promise<never> => Promise.reject(new Error('not asked for'))
const unread = { bounds: never, offsetAtTime: never, fetch: never, close: () => Promise.resolve() }

test('the place of an open transaction has a bookmark whose hint is the last record known to be valid', async () => {
  const own = new OwnWrites(new CommitStreamLog('bank.commits', unread), 5, 20)
  const writer = new TransactionWriter({
    stream: 7,
    epoch: 5,
    sequence: 10,
    batchBytesMax: 1_000,
    annotationBytesMax: 1_000,
    now: () => 1_000,
    ownOffset: () => own.lastOffset,
    onUnknownTopic: () => {}
  })
  writer.begin(context)
  const { bookmark, ...place } = writer.place()
  assert.deepEqual(place, { stream: 7, epoch: 5, sequence: 11 })
  assert.deepEqual(parseBookmark(bookmark), { ...place, record: 0, offset: 20 })
  await own.confirm(21, 3)
  assert.equal(parseBookmark(writer.place().bookmark).offset, 23)
  assert.equal(parseBookmark(writer.place().bookmark).sequence, 11)
})
