import type { Bookmark } from '@tidemark/schemas/bookmark.ts'
import type { Entry } from '@tidemark/schemas/commit-stream.ts'
import { EpochFold } from '@tidemark/schemas/stream-fold.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { CommitStreamLog, PlacedRecord } from './commit-stream-log.ts'
import { isVoid } from './commit-stream-reader.ts'

/** Where the stream names what a bookmark tells of. */
export interface NamedPlace {
  /** Of the record. */
  offset: number
  /** Entries of the record that are done. */
  entriesRead: number
}

/**
 * Finds the entry a bookmark tells of, below `end`. Its offset is that of the record with the entry or, in a bookmark made
 * while the transaction was written, of an earlier one of the same owner, from which the entry is looked for. Nothing but
 * the entry itself is believed: no (epoch, sequence) is written twice.
 * Throws STREAM_TRUNCATED, BOOKMARK_VOID, BOOKMARK_UNNAMED when the stream ends first, CLAIM_MISSING.
 */
export async function findBookmark(log: CommitStreamLog, bookmark: Bookmark, end: number): Promise<NamedPlace> {
  const epochs = new EpochFold({ epoch: bookmark.epoch })
  let isHinted = true
  for await (const found of log.scan(bookmark.offset, end)) {
    const entriesRead = isHinted ? atHint(found, bookmark, log.topic) : behindHint(found, bookmark, epochs, log.topic)
    if (entriesRead !== null) return { offset: found.offset, entriesRead }
    isHinted = false
  }
  if (isHinted) throw replaced(bookmark, log.topic)
  throw new TidemarkError('BOOKMARK_UNNAMED', {
    message: `the commit stream ends at offset ${end} without ${nameOf(bookmark)}`,
    place: log.topic
  })
}

/** How many entries of the record are done; null when its owner may name the transaction further on. */
function atHint(found: PlacedRecord, bookmark: Bookmark, topic: string): number | null {
  const { record } = found
  if (found.offset !== bookmark.offset) throw replaced(bookmark, topic)
  if (record.type !== 'commits' && bookmark.sequence === 0) return 0
  if (record.type === 'genesis' || record.epoch !== bookmark.epoch) throw replaced(bookmark, topic)
  if (record.type === 'claim') return null
  const done = entriesDone(record.entries, bookmark)
  if (done === null && isPast(record.entries, bookmark)) throw replaced(bookmark, topic)
  return done
}

function behindHint({ offset, record }: PlacedRecord, bookmark: Bookmark, epochs: EpochFold, topic: string) {
  if (record.type === 'claim' && record.epoch > bookmark.epoch) throw neverNamed(bookmark, topic, offset)
  if (record.type !== 'commits' || isVoid(epochs, record.epoch, `${topic} offset ${offset}`)) return null
  const done = entriesDone(record.entries, bookmark)
  if (done === null && isPast(record.entries, bookmark)) throw neverNamed(bookmark, topic, offset)
  return done
}

function entriesDone(entries: readonly Entry[], { sequence, record }: Bookmark): number | null {
  // A State behind the transaction has its sequence too: of queues, one stands there at the end of each unit of work.
  const inside = entries.findLastIndex(entry => entry.type === 'transaction' && entry.sequence === sequence)
  if (record > 0) return inside < 0 ? null : inside
  const behind = entries.findLastIndex(entry => entry.type === 'state' && entry.sequence === sequence)
  const last = Math.max(inside, behind)
  return last < 0 ? null : last + 1
}

function isPast(entries: readonly Entry[], { sequence }: Bookmark): boolean {
  return entries.some(entry => (entry.type === 'transaction' || entry.type === 'state') && entry.sequence > sequence)
}

function nameOf({ epoch, sequence }: Bookmark): string {
  return `transaction ${sequence} of epoch ${epoch}`
}

function replaced(bookmark: Bookmark, topic: string): TidemarkError {
  return new TidemarkError('STREAM_TRUNCATED', {
    message:
      `offset ${bookmark.offset} of the commit stream holds something else than ${nameOf(bookmark)} or an earlier record ` +
      `of its owner, which stood there before: the stream's end has been lost and written anew`,
    place: `${topic} offset ${bookmark.offset}`
  })
}

function neverNamed(bookmark: Bookmark, topic: string, offset: number): TidemarkError {
  return new TidemarkError('BOOKMARK_VOID', {
    message: `${nameOf(bookmark)} is not in the commit stream, and at offset ${offset} nothing can name it any more`,
    place: `${topic} offset ${offset}`
  })
}
