import { TidemarkError } from './tidemark-error.ts'

/*
 * The header every record of Tidemark carries; its name is `tidemark`, its value:
 *
 *   version    1 byte, 1
 *   stream     4 bytes, big-endian, unsigned: id of the commit stream
 *   epoch, sequence, record, operation
 *              unsigned LEB128 each, minimal, 0..2^53-1
 *
 * Bytes after the known fields are ignored: later versions may add fields without a new version byte.
 */
export const headerName = 'tidemark'
export const headerNameBytes = Buffer.from(headerName)
export const headerVersion = 1
/** No value of the known fields is longer. */
export const headerBytesMax = 1 + 4 + 4 * 8

/**
 * Writes the header's value at `at`; returns the place after it. `target` must have `headerBytesMax` bytes left, numbers
 * must be integers in 0..2^53-1, `stream` in 0..2^32-1.
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
  return writeLeb128(
    target,
    writeLeb128(target, writeLeb128(target, writeLeb128(target, at + 5, epoch), sequence), record),
    operation
  )
}

/** Writes an integer in 0..2^53-1 as minimal unsigned LEB128, 1..8 bytes; returns the place after it. */
export function writeLeb128(target: Buffer, at: number, value: number): number {
  // Bit operations end at 32 bits: what is above goes by division.
  while (value > 0x7fff_ffff) {
    target[at++] = (value % 0x80) | 0x80
    value = Math.floor(value / 0x80)
  }
  while (value > 0x7f) {
    target[at++] = (value & 0x7f) | 0x80
    value >>>= 7
  }
  target[at++] = value
  return at
}

/** The header of a record, decoded again and again into one object. */
export class RecordHeader {
  /** Unsigned 32 bits. */
  stream = 0
  epoch = 0
  sequence = 0
  /** Dense and 0-based over the records of the transaction, in source order. */
  record = 0
  /** 0-based ordinal of the operation in the source transaction. */
  operation = 0
  private at = 0
  private end = 0

  /**
   * Decodes the header's value in [start, end); a null value (start -1) is invalid. Throws HEADER_INVALID and leaves the
   * fields undefined.
   */
  decode(bytes: Buffer, start: number, end: number): void {
    if (start < 0 || end - start < 5) throw invalid('is too short')
    if (bytes[start] !== headerVersion)
      throw invalid(`is of version ${bytes[start]}, this reader knows ${headerVersion}`)
    this.stream =
      ((bytes[start + 1]! << 24) | (bytes[start + 2]! << 16) | (bytes[start + 3]! << 8) | bytes[start + 4]!) >>> 0
    this.at = start + 5
    this.end = end
    this.epoch = this.leb128(bytes)
    this.sequence = this.leb128(bytes)
    this.record = this.leb128(bytes)
    this.operation = this.leb128(bytes)
  }

  private leb128(bytes: Buffer): number {
    if (this.at >= this.end) throw invalid('is cut')
    const first = bytes[this.at++]!
    return first < 0x80 ? first : this.longerLeb128(bytes, first)
  }

  private longerLeb128(bytes: Buffer, first: number): number {
    let value = first & 0x7f
    let scale = 0x80
    while (this.at < this.end) {
      const byte = bytes[this.at++]!
      value += (byte & 0x7f) * scale
      if (value > Number.MAX_SAFE_INTEGER) throw invalid('has a number above 2^53-1')
      if (byte === 0) throw invalid('has a number that is not minimal')
      if (byte < 0x80) return value
      scale *= 0x80
      // The ninth byte would begin at 2^56.
      if (scale > 0x2_0000_0000_0000) throw invalid('has a number above 2^53-1')
    }
    throw invalid('is cut')
  }
}

function invalid(what: string): TidemarkError {
  return new TidemarkError('HEADER_INVALID', { message: `a ${headerName} header ${what}` })
}
