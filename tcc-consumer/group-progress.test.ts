import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CommittedOffset, GroupOwnership } from '@tidemark/kafka/consumer-group.ts'
import { formatBookmark, parseBookmark, type Bookmark } from '@tidemark/schemas/bookmark.ts'
import { fromGroup, GroupProgress } from './group-progress.ts'

class FakeOwnership implements GroupOwnership {
  readonly lost = new AbortController().signal
  readonly commits: CommittedOffset[] = []

  committed(): Promise<null> {
    return Promise.resolve(null)
  }

  commit(offset: number, metadata: string): Promise<void> {
    this.commits.push({ offset, metadata })
    return Promise.resolve()
  }
}

function bookmarkOf(sequence: number, offset: number): Bookmark {
  return { stream: 7, epoch: 1, sequence, record: 0, offset }
}

test('a bookmark inside its commit record is committed at that record', async () => {
  const ownership = new FakeOwnership()
  const text = formatBookmark(bookmarkOf(3, 10))
  await new GroupProgress(ownership, null).commit(text, { bookmark: bookmarkOf(5, 12), nextOffset: 13 }, 0)
  assert.deepEqual(ownership.commits, [{ offset: 10, metadata: text }])
})

test('the bookmark of the place reached is committed with the record to read next', async () => {
  const ownership = new FakeOwnership()
  const text = formatBookmark(bookmarkOf(3, 10))
  await new GroupProgress(ownership, null).commit(text, { bookmark: bookmarkOf(3, 10), nextOffset: 14 }, 0)
  assert.deepEqual(ownership.commits, [{ offset: 14, metadata: text }])
})

test('a bookmark of another stream is refused, and the place of the group stays', async () => {
  const ownership = new FakeOwnership()
  const text = formatBookmark({ ...bookmarkOf(3, 10), stream: 8 })
  const committed = new GroupProgress(ownership, null).commit(text, { bookmark: bookmarkOf(3, 10), nextOffset: 14 }, 0)
  await assert.rejects(committed, { code: 'BOOKMARK_FOREIGN' })
  assert.equal(ownership.commits.length, 0)
})

test('the offset moves over what holds nothing wanted, but never over an open transaction', async () => {
  const ownership = new FakeOwnership()
  const progress = new GroupProgress(ownership, null)
  progress.hand(1, 3)
  await progress.advance({ bookmark: bookmarkOf(4, 11), nextOffset: 12 }, 10_000)
  assert.equal(ownership.commits.length, 0)
  await progress.commit(formatBookmark(bookmarkOf(3, 10)), { bookmark: bookmarkOf(3, 10), nextOffset: 11 }, 10_000)
  await progress.advance({ bookmark: bookmarkOf(4, 11), nextOffset: 12 }, 11_000)
  assert.equal(ownership.commits.length, 1)
  await progress.advance({ bookmark: bookmarkOf(4, 11), nextOffset: 12 }, 20_000)
  assert.equal(ownership.commits[1]!.offset, 12)
  assert.equal(parseBookmark(ownership.commits[1]!.metadata).sequence, 4)
  await progress.advance({ bookmark: bookmarkOf(4, 11), nextOffset: 12 }, 30_000)
  assert.equal(ownership.commits.length, 2)
})

test('metadata that is a bookmark refines the offset', () => {
  const bookmark = bookmarkOf(3, 10)
  assert.deepEqual(fromGroup({ offset: 11, metadata: formatBookmark(bookmark) }), { type: 'bookmark', bookmark })
})

test('missing, foreign or outdated metadata leaves the offset alone to say where', () => {
  const beyond = formatBookmark(bookmarkOf(9, 40))
  for (const metadata of ['', 'AgAAAZ', beyond]) {
    assert.deepEqual(fromGroup({ offset: 11, metadata }), { type: 'offset', offset: 11 })
  }
})
