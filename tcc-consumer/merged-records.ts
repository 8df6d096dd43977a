import type { TransactionEntry } from '@tidemark/schemas/commit-stream.ts'
import type { FetchQueue } from './fetch-queue.ts'
import type { Found, PartReader } from './part-reader.ts'
import { conflict } from './rebuilder.ts'

export interface MergedPart {
  reader: PartReader
  count: number
}

/**
 * The records of one huge transaction, merged by their number while they are fetched: `next` stops at the part whose
 * head is next. Holds nothing but the heads.
 */
export class MergedRecords {
  /** After 'record': take the record at its head. After 'wait' and 'missing': the part it is about. */
  part: PartReader | null = null
  incomplete = false
  private readonly entry: TransactionEntry
  private parts: PartReader[]
  private last = -1

  constructor(entry: TransactionEntry, epoch: number, parts: readonly MergedPart[], since: number) {
    this.entry = entry
    this.parts = parts.map(({ reader, count }) => {
      reader.begin(epoch, entry.sequence, count, since, true)
      return reader
    })
  }

  /** Partitions with records still to come. */
  get queues(): FetchQueue[] {
    return this.parts.map(part => part.cursor.queue)
  }

  /** Throws RECORDS_CONFLICTING, RECORD_BATCH_INVALID, HEADER_INVALID. */
  next(): 'record' | 'wait' | 'missing' | 'end' {
    let lowest: PartReader | null = null
    let stuck: Exclude<Found, 'record'> | null = null
    for (const part of this.parts) {
      const found = part.find()
      if (found !== 'record') {
        if (stuck === null) this.part = part
        stuck ??= found
        continue
      }
      if (lowest === null || part.cursor.header.record < lowest.cursor.header.record) lowest = part
      // Numbers are dense: when all topics are wanted, the other parts need not be looked at, nor waited for.
      if (part.cursor.header.record === this.last + 1) break
    }
    if (stuck !== null && lowest?.cursor.header.record !== this.last + 1) return stuck
    if (lowest === null) return 'end'
    this.check(lowest)
    this.part = lowest
    return 'record'
  }

  /** Passes the record `next` stopped at. */
  took(): void {
    const part = this.part!
    this.last = part.cursor.header.record
    part.took()
    if (part.done) this.parts = this.parts.filter(other => other !== part)
  }

  /** Leaves the part that is stuck as it is: the transaction is incomplete. */
  skipMissing(): void {
    this.incomplete = true
    this.parts = this.parts.filter(part => part !== this.part)
  }

  private check(part: PartReader): void {
    const { record } = part.cursor.header
    if (record >= this.entry.records) throw conflict(part, this.entry, `is ${record}, of ${this.entry.records}`)
    if (part.disordered) {
      throw conflict(part, this.entry, `${record} was found only by a scan, after later ones were handed over`)
    }
    if (record <= this.last) throw conflict(part, this.entry, `${record} stands in another part as well`)
  }
}
