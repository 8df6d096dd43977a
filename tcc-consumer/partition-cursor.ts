import { RecordReader } from '@tidemark/kafka/record-batch/record-reader.ts'
import { headerNameBytes, headerVersion, RecordHeader } from '@tidemark/schemas/record-header.ts'
import { isTidemarkError, TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { FetchQueue } from './fetch-queue.ts'

export interface PartitionName {
  /** As the commit stream names it. */
  readonly topic: string
  readonly partition: number
}

/** What the records of one batch share; each keeps small numbers from here, which cost no memory of their own. */
export interface BatchOrigin {
  readonly name: PartitionName
  readonly bytes: Buffer
  readonly baseOffset: number
  /** Milliseconds since the Unix epoch. */
  readonly baseTimestamp: number
  /** The broker stamped the whole batch with one time: `baseTimestamp` is that of every record. */
  readonly oneTime: boolean
}

/**
 * One partition read record by record; only records of the stream are stopped at. `records` and `header` describe the
 * head, the record `advance` stopped at, until it is consumed.
 */
export class PartitionCursor {
  readonly name: PartitionName
  readonly queue: FetchQueue
  readonly records = new RecordReader()
  readonly header = new RecordHeader()
  hasHead = false
  /** Offset after everything read so far. */
  position = 0
  /** Opened at an offset the commit stream gave, so a record not found may still stand before it. */
  openedByHint = true
  /** A record of the transaction wanted was found since the last `seek`: what comes below from now on was sent again. */
  settled = false
  /** Records that are not of the stream. */
  foreign = 0
  /** Offsets passed over that hold no record: compaction, or markers of Kafka transactions. */
  holes = 0
  private readonly stream: number
  private place: string
  private shared: BatchOrigin | null = null

  constructor(name: PartitionName, readTopic: string, stream: number) {
    this.name = name
    this.queue = new FetchQueue(readTopic, name.partition)
    this.stream = stream
    this.place = `${readTopic}/${name.partition}`
  }

  /** Where reading would have to begin again to meet the head, or what comes next when there is none. */
  get offset(): number {
    return this.hasHead ? this.records.offset : this.position
  }

  /** Size of the head's key, value and headers. */
  get headBytes(): number {
    const { records } = this
    return (
      records.keyEnd -
      records.keyStart +
      (records.valueEnd - records.valueStart) +
      (records.headersEnd - records.headersStart)
    )
  }

  /** Of the batch the head stands in. */
  get origin(): BatchOrigin {
    const { bytes, batch } = this.records
    const { shared } = this
    if (shared !== null && shared.bytes === bytes && shared.baseOffset === batch.baseOffset) return shared
    const { baseOffset, logAppendTime: oneTime } = batch
    const baseTimestamp = oneTime ? batch.maxTimestamp : batch.baseTimestamp
    return (this.shared = { name: this.name, bytes, baseOffset, baseTimestamp, oneTime })
  }

  /** Moves to the next record of the stream; false when what was fetched holds none. Throws RECORD_BATCH_INVALID, HEADER_INVALID. */
  advance(): boolean {
    this.hasHead = false
    do {
      while (this.records.next()) {
        const { offset } = this.records
        this.holes += offset - this.position
        this.position = offset + 1
        if (this.readHeader()) return (this.hasHead = true)
        this.foreign++
      }
      if (this.records.nextOffset > this.position) this.position = this.records.nextOffset
    } while (this.nextChunk())
    return false
  }

  seek(offset: number): void {
    this.queue.seek(offset)
    this.records.reset(Buffer.alloc(0))
    this.position = offset
    this.hasHead = false
    this.settled = false
    this.holes = 0
  }

  private nextChunk(): boolean {
    const chunk = this.queue.take()
    if (chunk === null) return false
    this.records.reset(chunk.bytes, chunk.from, this.place)
    return true
  }

  /** A header of another stream or version is not ours: should it be, the count of the transaction tells. */
  private readHeader(): boolean {
    const { records } = this
    if (!records.firstHeaderIs(headerNameBytes) && !records.findHeader(headerNameBytes)) return false
    const { bytes, foundStart: at } = records
    if (at < 0 || records.foundEnd - at < 5 || bytes[at] !== headerVersion) return false
    const stream = ((bytes[at + 1]! << 24) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 8) | bytes[at + 4]!) >>> 0
    if (stream !== this.stream) return false
    try {
      this.header.decode(bytes, at, records.foundEnd)
    } catch (error) {
      throw this.placed(error)
    }
    return true
  }

  private placed(error: unknown): unknown {
    if (!isTidemarkError(error)) return error
    const place = `${this.place}, offset ${this.records.offset}`
    return new TidemarkError(error.code, { message: error.message, place, cure: error.cure, cause: error })
  }
}
