import { readHeaders } from '@tidemark/kafka/record-batch/record-headers.ts'
import { headerName } from '@tidemark/schemas/record-header.ts'
import type { BatchOrigin, PartitionCursor } from './partition-cursor.ts'

/**
 * One record of a transaction. Key, value and headers are made when asked for, each time anew, as slices of the fetched
 * bytes: nothing is ever overwritten, so they stay valid; but a slice kept keeps the whole fetched response in memory.
 * Copy what is to be kept for long (`Buffer.from(record.value)`).
 */
export class TransactionRecord {
  /** 0-based ordinal of the operation in the source transaction; the records of one operation share it. */
  readonly operation: number
  /** 0-based place of the record in its transaction, over all topics, in source order. */
  readonly index: number
  private readonly origin: BatchOrigin
  private readonly offsetDelta: number
  private readonly timestampDelta: number
  private readonly keyStart: number
  private readonly keyEnd: number
  private readonly valueStart: number
  private readonly valueEnd: number
  private readonly headersStart: number
  private readonly headersEnd: number
  private readonly headerCount: number

  /** The record at the head of `cursor`. */
  constructor(cursor: PartitionCursor) {
    const { records, header } = cursor
    this.origin = cursor.origin
    this.offsetDelta = (records.offset - this.origin.baseOffset) | 0
    this.timestampDelta = records.timestampDelta
    this.operation = header.operation
    this.index = header.record
    this.keyStart = records.keyStart
    this.keyEnd = records.keyEnd
    this.valueStart = records.valueStart
    this.valueEnd = records.valueEnd
    this.headersStart = records.headersStart
    this.headersEnd = records.headersEnd
    this.headerCount = records.headerCount
  }

  /** As the commit stream names it; on a mirrored cluster the topic there may have another name. */
  get topic(): string {
    return this.origin.name.topic
  }

  get partition(): number {
    return this.origin.name.partition
  }

  get offset(): number {
    return this.origin.baseOffset + this.offsetDelta
  }

  /** When the record was written, milliseconds since the Unix epoch; the source's time is the transaction's `commitTime`. */
  get timestamp(): number {
    const { baseTimestamp, oneTime } = this.origin
    return oneTime ? baseTimestamp : baseTimestamp + this.timestampDelta
  }

  get key(): Buffer | null {
    return this.keyStart < 0 ? null : this.origin.bytes.subarray(this.keyStart, this.keyEnd)
  }

  /** Null is a tombstone. */
  get value(): Buffer | null {
    return this.valueStart < 0 ? null : this.origin.bytes.subarray(this.valueStart, this.valueEnd)
  }

  /** The value of the first header of that name; null when that is null, undefined when there is none. */
  header(name: string): Buffer | null | undefined {
    return this.headers.find(([header]) => header === name)?.[1]
  }

  /** In their order; names may repeat. Tidemark's own header is left out. Throws RECORD_BATCH_INVALID. */
  get headers(): [string, Buffer | null][] {
    const all = readHeaders(this.origin.bytes, this.headersStart, this.headersEnd, this.headerCount)
    return all.filter(([name]) => name !== headerName)
  }
}
