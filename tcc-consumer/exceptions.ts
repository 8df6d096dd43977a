import type { TransactionEntry } from '@tidemark/schemas/commit-stream.ts'
import { EpochFold } from '@tidemark/schemas/stream-fold.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { agedHorizon } from './aged-horizon.ts'
import { isVoid, type UnexplainedGap } from './commit-stream-reader.ts'
import type { FetchQueue } from './fetch-queue.ts'
import { missingRecords } from './missing-records.ts'
import type { PartReader } from './part-reader.ts'
import type { Rebuilder } from './rebuilder.ts'
import type { SequenceGap } from './sequence-gap.ts'
import { streamId } from './start-rules.ts'
import type { TransactionReader } from './transaction-reader.ts'

/** Between two looks at a partition that ends too early. */
const lookAgainMs = 100

/** What a reader does where the plain way ends: waits, passes over with leave, or names the error. */
export class Exceptions {
  /** Records are named that their partition does not have yet. */
  isWaiting = false
  private readonly reader: TransactionReader
  private waitingSince = 0
  /** Transactions below it lack records, as far as a search found. */
  private horizon = 0
  private aged: { first: number; last: number } | null = null

  constructor(reader: TransactionReader) {
    this.reader = reader
  }

  /** Whether the transaction belongs to what aged out before the start; the gap is surfaced with the first complete one. */
  passesOver(entry: TransactionEntry): boolean {
    if (this.aged === null) return false
    if (entry.sequence >= this.horizon) return false
    this.aged.last = entry.sequence
    return true
  }

  /** Looks for a Loss that names the gap. Throws SEQUENCE_GAP, STREAM_TRIMMED. */
  async explainGap(gap: UnexplainedGap): Promise<void> {
    await this.searchLoss(gap.first, gap.last)
    if (this.reader.stream.loss(gap.first, gap.last) === null) throw this.reader.stream.gapError(gap)
  }

  /** The commit stream ends below what was read of it. Throws STREAM_RECREATED, STREAM_TRUNCATED. */
  async streamCut({ fetchOffset, highWatermark, divergesAt }: FetchQueue): Promise<never> {
    const { log, start } = this.reader
    const bounds = await log.bounds()
    const stream = bounds.end > bounds.start ? await streamId(log, bounds.start, bounds.end) : null
    const message =
      divergesAt < 0
        ? `the commit stream ends at offset ${highWatermark}, it was read up to ${fetchOffset}`
        : `the commit stream, read up to offset ${fetchOffset}, has become another one from offset ${divergesAt} on`
    throw new TidemarkError(stream === start.stream ? 'STREAM_TRUNCATED' : 'STREAM_RECREATED', {
      message: stream === start.stream ? `${message}: its end has been lost` : `${message}: it is another stream now`,
      place: log.topic
    })
  }

  /** The part that is stuck cannot be read to its count. Throws RECORDS_MISSING. */
  async recordsMissing(rebuilder: Rebuilder, entry: TransactionEntry): Promise<void> {
    const part = rebuilder.stuck!
    const error = await this.settleMissing(entry, part, () => rebuilder.skipMissing())
    if (error !== null) return this.reader.finishEntry()
    if (part.isAbsent && !rebuilder.incomplete) await this.openAgain(rebuilder)
  }

  /** What a reader from `earliest` did not get before its first transaction; null when nothing. */
  startGap(): SequenceGap | null {
    const { firstKnown } = this.reader.stream
    if (!this.mayPassAged() || (this.aged === null && firstKnown === 0)) return null
    return {
      kind: 'start',
      firstSequence: firstKnown > 0 ? 1 : this.aged!.first,
      lastSequence: Math.max(this.aged?.last ?? 0, firstKnown),
      reason: 'older than what the topics keep',
      acceptedBy: null
    }
  }

  /** A large transaction is not begun where a part of it has been cut before the start. */
  isAged(entry: TransactionEntry, readers: readonly (PartReader | null)[]): boolean {
    if (!this.mayPassAged()) return false
    const cut = entry.counts.some(({ part }) => {
      const reader = readers[part]
      return reader ? this.hasAged(reader) : false
    })
    if (!cut) return false
    this.passAged(entry)
    this.reader.finishEntry()
    return true
  }

  /**
   * Decides over records that are not there. Null: go on with this transaction, later or without them (`skip` was
   * called). An error: go on with the next transaction, leave for it was given. Throws RECORDS_MISSING without leave.
   */
  async settleMissing(entry: TransactionEntry, part: PartReader, skip: () => void): Promise<TidemarkError | null> {
    const { options, stream, parts } = this.reader
    if (part.sign !== 'above' && (await this.waits(part))) return null
    const late = options.mirrored && part.sign !== 'above'
    const error = missingRecords(entry, stream.commits!.epoch, parts.openPart(part), late)
    this.isWaiting = false
    if (options.allowIncomplete) {
      skip()
      return null
    }
    if (await this.hasLeave(entry, part)) return error
    throw error
  }

  /** Whether it is too early to call the end of the partition its end. */
  private async waits(part: PartReader): Promise<boolean> {
    const { options, prefetch, signal } = this.reader
    const { clock } = options
    if (!this.isWaiting) this.waitingSince = clock.steadyMs()
    this.isWaiting = true
    const left = this.waitingSince + this.limitMs() - clock.steadyMs()
    if (left <= 0) return false
    await clock.delay(Math.min(left, lookAgainMs), signal)
    part.confirmEnd(prefetch.issued)
    return true
  }

  private limitMs(): number {
    const { mirrored, lateAfterMs, missingAfterMs } = this.reader.options
    return mirrored ? lateAfterMs : missingAfterMs
  }

  private async hasLeave(entry: TransactionEntry, part: PartReader): Promise<boolean> {
    const { sequence } = entry
    await this.searchLoss(sequence, sequence)
    const loss = this.reader.stream.loss(sequence, sequence)
    if (loss !== null) this.reader.passOver(loss)
    else if (!this.mayPassAged() || !this.hasAged(part)) return false
    else {
      this.passAged(entry)
      this.horizon = Math.max(this.horizon, await this.searchHorizon())
    }
    return true
  }

  /** A Loss stands behind what it names: looks through the rest of the stream for one. */
  private async searchLoss(first: number, last: number): Promise<void> {
    const { log, stream } = this.reader
    if (stream.loss(first, last) !== null) return
    const epochs = new EpochFold({ epoch: stream.epoch })
    for await (const { offset, record } of log.rest(stream.offset)) {
      if (record.type === 'claim') epochs.claim(record)
      if (record.type !== 'commits' || isVoid(epochs, record.epoch, `${log.topic} offset ${offset}`)) continue
      for (const entry of record.entries) if (entry.type === 'loss') stream.foundLater(entry)
    }
  }

  /** Only a reader from `earliest` that has handed over nothing yet goes past what aged out. */
  private mayPassAged(): boolean {
    return this.reader.start.passesAged && this.reader.counts.transactions === 0
  }

  /** Its partition does not reach back to where the commit stream named it. On a mirror offsets tell less. */
  private hasAged(part: PartReader): boolean {
    const { logStart } = part.cursor.queue
    if (this.reader.options.mirrored) return part.sign === 'above' && logStart > 0
    return logStart > this.reader.parts.openPart(part).hint
  }

  private passAged({ sequence }: TransactionEntry): void {
    if (this.aged === null) this.aged = { first: sequence, last: sequence }
    else this.aged.last = sequence
  }

  private searchHorizon(): Promise<number> {
    const { log, options, start, stream, signal, parts } = this.reader
    return agedHorizon({
      log,
      reader: options.reader,
      stream: start.stream,
      offset: stream.offset,
      epoch: stream.epoch,
      wants: part => parts.wants(part),
      readTopic: topic => options.topicNames.get(topic) ?? topic,
      signal
    })
  }

  private async openAgain(rebuilder: Rebuilder): Promise<void> {
    const { parts, stream } = this.reader
    await parts.open(parts.unopened(stream.commits!), stream.commits!)
    rebuilder.restartPart()
  }
}
