import type { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { BatchReader, decompressedBytesMaxDefault } from './batch-reader.ts'
import { VarintCursor } from './varint-cursor.ts'

/**
 * Walks the records of fetched batches without making anything per record: fields of the reader describe the record
 * `next` stopped at, as places in `bytes`. A slice of `bytes` stays valid, and keeps all of it in memory.
 * Control batches are passed over; gaps in the offsets (compaction) are normal.
 */
export class RecordReader extends VarintCursor {
  /** The batch of the current record; after `next` returned false, the last one. */
  readonly batch: BatchReader
  offset = -1
  /** -1 when the key is null. Places are in `bytes`. */
  keyStart = -1
  keyEnd = -1
  /** -1 when the value is null. */
  valueStart = -1
  valueEnd = -1
  headerCount = 0
  /** Milliseconds from the batch's base timestamp; see `timestamp`. */
  timestampDelta = 0
  headersStart = 0
  headersEnd = 0
  /** Value of the header `findHeader` found; -1 when that value is null. */
  foundStart = -1
  foundEnd = -1
  /**
   * Where to fetch once `next` returned false: above the last whole batch, even where compaction removed its last
   * records.
   */
  nextOffset = 0
  private from = 0
  private index = 0
  private count = 0
  /** End of the batch's records. */
  private end = 0

  /** `decompressedBytesMax` bounds what one compressed batch may become. */
  constructor(decompressedBytesMax = decompressedBytesMaxDefault) {
    const batch = new BatchReader(decompressedBytesMax)
    super(batch.buffer)
    this.batch = batch
  }

  /**
   * Begins with the bytes of a Fetch. Records below `from`, the offset asked for, are passed over: a broker answers with
   * whole batches. `place` (topic and partition) stands in errors.
   */
  reset(bytes: Buffer, from = 0, place = ''): void {
    this.batch.reset(bytes, place)
    this.from = from
    this.nextOffset = from
    this.index = 0
    this.count = 0
  }

  /** Moves to the next record; false when the bytes have no more. Throws RECORD_BATCH_INVALID. */
  next(): boolean {
    do {
      while (this.index === this.count) if (!this.nextBatch()) return false
      this.readRecord()
    } while (this.offset < this.from)
    return true
  }

  /** The bytes end inside a batch. If no batch was whole, the fetch was too small for it. */
  get incomplete(): boolean {
    return this.batch.incomplete
  }

  /** Milliseconds; exact up to 2^53. */
  get timestamp(): number {
    return this.batch.logAppendTime ? this.batch.maxTimestamp : this.batch.baseTimestamp + this.timestampDelta
  }

  /** A slice, not a copy. */
  get key(): Buffer | null {
    return this.keyStart < 0 ? null : this.bytes.subarray(this.keyStart, this.keyEnd)
  }

  /** A slice, not a copy. */
  get value(): Buffer | null {
    return this.valueStart < 0 ? null : this.bytes.subarray(this.valueStart, this.valueEnd)
  }

  /** Looks for the first header of that name; its value is then at `foundStart`..`foundEnd`. Throws RECORD_BATCH_INVALID. */
  findHeader(name: Buffer): boolean {
    const resume = this.at
    const found = this.headerCount > 0 && this.searchHeader(name)
    this.at = resume
    return found
  }

  /**
   * `findHeader` for a header that most often stands first, with a name and a value of fewer than 64 bytes: false says
   * nothing about the others.
   */
  firstHeaderIs(name: Buffer): boolean {
    const { bytes, headersStart: at } = this
    const lengthAt = at + 1 + name.length
    if (this.headerCount === 0 || lengthAt >= this.headersEnd || bytes[at] !== name.length << 1) return false
    const zigzag = bytes[lengthAt]!
    const end = lengthAt + 1 + (zigzag >>> 1)
    if (zigzag > 0x7f || (zigzag & 1) === 1 || end > this.headersEnd || !equals(bytes, at + 1, name)) return false
    this.foundStart = lengthAt + 1
    this.foundEnd = end
    return true
  }

  private searchHeader(name: Buffer): boolean {
    this.at = this.headersStart
    for (let left = this.headerCount; left > 0; left--) {
      const keyBytes = this.varint()
      const keyStart = this.at
      this.pass(keyBytes, 0)
      const valueBytes = this.varint()
      const valueStart = this.at
      this.pass(valueBytes, -1)
      if (keyBytes === name.length && equals(this.bytes, keyStart, name)) {
        this.foundStart = valueBytes < 0 ? -1 : valueStart
        this.foundEnd = valueBytes < 0 ? -1 : this.at
        return true
      }
    }
    return false
  }

  /** Passes over `bytes` of a header; negative lengths mean null where `least` is -1. */
  private pass(bytes: number, least: number): void {
    if (!(bytes >= least && bytes <= this.headersEnd - this.at))
      throw this.invalidRecord('has a header that runs past it')
    if (bytes > 0) this.at += bytes
  }

  private nextBatch(): boolean {
    const { batch } = this
    if (!batch.next()) return false
    this.index = 0
    this.count = 0
    if (batch.lastOffset >= this.nextOffset) this.nextOffset = batch.lastOffset + 1
    if (batch.control || batch.lastOffset < this.from) return true
    batch.open()
    this.bytes = batch.buffer
    this.at = batch.recordsStart
    this.end = batch.recordsEnd
    this.offset = batch.baseOffset - 1
    this.count = batch.recordCount
    if (this.count === 0 && this.at !== this.end) throw this.invalidRecord('is none, and yet there are bytes')
    return true
  }

  private readRecord(): void {
    if (!this.readUsual()) this.readAny()
    this.index++
    if (this.index === this.count && this.at !== this.end) throw this.invalidRecord('is the last, and yet bytes follow')
  }

  /**
   * The record as most are: key and value are there, and every number is positive, of one byte or two. False: nothing was
   * read, and it is left to `readAny`, which knows every form and says what is wrong.
   */
  private readUsual(): boolean {
    const { bytes, batch } = this
    let at = this.at
    if (this.end - at < usualBytesMin) return false
    const length = shortZigzag(bytes, at)
    at += sizeOf(length)
    const end = at + (length >>> 1)
    if (length < usualBytesMin || (length & 1) !== 0 || end > this.end) return false
    const time = shortZigzag(bytes, ++at)
    at += sizeOf(time)
    const delta = shortZigzag(bytes, at)
    at += sizeOf(delta)
    const keyBytes = shortZigzag(bytes, at)
    const keyStart = at + sizeOf(keyBytes)
    const keyEnd = keyStart + (keyBytes >>> 1)
    if (((time | delta | keyBytes) & 1) !== 0) return false
    const valueBytes = shortZigzag(bytes, keyEnd)
    const valueStart = keyEnd + sizeOf(valueBytes)
    const valueEnd = valueStart + (valueBytes >>> 1)
    if ((valueBytes & 1) !== 0 || valueEnd >= end) return false
    const headers = bytes[valueEnd]!
    const offset = batch.baseOffset + (delta >>> 1)
    if (headers > 0x7f || (headers & 1) !== 0 || headers > end - valueEnd - 1) return false
    if (offset <= this.offset || offset > batch.lastOffset) return false
    this.timestampDelta = time >>> 1
    this.offset = offset
    this.keyStart = keyStart
    this.keyEnd = keyEnd
    this.valueStart = valueStart
    this.valueEnd = valueEnd
    this.headerCount = headers >>> 1
    this.headersStart = valueEnd + 1
    this.headersEnd = end
    this.at = end
    return true
  }

  private readAny(): void {
    const length = this.varint()
    const start = this.at
    const end = start + length
    if (!(length >= 0 && end <= this.end)) throw this.invalidRecord('runs past its batch')
    this.at = start + 1
    this.timestampDelta = this.varlong()
    this.readOffset(this.varint())
    this.readKeyAndValue(end)
    this.headerCount = this.varint()
    this.headersStart = this.at
    this.headersEnd = end
    // Each header has at least two bytes, so the number of headers is bounded by the record.
    if (!(this.headerCount >= 0 && this.headerCount * 2 <= end - this.at))
      throw this.invalidRecord('has a wrong header count')
    this.at = end
  }

  private readOffset(delta: number): void {
    const offset = this.batch.baseOffset + delta
    if (!(offset > this.offset && offset <= this.batch.lastOffset))
      throw this.invalidRecord('has an offset out of order')
    this.offset = offset
  }

  private readKeyAndValue(end: number): void {
    const keyBytes = this.varint()
    if (!(keyBytes >= -1 && keyBytes <= end - this.at)) throw this.invalidRecord('has a key that runs past it')
    this.keyStart = keyBytes < 0 ? -1 : this.at
    this.at += keyBytes < 0 ? 0 : keyBytes
    this.keyEnd = keyBytes < 0 ? -1 : this.at
    const valueBytes = this.varint()
    if (!(valueBytes >= -1 && valueBytes <= end - this.at)) throw this.invalidRecord('has a value that runs past it')
    this.valueStart = valueBytes < 0 ? -1 : this.at
    this.at += valueBytes < 0 ? 0 : valueBytes
    this.valueEnd = valueBytes < 0 ? -1 : this.at
  }

  private invalidRecord(what: string): TidemarkError {
    const where = this.batch.compression === 'none' ? `byte ${this.at}` : `byte ${this.at} after decompression`
    return this.batch.invalid(`is malformed: record ${this.index} of ${this.batch.recordCount} ${what} (${where})`)
  }
}

/** Of a record's length, zigzag or not: the numbers before the key's bytes take at most seven. */
const usualBytesMin = 16

/** A varint of one byte or two, still as zigzag; -1 for a longer one, and for one that is not in its shortest form. */
function shortZigzag(bytes: Buffer, at: number): number {
  const first = bytes[at]!
  if (first < 0x80) return first
  const second = bytes[at + 1]!
  return second > 0x7f || second === 0 ? -1 : (first & 0x7f) | (second << 7)
}

function sizeOf(zigzag: number): number {
  return zigzag > 0x7f ? 2 : 1
}

function equals(bytes: Buffer, at: number, name: Buffer): boolean {
  for (let index = 0; index < name.length; index++) if (bytes[at + index] !== name[index]) return false
  return true
}
