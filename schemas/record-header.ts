import { Leb128Cursor, writeLeb128 } from './leb128.ts'
import { TidemarkError } from './tidemark-error.ts'

/*
 * The header every record of Tidemark carries; its name is `tidemark`, its value:
 *
 *   version    1 byte, 1
 *   stream     4 bytes, big-endian, unsigned: id of the commit stream
 *   epoch, sequence, record, operation
 *              unsigned LEB128 each, minimal, 0..2^53-1
 *
 * Bytes after the known fields are ignored: a later version may add fields without a new version byte.
 */
export const headerName = 'tidemark'
export const headerNameBytes = Buffer.from(headerName)
export const headerVersion = 1
/** No value is longer, as far as its fields are known here. */
export const headerBytesMax = 1 + 4 + 4 * 8

/**
 * Writes the header's value at `at`; returns the place after it. `target` must have `headerBytesMax` bytes left; `stream`
 * is an integer in 0..2^32-1, the others in 0..2^53-1.
 */
export function encodeRecordHeader(
  target: Buffer,
  at: number,
  stream: number,
  epoch: number,
  sequence: number,
  record: number,
  operation: number
): number {
  target[at] = headerVersion
  target[at + 1] = stream >>> 24
  target[at + 2] = stream >>> 16
  target[at + 3] = stream >>> 8
  target[at + 4] = stream
  at = writeLeb128(target, at + 5, epoch)
  at = writeLeb128(target, at, sequence)
  at = writeLeb128(target, at, record)
  return writeLeb128(target, at, operation)
}

/** The header of a record; one object is decoded into again and again. */
export class RecordHeader extends Leb128Cursor {
  /** Unsigned 32 bits. */
  stream = 0
  epoch = 0
  sequence = 0
  /** Dense and 0-based over the records of the transaction, in source order. */
  record = 0
  /** 0-based ordinal of the operation in the source transaction. */
  operation = 0

  /**
   * Decodes the header's value in [start, end) of `bytes`; null (both -1) is invalid. Throws HEADER_INVALID: the
   * fields then mean nothing.
   */
  decode(bytes: Buffer, start: number, end: number): void {
    if (end - start < 5) throw this.invalid('is too short')
    const version = bytes[start]
    if (version !== headerVersion) throw this.invalid(`is of version ${version}; version ${headerVersion} is known`)
    this.stream =
      ((bytes[start + 1]! << 24) | (bytes[start + 2]! << 16) | (bytes[start + 3]! << 8) | bytes[start + 4]!) >>> 0
    this.at = start + 5
    this.end = end
    this.epoch = this.leb128(bytes)
    this.sequence = this.leb128(bytes)
    this.record = this.leb128(bytes)
    this.operation = this.leb128(bytes)
  }

  protected override invalid(what: string): TidemarkError {
    return new TidemarkError('HEADER_INVALID', { message: `a ${headerName} header ${what}` })
  }
}
