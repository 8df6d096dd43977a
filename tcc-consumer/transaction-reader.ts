import type { Clock } from '@tidemark/kafka/clock.ts'
import type { LogReader } from '@tidemark/kafka/log-reader.ts'
import type { Bookmark } from '@tidemark/schemas/bookmark.ts'
import type { Commits, PartCount, TransactionEntry } from '@tidemark/schemas/commit-stream.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { CommitStreamFeed } from './commit-stream-feed.ts'
import type { CommitStreamLog } from './commit-stream-log.ts'
import { CommitStreamReader } from './commit-stream-reader.ts'
import { Exceptions } from './exceptions.ts'
import type { FetchQueue } from './fetch-queue.ts'
import { LargeTransaction } from './large-transaction.ts'
import { MergedRecords } from './merged-records.ts'
import type { PartReader } from './part-reader.ts'
import { PartitionSet } from './partition-set.ts'
import { Prefetch } from './prefetch.ts'
import { Rebuilder, wantedRecords } from './rebuilder.ts'
import type { SequenceGap } from './sequence-gap.ts'
import type { StartPoint } from './start-point.ts'
import { Turns } from './turns.ts'
import { ConsumedTransaction, type RecordSource } from './consumed-transaction.ts'

export interface TransactionReaderOptions {
  reader: LogReader
  /** As the broker names it. */
  commitStream: string
  /** Null: all topics. */
  topics: ReadonlySet<string> | null
  /** Name at the broker by name in the commit stream, where they differ. */
  topicNames: ReadonlyMap<string, string>
  /** The cluster is a mirror: offsets in the stream are not its own, and data may come later than its entry. */
  mirrored: boolean
  bufferBytes: number
  wholeUpToBytes: number
  allowIncomplete: boolean
  fetchWaitMs: number
  /** How long the end of a partition must stay before a count before it: a new leader may know less for a moment. */
  missingAfterMs: number
  /** The same on a mirror, where it is the limit of being late. */
  lateAfterMs: number
  clock: Clock
  onGap: (gap: SequenceGap) => void
}

/** Everything up to `sequence` was handed over or holds nothing wanted. */
export interface Place {
  bookmark: Bookmark
  /** Offset of the commit-stream record to read next. */
  nextOffset: number
}

/**
 * Whole transactions out of the commit stream and its partitions. `take` works without waiting as far as the fetched
 * bytes reach; when it gives null, `more` waits for what it needs.
 */
export class TransactionReader {
  readonly options: TransactionReaderOptions
  readonly start: StartPoint
  readonly log: CommitStreamLog
  readonly stream: CommitStreamReader
  readonly prefetch: Prefetch
  readonly turns: Turns
  readonly parts: PartitionSet
  readonly drops = { duplicates: 0, voidRecords: 0 }
  readonly counts = { transactions: 0, records: 0, gaps: 0 }
  readonly signal: AbortSignal
  /** Commit time of the last transaction handed over, microseconds; null before the first. */
  lastCommitTime: number | null = null
  private readonly feed: CommitStreamFeed
  private readonly rebuilder: Rebuilder
  private readonly exceptions: Exceptions
  private gaps: SequenceGap[] = []
  private entry: TransactionEntry | null = null
  private since = 0
  private large: LargeTransaction | null = null
  private waitingFor: readonly FetchQueue[] = []
  private errand: (() => Promise<void>) | null = null
  private place: Place | null = null

  constructor(options: TransactionReaderOptions, start: StartPoint, log: CommitStreamLog, signal: AbortSignal) {
    this.options = options
    this.start = start
    this.log = log
    this.signal = signal
    this.stream = new CommitStreamReader(log.topic, start)
    const limits = { bufferBytes: options.bufferBytes, waitMs: options.fetchWaitMs }
    this.prefetch = new Prefetch(options.reader, limits, signal)
    this.turns = new Turns(options.clock)
    this.feed = new CommitStreamFeed(log.topic, start.offset)
    this.prefetch.add(this.feed.queue)
    const { reader, topics, topicNames } = options
    const { prefetch, drops } = this
    const { ledger } = this.stream
    this.parts = new PartitionSet({ reader, prefetch, stream: start.stream, ledger, drops, topics, topicNames })
    this.rebuilder = new Rebuilder(options)
    this.exceptions = new Exceptions(this)
    this.settle()
  }

  /** Commit-stream records not read yet, as of the last fetch. */
  get lagRecords(): number {
    return Math.max(0, this.feed.queue.highWatermark - (this.place?.nextOffset ?? this.start.offset))
  }

  /** A partition of a mirror lacks records that are named already. */
  get isLate(): boolean {
    return this.options.mirrored && this.exceptions.isWaiting
  }

  /** Null until the first sequence is known. */
  get reached(): Place | null {
    return this.place
  }

  /**
   * The next transaction, or null: then call `more`. Throws SEQUENCE_GAP, CLAIM_MISSING, STREAM_TRIMMED,
   * STREAM_RECREATED, COMMIT_STREAM_INVALID, EXTENSION_MANDATORY, RECORDS_CONFLICTING, RECORD_BATCH_INVALID, HEADER_INVALID.
   */
  take(): ConsumedTransaction | null {
    while (this.errand === null) {
      const next = this.large !== null ? this.leave(this.large) : this.entry !== null ? this.build() : this.find()
      if (next === 'wait') return null
      if (next !== 'again') return next
    }
    return null
  }

  /** Does what `take` could not do without waiting. Throws RECORDS_MISSING, SEQUENCE_GAP and what the LogReader throws. */
  async more(): Promise<void> {
    const { errand } = this
    await (errand === null ? this.prefetch.answer(this.waitingFor) : errand())
    if (errand !== null) this.errand = null
    this.turns.given()
  }

  /** The entry a large transaction was made of is done with. */
  finishLarge(): void {
    this.large = null
    this.finishEntry()
  }

  wait(queues: readonly FetchQueue[]): 'wait' {
    this.waitingFor = queues
    return 'wait'
  }

  send(errand: () => Promise<void>): 'again' {
    this.errand = errand
    return 'again'
  }

  /** Remembers what was passed over with leave; it goes out with the next transaction. */
  passOver(gap: SequenceGap): void {
    this.counts.gaps++
    this.gaps.push(gap)
    this.options.onGap(gap)
  }

  finishEntry(): void {
    this.entry = null
    this.settle()
  }

  async close(): Promise<void> {
    await this.prefetch.close()
  }

  private find(): ConsumedTransaction | 'again' | 'wait' {
    switch (this.stream.next()) {
      case 'transaction':
        return this.beginEntry(this.stream.entry!, this.stream.commits!)
      case 'gap':
        this.passOver(this.stream.gap!)
        return 'again'
      case 'unexplained':
        return this.send(() => this.exceptions.explainGap(this.stream.unexplained!))
      case 'end':
        this.settle()
        return this.feedNext()
    }
  }

  private feedNext(): 'again' | 'wait' {
    const next = this.feed.next()
    if (next !== null) {
      this.stream.feed(next.offset, next.record)
      return 'again'
    }
    const { queue } = this.feed
    if (!queue.isStopped) return this.wait([queue])
    if (queue.divergesAt >= 0 || queue.logStart <= queue.fetchOffset)
      return this.send(() => this.exceptions.streamCut(queue))
    this.stream.overtaken(this.start.passesAged && this.counts.transactions === 0)
    this.feed.followTrim()
    return this.wait([queue])
  }

  private beginEntry(entry: TransactionEntry, commits: Commits): 'again' {
    const readers = this.parts.of(commits)
    const wanted = this.parts.wantsAll ? entry.records : wantedRecords(entry.counts, readers)
    if ((wanted === 0 && this.options.topics !== null) || this.exceptions.passesOver(entry)) {
      this.settle()
      return 'again'
    }
    this.entry = entry
    this.since = this.prefetch.issued
    this.rebuilder.begin(entry, commits.epoch, readers, wanted, this.since)
    if (allOpen(entry.counts, readers)) return 'again'
    return this.send(() => this.parts.open(this.parts.unopened(commits), commits))
  }

  private build(): ConsumedTransaction | 'again' | 'wait' {
    const step = this.rebuilder.step()
    switch (step) {
      case 'done':
        this.exceptions.isWaiting = false
        return this.handWhole()
      case 'wait':
        return this.wait(this.rebuilder.queues)
      case 'missing':
        return this.send(() => this.exceptions.recordsMissing(this.rebuilder, this.entry!))
      case 'too large':
        return this.handLarge()
    }
  }

  private handWhole(): ConsumedTransaction | 'again' {
    const { rebuilder } = this
    const first = this.firstRecordOf(this.entry!)
    const records = first === 0 ? rebuilder.records : rebuilder.records.filter(record => record.index >= first)
    this.counts.records += records.length
    // One that lacks records is handed over again, empty: that it does may not have been heard of.
    if (first > 0 && records.length === 0 && !rebuilder.incomplete) {
      this.finishEntry()
      return 'again'
    }
    const transaction = this.hand(records, rebuilder.incomplete ? incompleteWhole : completeWhole)
    this.finishEntry()
    return transaction
  }

  private handLarge(): ConsumedTransaction | 'again' {
    const entry = this.entry!
    const readers = this.parts.of(this.stream.commits!)
    if (this.exceptions.isAged(entry, readers)) return 'again'
    const parts = entry.counts.flatMap(({ part, records }) => {
      const reader = readers[part]
      return reader ? [{ reader, count: records }] : []
    })
    const merged = new MergedRecords(entry, this.stream.commits!.epoch, parts, this.since)
    const first = this.firstRecordOf(entry)
    this.large = new LargeTransaction(this, this.exceptions, entry, merged, first)
    // All of it was handed over, but not that it was complete: it is gone through once more.
    return first === entry.records && !this.options.allowIncomplete ? 'again' : this.hand(null, this.large)
  }

  private hand(records: ConsumedTransaction['records'] | null, source: RecordSource): ConsumedTransaction {
    const entry = this.entry!
    const { stream } = this
    const startGap = this.exceptions.startGap()
    if (startGap !== null) this.passOver(startGap)
    const { gaps } = this
    if (gaps.length > 0) this.gaps = []
    this.counts.transactions++
    this.lastCommitTime = entry.commitTime
    const gapsBefore = gaps.length > 0 ? gaps : noGaps
    const { epoch } = stream.commits!
    const first = this.firstRecordOf(entry)
    return new ConsumedTransaction(entry, epoch, this.start.stream, stream.offset, records, source, gapsBefore, first)
  }

  /** What the user left of a large transaction is passed over. */
  private leave(large: LargeTransaction): 'again' | 'wait' {
    return large.drain()
  }

  private firstRecordOf(entry: TransactionEntry): number {
    return this.start.firstRecord > 0 && entry.sequence === this.start.sequence! + 1 ? this.start.firstRecord : 0
  }

  private settle(): void {
    const { stream, start } = this
    const { sequence, sequenceEpoch: epoch, sequenceOffset: offset } = stream
    if (sequence === null) return
    const nextOffset = stream.recordDone ? stream.nextOffset : stream.offset
    if (this.place === null) {
      this.place = { bookmark: { stream: start.stream, epoch, sequence, record: 0, offset }, nextOffset }
      return
    }
    const { bookmark } = this.place
    bookmark.epoch = epoch
    bookmark.sequence = sequence
    bookmark.offset = offset
    this.place.nextOffset = nextOffset
  }
}

function allOpen(counts: readonly PartCount[], readers: readonly (PartReader | null)[]): boolean {
  for (const { part } of counts) if (readers[part]?.isOpen === false) return false
  return true
}

const noGaps: readonly SequenceGap[] = []
const completeWhole = { incomplete: false, next: neverStreamed }
const incompleteWhole = { incomplete: true, next: neverStreamed }

function neverStreamed(): never {
  throw new TidemarkError('INTERNAL', { message: 'a transaction held whole was read from its source' })
}
