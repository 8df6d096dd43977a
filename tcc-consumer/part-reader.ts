import type { EpochLedger } from './epoch-ledger.ts'
import type { PartitionCursor } from './partition-cursor.ts'

/**
 * What `find` met: a record of the transaction at the cursor's head; nothing yet, more must be fetched; or that the
 * partition does not hold the count.
 */
export type Found = 'record' | 'wait' | 'missing'

/** Why a count was not reached: a later record of the stream was met, the end of the partition, or there is none. */
export type MissingSign = 'above' | 'end' | 'absent'

/** The record the commit stream says is at the offset it gave. */
export interface NamedRecord {
  offset: number
  epoch: number
  /** Of the first entry in its Commits that uses the partition, which need not be the one wanted first. */
  sequence: number
}

export interface DropCounts {
  /** Records handed over or passed before, met again. */
  duplicates: number
  /** Records of transactions that were never validly named: their owner was superseded, and another sent them again. */
  voidRecords: number
}

/** Moves through one partition for one transaction after another (specification, "Reading": parts). */
export class PartReader {
  readonly cursor: PartitionCursor
  /** Set at opening: checked against the first record met, null once done. */
  named: NamedRecord | null = null
  isOpen = false
  /** The partition was not there when it was to be opened. */
  isAbsent = false
  /** Records of the transaction found. */
  got = 0
  sign: MissingSign = 'end'
  /** A scan from the log start began after records had been taken: unless streaming, they will be given again. */
  rescanned = false
  private epoch = 0
  private sequence = 0
  private count = 0
  private last = -1
  /** The records taken are with the user already, so a scan must not give them again. */
  private streaming = false
  /** How many those were when a scan began, and the highest of them. */
  private handed = 0
  private handedLast = -1
  private since = 0
  private readonly ledger: EpochLedger
  private readonly drops: DropCounts

  constructor(cursor: PartitionCursor, ledger: EpochLedger, drops: DropCounts) {
    this.cursor = cursor
    this.ledger = ledger
    this.drops = drops
  }

  /**
   * Turns to the transaction of that epoch and sequence, of which the partition holds `count` records. `since` is the
   * number of the last fetch sent before its entry was seen: only the end of a later one counts as the end.
   */
  begin(epoch: number, sequence: number, count: number, since: number, streaming: boolean): void {
    this.streaming = streaming
    this.epoch = epoch
    this.sequence = sequence
    this.count = count
    this.since = since
    this.got = 0
    this.last = -1
    this.handed = 0
    this.handedLast = -1
    this.rescanned = false
  }

  /** All records of the transaction in this partition were taken. */
  get done(): boolean {
    return this.got === this.count
  }

  get missing(): number {
    return this.count - this.got
  }

  /** Throws RECORD_BATCH_INVALID, HEADER_INVALID. */
  find(): Found {
    const { cursor } = this
    const { header } = cursor
    for (;;) {
      if (!cursor.hasHead && !cursor.advance()) return this.exhausted()
      if (this.named !== null && !this.isAsNamed(this.named)) return this.scan()
      if (header.sequence === this.sequence && header.epoch === this.epoch) {
        if (header.record > this.handedLast && header.record > this.last) return 'record'
        this.again()
      } else if (header.epoch > this.epoch || (header.epoch === this.epoch && header.sequence > this.sequence)) {
        return this.absent('above')
      } else if (cursor.settled) {
        this.drop()
      }
      cursor.hasHead = false
    }
  }

  /** A scan met records below those handed over that had not been found before: their order is lost. */
  get disordered(): boolean {
    return this.last <= this.handedLast && this.got > this.handed
  }

  /** Takes the record `find` stopped at. */
  took(): void {
    const { cursor } = this
    this.got = this.last <= this.handedLast ? this.handed + 1 : this.got + 1
    this.last = cursor.header.record
    cursor.settled = true
    cursor.hasHead = false
  }

  /** Looks at the end of the partition anew: only fetches after number `since` count. */
  confirmEnd(since: number): void {
    this.since = since
    this.cursor.queue.outOfRange = false
  }

  /** Reads the partition again from its log start; once per opening. */
  private scan(): Found {
    const { cursor } = this
    cursor.openedByHint = false
    this.named = null
    this.rescanned = this.got > 0
    if (this.streaming) {
      this.handed = this.got
      this.handedLast = this.last
    }
    this.got = 0
    this.last = -1
    cursor.seek(cursor.queue.logStart)
    return 'wait'
  }

  private isAsNamed(named: NamedRecord): boolean {
    const { records, header } = this.cursor
    this.named = null
    return records.offset === named.offset && header.epoch === named.epoch && header.sequence === named.sequence
  }

  /** A record of the transaction at or below the last one: repeated by a mirror, or met again by a scan. */
  private again(): void {
    const { record } = this.cursor.header
    if (record > this.last) {
      this.got++
      this.last = record
    } else this.drops.duplicates++
  }

  private drop(): void {
    const { epoch, sequence } = this.cursor.header
    if (this.ledger.wasNamed(epoch, sequence)) this.drops.duplicates++
    else this.drops.voidRecords++
  }

  private exhausted(): Found {
    const { queue } = this.cursor
    if (this.isAbsent) return this.gone()
    if (!queue.isStopped) return queue.fetchedToEnd(this.since) ? this.absent('end') : 'wait'
    if (queue.divergesAt >= 0) return this.goOnAt(queue.divergesAt)
    // Records were deleted before they were read. Should they be ours, a later one tells.
    return queue.logStart > queue.fetchOffset ? this.goOnAt(queue.logStart) : this.absent('end')
  }

  private goOnAt(offset: number): 'wait' {
    this.named = null
    this.cursor.openedByHint = false
    this.cursor.seek(offset)
    return 'wait'
  }

  private gone(): Found {
    this.sign = 'absent'
    return 'missing'
  }

  private absent(sign: MissingSign): Found {
    if (this.cursor.openedByHint) return this.scan()
    this.sign = sign
    return 'missing'
  }
}
