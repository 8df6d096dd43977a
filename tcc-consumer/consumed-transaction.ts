import { formatBookmark } from '@tidemark/schemas/bookmark.ts'
import type { ParkedOperation, TransactionEntry } from '@tidemark/schemas/commit-stream.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { SequenceGap } from './sequence-gap.ts'
import type { TransactionRecord } from './transaction-record.ts'

/** Gives the records of a transaction that is not held whole; null at its end. */
export interface RecordSource {
  next(): TransactionRecord | null | Promise<TransactionRecord | null>
  readonly incomplete: boolean
}

/** One transaction of the source, with the records of the wanted topics, in source order. */
export class ConsumedTransaction {
  /** Number of the agent's ownership it was sent under. */
  readonly epoch: number
  /** What was passed over, with leave, between the transaction handed over before and this one. */
  readonly gapsBefore: readonly SequenceGap[]
  /** Records below this number were handed over before the bookmark this reader started from; 0 otherwise. */
  readonly firstRecord: number
  private readonly entry: TransactionEntry
  private readonly streamId: number
  private readonly offset: number
  private readonly whole: readonly TransactionRecord[] | null
  private readonly source: RecordSource
  private streamed = false

  /**
   * `offset` is that of the commit-stream record; `whole` is null when the records are to be read from `source` one by
   * one.
   */
  constructor(
    entry: TransactionEntry,
    epoch: number,
    streamId: number,
    offset: number,
    whole: readonly TransactionRecord[] | null,
    source: RecordSource,
    gapsBefore: readonly SequenceGap[],
    firstRecord: number
  ) {
    this.entry = entry
    this.epoch = epoch
    this.streamId = streamId
    this.offset = offset
    this.gapsBefore = gapsBefore
    this.firstRecord = firstRecord
    this.whole = whole
    this.source = source
  }

  /** Dense number of the transaction in its subscription. */
  get sequence(): number {
    return this.entry.sequence
  }

  /** The source's own id: PostgreSQL's xid as decimal text, an MQ unit of work, or `refresh:<table>:<n>`. */
  get sourceId(): string {
    return this.entry.sourceId
  }

  /** Microseconds since the Unix epoch, by the source's clock; see `committedAt`. */
  get commitTime(): number {
    return this.entry.commitTime
  }

  /** `refresh`: present rows copied before mirroring began, or again. */
  get kind(): 'mirror' | 'refresh' {
    return this.entry.kind
  }

  /** Operations in the source transaction, over all tables captured. */
  get operations(): number {
    return this.entry.operations
  }

  /** Operations set aside instead of published; they count as handed over. */
  get parked(): readonly ParkedOperation[] {
    return this.entry.parked
  }

  get annotations(): ReadonlyMap<string, Uint8Array> {
    return this.entry.annotations
  }

  /** `commitTime`, to the millisecond. */
  get committedAt(): Date {
    return new Date(this.commitTime / 1000)
  }

  /** The place after this transaction: store it with the result, and start from it. */
  get bookmark(): string {
    return this.bookmarkAt(0)
  }

  /**
   * The place after `record`, inside the transaction. After the last record of a transaction held whole it is the same as
   * `bookmark`. Of one that is streamed it is not: an earlier record may be found missing only after the last one was
   * handed over, and whoever starts from that place must hear of it.
   */
  bookmarkAfter(record: TransactionRecord): string {
    const next = record.index + 1
    return this.bookmarkAt(next === this.entry.records && !this.isLarge ? 0 : next)
  }

  private bookmarkAt(record: number): string {
    const { streamId: stream, epoch, offset } = this
    return formatBookmark({ stream, epoch, sequence: this.sequence, record, offset })
  }

  /** It is larger than `wholeUpToBytes`: `records` is not to be had, only `stream`. */
  get isLarge(): boolean {
    return this.whole === null
  }

  /** Only with `allowIncomplete`: records of it are gone. Of a large transaction, known once it is read to its end. */
  get incomplete(): boolean {
    return this.source.incomplete
  }

  /** Throws TRANSACTION_TOO_LARGE when the transaction is larger than `wholeUpToBytes`. */
  get records(): readonly TransactionRecord[] {
    if (this.whole !== null) return this.whole
    throw new TidemarkError('TRANSACTION_TOO_LARGE', {
      message: `transaction ${this.sequence} has ${this.entry.records} records, more than \`wholeUpToBytes\` holds`
    })
  }

  /**
   * The records one by one, of any transaction. A large one is merged while it is fetched and can be read once, until
   * the next transaction is asked for; what is not read is passed over. That none of its records is missing is known
   * when the end is reached: apply it in one transaction of the target. Throws RECORDS_MISSING, USAGE.
   */
  stream(): AsyncIterableIterator<TransactionRecord> {
    if (this.whole !== null) return new RecordIterator(new ArraySource(this.whole))
    if (this.streamed) {
      throw new TidemarkError('USAGE', {
        message: `transaction ${this.sequence} is larger than \`wholeUpToBytes\` and was read once`,
        cure: 'read it once, or raise wholeUpToBytes'
      })
    }
    this.streamed = true
    return new RecordIterator(this.source)
  }
}

class ArraySource implements RecordSource {
  readonly incomplete = false
  private readonly records: readonly TransactionRecord[]
  private index = 0

  constructor(records: readonly TransactionRecord[]) {
    this.records = records
  }

  next(): TransactionRecord | null {
    return this.records[this.index++] ?? null
  }
}

/** Without an async function per record: a promise is made only where the interface asks for one. */
class RecordIterator implements AsyncIterableIterator<TransactionRecord> {
  private source: RecordSource | null

  constructor(source: RecordSource) {
    this.source = source
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<TransactionRecord, undefined>> {
    if (this.source === null) return Promise.resolve({ done: true, value: undefined })
    let record
    try {
      record = this.source.next()
    } catch (error) {
      record = rejected(error)
    }
    return record instanceof Promise ? record.then(value => this.result(value)) : Promise.resolve(this.result(record))
  }

  return(): Promise<IteratorResult<TransactionRecord, undefined>> {
    this.source = null
    return Promise.resolve({ done: true, value: undefined })
  }

  private result(record: TransactionRecord | null): IteratorResult<TransactionRecord, undefined> {
    if (record === null) this.source = null
    return record === null ? { done: true, value: undefined } : { done: false, value: record }
  }
}

async function rejected(error: unknown): Promise<never> {
  throw error
}
