import { compareBookmarks, formatBookmark, parseBookmark, type Bookmark } from '@tidemark/schemas/bookmark.ts'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { CommittedOffset, GroupOwnership } from '@tidemark/kafka/consumer-group.ts'
import type { From } from './start-rules.ts'
import type { Place } from './transaction-reader.ts'

/** A group's offset moves over records that hold nothing for it this often at most. */
const idleCommitMs = 5_000

/** What is committed for a group: the bookmark given, or, once nothing is open, the place reached behind it. */
export class GroupProgress {
  private readonly ownership: GroupOwnership
  private handed: Bookmark | null = null
  private done: Bookmark | null = null
  private committedOffset: number
  private committedAt = -Infinity

  /** `committed`: null when the group has never committed. */
  constructor(ownership: GroupOwnership, committed: CommittedOffset | null) {
    this.ownership = ownership
    this.committedOffset = committed?.offset ?? -1
  }

  /** Aborted when another member may own the partition. */
  get lost(): AbortSignal {
    return this.ownership.lost
  }

  /** A transaction goes to the user; it is open until its bookmark is committed. */
  hand(epoch: number, sequence: number): void {
    this.handed = { stream: 0, epoch, sequence, record: 0, offset: 0 }
  }

  /** Throws BOOKMARK_INVALID, BOOKMARK_FOREIGN for one of another commit stream, GROUP_SUPERSEDED. */
  async commit(text: string, reached: Place | null, nowMs: number): Promise<void> {
    const bookmark = parseBookmark(text)
    // It would replace the group's place, and only the next start would tell.
    if (reached !== null) compareBookmarks(bookmark, reached.bookmark)
    this.done = bookmark
    const place = reached !== null && isSame(bookmark, reached.bookmark) ? placeOf(reached) : inside(text, bookmark)
    await this.write(place, nowMs)
  }

  /** Moves the offset over what holds nothing for the user, so that the group's lag comes to 0. */
  async advance(reached: Place | null, nowMs: number): Promise<void> {
    if (reached === null || reached.nextOffset <= this.committedOffset) return
    if (nowMs - this.committedAt < idleCommitMs) return
    if (this.handed !== null && (this.done === null || !isSame(this.handed, this.done))) return
    await this.write(placeOf(reached), nowMs)
  }

  private async write(place: CommittedOffset, nowMs: number): Promise<void> {
    await this.ownership.commit(place.offset, place.metadata)
    this.committedOffset = place.offset
    this.committedAt = nowMs
  }
}

/**
 * Where a group's place says to begin (specification, "Bookmark"): metadata that is a bookmark refines the offset;
 * missing or foreign metadata, as Kafka Streams and reset tools leave it, means the first entry of the record there.
 */
export function fromGroup({ offset, metadata }: CommittedOffset): From {
  const bookmark = bookmarkIn(metadata)
  if (bookmark === null || bookmark.offset > offset) return { type: 'offset', offset }
  return { type: 'bookmark', bookmark }
}

function bookmarkIn(metadata: string): Bookmark | null {
  try {
    return parseBookmark(metadata)
  } catch (error) {
    if (isTidemarkError(error, 'BOOKMARK_INVALID')) return null
    throw error
  }
}

function placeOf({ bookmark, nextOffset }: Place): CommittedOffset {
  return { offset: nextOffset, metadata: formatBookmark(bookmark) }
}

function inside(text: string, { offset }: Bookmark): CommittedOffset {
  return { offset, metadata: text }
}

function isSame(one: Bookmark, other: Bookmark): boolean {
  return one.epoch === other.epoch && one.sequence === other.sequence && one.record === other.record
}
