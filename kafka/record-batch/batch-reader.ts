import { crc32c } from '@node-rs/crc32'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { compressionOf, decompress, type Codec, type Compression } from './compression.ts'
import {
  ATTRIBUTES,
  BASE_OFFSET,
  BASE_SEQUENCE,
  BASE_TIMESTAMP,
  BATCH_LENGTH,
  COMPRESSION_MASK,
  CONTROL,
  CRC,
  LAST_OFFSET_DELTA,
  LEADER_EPOCH,
  LENGTH_COUNTS_FROM,
  LOG_APPEND_TIME,
  MAGIC,
  MAX_TIMESTAMP,
  PRODUCER_EPOCH,
  PRODUCER_ID,
  RECORDS,
  RECORD_COUNT,
  TRANSACTIONAL,
  readInt64
} from './layout.ts'

export const decompressedBytesMaxDefault = 128 * 1024 * 1024

/**
 * Walks the record batches of fetched bytes, head by head: checks length, magic and CRC of each, once. The fields
 * describe the batch `next` stopped at; `open` makes its records readable.
 */
export class BatchReader {
  baseOffset = 0
  /** Of the last record the batch had when it was written: compaction may have removed that record since. */
  lastOffset = -1
  leaderEpoch = -1
  recordCount = 0
  compression: Compression = 'none'
  transactional = false
  /** A marker of the broker (commit or abort of a Kafka transaction): its records are not data. */
  control = false
  /** All records have the time the broker appended them, `maxTimestamp`. */
  logAppendTime = false
  /** Milliseconds, as `maxTimestamp`; exact up to 2^53. */
  baseTimestamp = 0
  maxTimestamp = 0
  /** The bytes end inside a batch: the broker cut the answer at its size, fetch again from the offset reached. */
  incomplete = false
  /** After `open`: where the records are, `bytes` or decompressed memory of their own. */
  buffer: Buffer
  recordsStart = 0
  recordsEnd = 0
  private bytes: Buffer
  private start = 0
  private end = 0
  private place = ''
  private readonly decompressedBytesMax: number

  constructor(decompressedBytesMax = decompressedBytesMaxDefault) {
    this.decompressedBytesMax = decompressedBytesMax
    this.bytes = Buffer.alloc(0)
    this.buffer = this.bytes
  }

  /** Begins with `bytes`; `place` (topic and partition) stands in errors. */
  reset(bytes: Buffer, place = ''): void {
    this.bytes = bytes
    this.buffer = bytes
    this.place = place
    this.start = 0
    this.end = 0
    this.incomplete = false
  }

  /** Moves to the next batch; false at the end of the bytes. Throws RECORD_BATCH_INVALID. */
  next(): boolean {
    const start = this.end
    if (start === this.bytes.length) return false
    const end = batchEnd(this.bytes, start)
    if (end === null) {
      this.incomplete = true
      return false
    }
    this.start = start
    if (end < start + RECORDS) throw this.invalid('has a length below its own head', BATCH_LENGTH)
    this.end = end
    this.readHead()
    return true
  }

  /** Makes `buffer`, `recordsStart` and `recordsEnd` those of this batch. Throws RECORD_BATCH_INVALID. */
  open(): void {
    if (this.compression === 'none') {
      this.buffer = this.bytes
      this.recordsStart = this.start + RECORDS
      this.recordsEnd = this.end
      return
    }
    this.buffer = this.decompress(this.compression)
    this.recordsStart = 0
    this.recordsEnd = this.buffer.length
  }

  /** -1n when the producer is not idempotent. */
  get producerId(): bigint {
    return this.bytes.readBigInt64BE(this.start + PRODUCER_ID)
  }

  get producerEpoch(): number {
    return this.bytes.readInt16BE(this.start + PRODUCER_EPOCH)
  }

  get baseSequence(): number {
    return this.bytes.readInt32BE(this.start + BASE_SEQUENCE)
  }

  /** RECORD_BATCH_INVALID of this batch; `byte` counts from its start. */
  invalid(what: string, byte = 0, cause?: unknown): TidemarkError {
    const batch = this.start + LEADER_EPOCH <= this.bytes.length ? readInt64(this.bytes, this.start + BASE_OFFSET) : '?'
    return new TidemarkError('RECORD_BATCH_INVALID', {
      message: `the record batch at offset ${batch} ${what}`,
      place: `${this.place === '' ? 'fetched bytes' : this.place}, byte ${this.start + byte}`,
      ...(cause === undefined ? {} : { cause })
    })
  }

  private readHead(): void {
    const { bytes, start } = this
    const magic = bytes[start + MAGIC]
    if (magic !== 2) throw this.invalid(`is of message format ${magic}; only format 2 is read`, MAGIC)
    const crc = crc32c(bytes.subarray(start + ATTRIBUTES, this.end))
    if (crc !== bytes.readUInt32BE(start + CRC)) throw this.invalid('does not match its CRC', CRC)
    this.readAttributes(bytes.readInt16BE(start + ATTRIBUTES))
    this.baseOffset = readInt64(bytes, start + BASE_OFFSET)
    this.lastOffset = this.baseOffset + bytes.readInt32BE(start + LAST_OFFSET_DELTA)
    if (this.baseOffset < 0 || this.lastOffset < this.baseOffset || !Number.isSafeInteger(this.lastOffset)) {
      throw this.invalid('has impossible offsets', BASE_OFFSET)
    }
    this.leaderEpoch = bytes.readInt32BE(start + LEADER_EPOCH)
    this.baseTimestamp = readInt64(bytes, start + BASE_TIMESTAMP)
    this.maxTimestamp = readInt64(bytes, start + MAX_TIMESTAMP)
    this.recordCount = bytes.readInt32BE(start + RECORD_COUNT)
    if (this.recordCount < 0) throw this.invalid('has a negative number of records', RECORD_COUNT)
  }

  private readAttributes(attributes: number): void {
    const compression = compressionOf(attributes & COMPRESSION_MASK)
    if (compression === null) throw this.invalid('is of an unknown compression', ATTRIBUTES)
    this.compression = compression
    this.logAppendTime = (attributes & LOG_APPEND_TIME) !== 0
    this.transactional = (attributes & TRANSACTIONAL) !== 0
    this.control = (attributes & CONTROL) !== 0
  }

  private decompress(codec: Codec): Buffer {
    try {
      return decompress(codec, this.bytes.subarray(this.start + RECORDS, this.end), this.decompressedBytesMax)
    } catch (error) {
      const what = `cannot be decompressed from ${codec} into at most ${this.decompressedBytesMax} bytes`
      throw this.invalid(what, RECORDS, error)
    }
  }
}

/**
 * The offset to fetch after `batches`, from heads alone: one above the last offset of the last whole batch, even where
 * compaction removed its last records; `offset` when there is no whole batch, or none reaches it.
 */
export function nextFetchOffset(batches: Buffer, offset: number): number {
  let next = offset
  let at = 0
  for (;;) {
    const end = batchEnd(batches, at)
    if (end === null || end < at + RECORDS) return next
    next = Math.max(next, readInt64(batches, at + BASE_OFFSET) + batches.readInt32BE(at + LAST_OFFSET_DELTA) + 1)
    at = end
  }
}

/** The end of the batch that starts at `at`; null when `bytes` do not hold all of it. */
function batchEnd(bytes: Buffer, at: number): number | null {
  if (at + LENGTH_COUNTS_FROM > bytes.length) return null
  const end = at + LENGTH_COUNTS_FROM + bytes.readInt32BE(at + BATCH_LENGTH)
  return end > bytes.length ? null : end
}
