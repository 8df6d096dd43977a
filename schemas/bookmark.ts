import { crc32 } from 'node:zlib'
import { Leb128Cursor, writeLeb128 } from './leb128.ts'
import { TidemarkError } from './tidemark-error.ts'

/*
 * The text of a bookmark is `tm1.` and base64url, without padding, of:
 *
 *   stream     4 bytes, big-endian, unsigned
 *   epoch, sequence, record, offset
 *              unsigned LEB128 each, minimal, 0..2^53-1
 *   checksum   4 bytes, big-endian: CRC-32 (IEEE, as in zlib) of `tm1.` in ASCII and the bytes before
 *
 * To its keeper it is opaque: neither its length (at most 58 characters) nor the order of texts is promised.
 */
export interface Bookmark {
  /** Of the commit stream, unsigned 32 bits. */
  stream: number
  /** Of the transaction. */
  epoch: number
  /** Of the last transaction of which anything was handed over. */
  sequence: number
  /** 0: the transaction was handed over whole. Else: its records below this one were. */
  record: number
  /**
   * Offset of the commit-stream record that names the transaction, or of the State entry or genesis the place was known
   * from; in a bookmark made while the transaction was written, of an earlier record of its owner, claim or Commits. A hint,
   * but a checked one: another record there means that the stream lost its end (on its origin).
   */
  offset: number
}

const prefix = 'tm1.'
const payloadBytesMax = 4 + 4 * 8
const checksumBytes = 4
const form = /^tm1\.[A-Za-z0-9_-]{16,54}$/

/** The text, ASCII, at most 58 characters. Numbers must be integers in the ranges of Bookmark. */
export function formatBookmark(bookmark: Bookmark): string {
  const bytes = Buffer.alloc(payloadBytesMax + checksumBytes)
  bytes.writeUInt32BE(bookmark.stream)
  let at = writeLeb128(bytes, 4, bookmark.epoch)
  at = writeLeb128(bytes, at, bookmark.sequence)
  at = writeLeb128(bytes, at, bookmark.record)
  at = writeLeb128(bytes, at, bookmark.offset)
  bytes.writeUInt32BE(checksum(bytes.subarray(0, at)), at)
  return prefix + bytes.toString('base64url', 0, at + checksumBytes)
}

/** Throws BOOKMARK_INVALID for any text `formatBookmark` does not give: another version, mistyped, cut. */
export function parseBookmark(text: string): Bookmark {
  if (!form.test(text)) throw invalid('does not have the form of a bookmark')
  const encoded = text.slice(prefix.length)
  const bytes = Buffer.from(encoded, 'base64url')
  const end = bytes.length - checksumBytes
  if (bytes.toString('base64url') !== encoded || checksum(bytes.subarray(0, end)) !== bytes.readUInt32BE(end)) {
    throw invalid('is mistyped or cut: its checksum does not match')
  }
  return new BookmarkCursor(4, end).read(bytes)
}

/**
 * Negative when `left` is before `right`, 0 when both are the same place, positive when after. Throws BOOKMARK_FOREIGN
 * when they are of different commit streams.
 */
export function compareBookmarks(left: Bookmark, right: Bookmark): number {
  if (left.stream !== right.stream) {
    throw new TidemarkError('BOOKMARK_FOREIGN', {
      message: `bookmarks of commit streams ${streamText(left.stream)} and ${streamText(right.stream)} have no order`
    })
  }
  if (left.epoch !== right.epoch) return left.epoch - right.epoch
  if (left.sequence !== right.sequence) return left.sequence - right.sequence
  if (left.record === right.record) return 0
  if (left.record === 0) return 1
  return right.record === 0 ? -1 : left.record - right.record
}

class BookmarkCursor extends Leb128Cursor {
  constructor(at: number, end: number) {
    super()
    this.at = at
    this.end = end
  }

  read(bytes: Buffer): Bookmark {
    const bookmark = {
      stream: bytes.readUInt32BE(0),
      epoch: this.leb128(bytes),
      sequence: this.leb128(bytes),
      record: this.leb128(bytes),
      offset: this.leb128(bytes)
    }
    if (this.at !== this.end) throw this.invalid('has more in it than a bookmark')
    return bookmark
  }

  protected override invalid(what: string): TidemarkError {
    return invalid(what)
  }
}

function checksum(payload: Buffer): number {
  return crc32(payload, crc32(prefix))
}

function streamText(stream: number): string {
  return stream.toString(16).padStart(8, '0')
}

function invalid(what: string): TidemarkError {
  return new TidemarkError('BOOKMARK_INVALID', { message: `the bookmark ${what}` })
}
