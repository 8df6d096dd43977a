import type { PartCount, TransactionEntry } from '@tidemark/schemas/commit-stream.ts'
import { shortLivedArray } from '@tidemark/schemas/short-lived.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { FetchQueue } from './fetch-queue.ts'
import type { PartReader } from './part-reader.ts'
import { TransactionRecord } from './transaction-record.ts'

/**
 * What a step came to. `too large`: whole it would take more than `wholeUpToBytes`; the parts stand at its beginning
 * again, to be merged as they are read.
 */
export type Step = 'done' | 'wait' | 'missing' | 'too large'

export interface RebuilderOptions {
  wholeUpToBytes: number
  /** Records that are not there leave the transaction incomplete instead of ending the reading. */
  allowIncomplete: boolean
}

/** Fewer bytes than a record with Tidemark's header takes in a batch: saves reading what cannot be held whole. */
const recordBytesLeast = 24

/**
 * Puts one transaction after another together from the records of its parts. Pure: `step` works as far as the fetched
 * bytes reach and is called again when there are more.
 */
export class Rebuilder {
  /** After 'done': in source order. */
  records: TransactionRecord[] = []
  incomplete = false
  /** After 'wait' and 'missing': the part it is about. */
  stuck: PartReader | null = null
  private readonly options: RebuilderOptions
  private entry: TransactionEntry | null = null
  private readers: readonly (PartReader | null)[] = []
  private epoch = 0
  private since = 0
  private index = 0
  private bytes = 0
  private started = false
  /** Offset of the first record taken, by index of the count; -1 before. Only those of the entry's counts mean anything. */
  private readonly marks: number[] = []
  private wanted = 0
  private tooLarge = false

  constructor(options: RebuilderOptions) {
    this.options = options
  }

  /**
   * Turns to a transaction of which `wanted` records are wanted. `readers` are by part of its Commits, null for parts not
   * wanted; `since` as in PartReader.begin.
   */
  begin(
    entry: TransactionEntry,
    epoch: number,
    readers: readonly (PartReader | null)[],
    wanted: number,
    since: number
  ): void {
    this.entry = entry
    this.epoch = epoch
    this.readers = readers
    this.since = since
    this.index = 0
    this.bytes = 0
    this.started = false
    this.incomplete = false
    for (let index = 0; index < entry.counts.length; index++) this.marks[index] = -1
    this.wanted = wanted
    this.tooLarge = this.wanted * recordBytesLeast > this.options.wholeUpToBytes
    this.records =
      this.wanted === entry.records && !this.tooLarge ? shortLivedArray<TransactionRecord>(entry.records) : []
  }

  /** Partitions still to be read for this transaction: a fetch is of use when it has one of them. */
  get queues(): FetchQueue[] {
    const left = this.entry!.counts.slice(this.index)
    return left.flatMap(({ part }) => this.readers[part]?.cursor.queue ?? [])
  }

  /** Throws RECORDS_CONFLICTING, RECORD_BATCH_INVALID, HEADER_INVALID. */
  step(): Step {
    const { counts } = this.entry!
    if (this.tooLarge) return 'too large'
    for (; this.index < counts.length; this.index++) {
      const { part, records } = counts[this.index]!
      const reader = this.readers[part]
      if (reader === null || reader === undefined) continue
      const step = this.gather(reader, records)
      if (step !== 'done') return step
      this.started = false
    }
    this.putInOrder()
    return 'done'
  }

  /** The part that is stuck has been opened anew. */
  restartPart(): void {
    this.started = false
  }

  /** Leaves the part that is stuck as it is: the transaction is incomplete. */
  skipMissing(): void {
    this.incomplete = true
    this.index++
    this.started = false
  }

  private gather(reader: PartReader, count: number): Step {
    if (!this.started) this.start(reader, count)
    while (!reader.done) {
      const found = reader.find()
      if (reader.rescanned) this.forget(reader)
      if (found !== 'record') return this.stop(reader, found)
      this.take(reader)
      if (this.bytes > this.options.wholeUpToBytes) return this.rewind()
    }
    return 'done'
  }

  private start(reader: PartReader, count: number): void {
    reader.begin(this.epoch, this.entry!.sequence, count, this.since, false)
    this.started = true
  }

  private stop(reader: PartReader, found: 'wait' | 'missing'): Step {
    this.stuck = reader
    return found
  }

  private take(reader: PartReader): void {
    const { cursor } = reader
    const { record } = cursor.header
    const entry = this.entry!
    if (record >= entry.records) throw conflict(reader, entry, `is ${record}, of ${entry.records}`)
    this.bytes += cursor.headBytes
    if (reader.got === 0) this.marks[this.index] = cursor.records.offset
    if (this.wanted === entry.records) {
      if (this.records[record] !== undefined) throw conflict(reader, entry, `${record} stands in another part as well`)
      this.records[record] = new TransactionRecord(cursor)
    } else this.records.push(new TransactionRecord(cursor))
    reader.took()
  }

  /** What the part gave before its scan will come again. */
  private forget(reader: PartReader): void {
    reader.rescanned = false
    const { name } = reader.cursor
    const others = this.records.filter(record => record.topic !== name.topic || record.partition !== name.partition)
    if (this.wanted !== this.entry!.records) {
      this.records = others
      return
    }
    this.records = shortLivedArray<TransactionRecord>(this.entry!.records)
    for (const record of others) this.records[record.index] = record
  }

  private rewind(): Step {
    const { counts } = this.entry!
    for (let index = 0; index <= this.index; index++) {
      const reader = this.readers[counts[index]!.part]
      const mark = this.marks[index]!
      if (reader !== null && reader !== undefined && mark >= 0) reader.cursor.seek(mark)
    }
    this.records = []
    return 'too large'
  }

  private putInOrder(): void {
    const entry = this.entry!
    if (this.wanted === entry.records && !this.incomplete) return
    this.records = this.records.filter(record => record !== undefined).sort((one, other) => one.index - other.index)
    for (let index = 1; index < this.records.length; index++) {
      if (this.records[index]!.index === this.records[index - 1]!.index) throw twice(this.records[index]!, entry)
    }
  }
}

export function wantedRecords(counts: readonly PartCount[], readers: readonly (PartReader | null)[]): number {
  let wanted = 0
  for (const { part, records } of counts) if (readers[part] !== null && readers[part] !== undefined) wanted += records
  return wanted
}

/** A record index that cannot be: the data has been written to by someone else. */
export function conflict(reader: PartReader, entry: TransactionEntry, what: string): TidemarkError {
  const { name, records } = reader.cursor
  return new TidemarkError('RECORDS_CONFLICTING', {
    message: `the number of a record of transaction ${entry.sequence} ${what}`,
    place: `${name.topic}/${name.partition}, offset ${records.offset}`
  })
}

function twice(record: TransactionRecord, entry: TransactionEntry): TidemarkError {
  return new TidemarkError('RECORDS_CONFLICTING', {
    message: `the number of a record of transaction ${entry.sequence}, ${record.index}, stands in two parts`,
    place: `${record.topic}/${record.partition}, offset ${record.offset}`
  })
}
