import type {
  Commits,
  CommitStreamRecord,
  ExtensionEntry,
  LossEntry,
  StateEntry,
  TransactionEntry
} from '@tidemark/schemas/commit-stream.ts'
import { namedEpoch } from '@tidemark/schemas/named-epoch.ts'
import { EpochFold } from '@tidemark/schemas/stream-fold.ts'
import { isTidemarkError, TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { EpochLedger } from './epoch-ledger.ts'
import { LossRanges } from './loss-ranges.ts'
import type { SequenceGap } from './sequence-gap.ts'
import type { StartPoint } from './start-point.ts'

/** Sequences that neither stand in the stream nor are named by a gap or Loss read so far; inclusive. */
export interface UnexplainedGap {
  first: number
  last: number
}

export type Stop = 'transaction' | 'gap' | 'unexplained' | 'end'

/**
 * The reading rules of the commit stream (specification, "Reading"), as a pure fold: `feed` it the records in offset
 * order, and `next` stops at each transaction the stream validly names, in order, each once.
 */
export class CommitStreamReader {
  /** After `next` gave 'transaction': its entry, the record it stands in and that record's offset. */
  entry: TransactionEntry | null = null
  commits: Commits | null = null
  offset: number
  /** After 'gap'. */
  gap: SequenceGap | null = null
  /** After 'unexplained': call `explain` or throw `gapError`. */
  unexplained: UnexplainedGap | null = null
  /** Which sequences each epoch validly named. */
  readonly ledger = new EpochLedger()
  /** Commit records of superseded owners. */
  voidCommits = 0
  /** Entries that a mirror repeated. */
  repeatedEntries = 0
  /** Sequences up to it stand before what the stream still has; 0 in a stream that was never trimmed. */
  firstKnown = 0
  /** Of the last entry; null until one is known. */
  sequence: number | null
  sequenceEpoch: number
  /** Offset of the record the last entry stands in: where a bookmark of it points. */
  sequenceOffset: number
  /** Where the record after the last one fed is. */
  nextOffset: number
  private readonly topic: string
  private readonly start: StartPoint
  private readonly epochs: EpochFold
  private readonly losses = new LossRanges()
  private lastGap: StateEntry | null = null
  /** Everything up to this sequence was read before what follows it was trimmed away, perhaps; null when nothing was. */
  private trimmedBehind: number | null
  private index = 0

  constructor(topic: string, start: StartPoint) {
    this.topic = topic
    this.start = start
    this.epochs = new EpochFold(start.known)
    this.sequence = start.sequence
    this.sequenceEpoch = start.sequenceEpoch
    this.sequenceOffset = start.sequenceOffset
    this.offset = start.offset
    this.nextOffset = start.offset
    this.trimmedBehind = start.belowLogStart ? start.sequence : null
  }

  /** The current epoch, after the records fed so far. */
  get epoch(): number {
    return this.epochs.epoch
  }

  /** Every entry of the record at `offset` has been gone through. */
  get recordDone(): boolean {
    return this.commits === null || this.index === this.commits.entries.length
  }

  /** Takes the record at `offset`; call when `next` gave 'end'. Throws CLAIM_MISSING, STREAM_RECREATED. */
  feed(offset: number, record: CommitStreamRecord): void {
    this.commits = null
    this.offset = offset
    this.nextOffset = offset + 1
    switch (record.type) {
      case 'genesis':
        this.checkStream(record.stream)
        this.sequence ??= 0
        return
      case 'claim':
        this.checkStream(record.stream)
        this.epochs.claim(record)
        return
      case 'commits':
        return this.feedCommits(record)
    }
  }

  /**
   * The records to be read next have been trimmed away; reading goes on where the stream begins now. `isStart`: nothing
   * was handed over yet, and the reader takes the stream from where it begins. Throws STREAM_TRIMMED.
   */
  overtaken(isStart: boolean): void {
    if (isStart) this.sequence = null
    else if (this.sequence === null) throw this.trimmedError('the place where reading was to begin was')
    this.trimmedBehind = this.sequence
  }

  /** Goes to the next thing a reader must know of. Throws SEQUENCE_GAP, EXTENSION_MANDATORY. */
  next(): Stop {
    while (this.commits !== null && this.index < this.commits.entries.length) {
      const stop = this.visit(this.commits)
      if (stop !== null) return stop
    }
    return 'end'
  }

  /** A Loss found further on in the stream. */
  foundLater(loss: LossEntry): void {
    this.losses.add(loss)
  }

  /** The gap that names the sequences `first` to `last` as lost; null when no Loss known names all of them. */
  loss(first: number, last: number): SequenceGap | null {
    const loss = this.losses.covering(first, last)
    if (loss === null) return null
    const { reason, acceptedBy } = loss
    return { kind: 'loss', firstSequence: first, lastSequence: last, reason, acceptedBy }
  }

  gapError({ first, last }: UnexplainedGap): TidemarkError {
    const missing = first === last ? `transaction ${first} is` : `transactions ${first} to ${last} are`
    if (this.trimmedBehind === this.sequence) return this.trimmedError(missing)
    return new TidemarkError('SEQUENCE_GAP', { message: `${missing} not in the commit stream`, place: this.place() })
  }

  private feedCommits(commits: Commits): void {
    if (isVoid(this.epochs, commits.epoch, this.place())) {
      this.voidCommits++
      return
    }
    this.commits = commits
    this.index = this.offset === this.start.offset ? this.start.entriesRead : 0
  }

  private visit(commits: Commits): Stop | null {
    const entry = commits.entries[this.index]!
    switch (entry.type) {
      case 'transaction':
        return this.visitTransaction(entry, commits)
      case 'state':
        return this.visitState(entry, commits)
      case 'loss':
        this.index++
        this.losses.add(entry)
        return null
      case 'extension':
        this.index++
        return this.visitExtension(entry)
    }
  }

  private visitTransaction(entry: TransactionEntry, { epoch }: Commits): Stop | null {
    const { sequence } = entry
    if (this.sequence !== null && sequence <= this.sequence) {
      if (epoch > this.sequenceEpoch) throw this.reused(sequence)
      this.index++
      this.repeatedEntries++
      return null
    }
    if (this.sequence !== null && sequence > this.sequence + 1) return this.jumpTo(sequence - 1)
    this.index++
    if (this.sequence === null) this.firstKnown = sequence - 1
    this.reach(sequence, epoch)
    this.losses.forget(sequence)
    this.ledger.named(epoch, sequence)
    this.entry = entry
    return 'transaction'
  }

  private visitState(entry: StateEntry, { epoch }: Commits): Stop | null {
    if (entry.reason !== null) return this.visitAcceptedGap(entry, epoch)
    if (this.sequence !== null && entry.sequence < this.sequence) {
      if (epoch > this.sequenceEpoch) throw this.reused(entry.sequence)
    } else {
      if (this.sequence !== null && entry.sequence > this.sequence) return this.jumpTo(entry.sequence)
      this.checkNamed(entry)
      this.firstKnown = this.sequence === null ? entry.sequence : this.firstKnown
      this.reach(entry.sequence, epoch)
    }
    this.index++
    return null
  }

  /** Goes on from where the gap says, even if that is back: its owner answers for it by name. */
  private visitAcceptedGap(entry: StateEntry, epoch: number): Stop | null {
    this.index++
    const before = this.sequence
    const repeated = before !== null && epoch <= this.sequenceEpoch && entry.sequence < before
    if (repeated || (this.lastGap !== null && sameGap(this.lastGap, entry))) return null
    this.lastGap = entry
    this.reach(entry.sequence, epoch)
    const missing = before !== null && entry.sequence > before
    this.gap = {
      kind: 'accepted',
      firstSequence: missing ? before + 1 : null,
      lastSequence: missing ? entry.sequence : null,
      reason: entry.reason ?? '',
      acceptedBy: entry.acceptedBy
    }
    return 'gap'
  }

  private visitExtension(entry: ExtensionEntry): null {
    if (!entry.mandatory) return null
    throw new TidemarkError('EXTENSION_MANDATORY', {
      message: `the commit stream carries an entry of kind \`${entry.kind}\` that must not be skipped`,
      place: this.place()
    })
  }

  /** The entry at `index` says that everything up to `last` was named. It is visited again, with the gap behind it. */
  private jumpTo(last: number): Stop {
    const first = this.sequence! + 1
    this.gap = this.loss(first, last)
    this.unexplained = { first, last }
    if (this.gap !== null) {
      this.sequence = last
      this.sequenceEpoch = this.commits!.epoch
    }
    return this.gap === null ? 'unexplained' : 'gap'
  }

  /** A sequence that was named under a later epoch than the one known here is another transaction's. */
  private checkNamed({ sequence, extensions }: StateEntry): void {
    const named = sequence === this.sequence ? namedEpoch(extensions) : null
    if (named === null || named <= this.sequenceEpoch) return
    throw new TidemarkError('BOOKMARK_VOID', {
      message: `transaction ${sequence} of epoch ${this.sequenceEpoch} is not in the commit stream: another was named ${sequence} in epoch ${named}`,
      place: this.place()
    })
  }

  private reach(sequence: number, epoch: number): void {
    // From here on the stream has all that is looked for.
    this.trimmedBehind = null
    this.sequence = sequence
    this.sequenceEpoch = epoch
    this.sequenceOffset = this.offset
  }

  private trimmedError(missing: string): TidemarkError {
    const message = `${missing} trimmed away from the commit stream before it was read`
    return new TidemarkError('STREAM_TRIMMED', { message, place: this.place() })
  }

  private reused(sequence: number): TidemarkError {
    return new TidemarkError('SEQUENCE_GAP', {
      message:
        `the commit stream goes back from sequence ${this.sequence} to ${sequence}: a later owner did not know of what ` +
        `was read before, so the stream has lost its end once`,
      place: this.place()
    })
  }

  private checkStream(stream: number): void {
    if (stream === this.start.stream) return
    throw new TidemarkError('STREAM_RECREATED', {
      message: `the commit stream has become another one: id ${stream} instead of ${this.start.stream}`,
      place: this.place()
    })
  }

  private place(): string {
    return `${this.topic} offset ${this.offset}`
  }
}

/** Throws CLAIM_MISSING that names the place. */
export function isVoid(epochs: EpochFold, epoch: number, place: string): boolean {
  try {
    return epochs.commits(epoch) === 'void'
  } catch (error) {
    if (!isTidemarkError(error)) throw error
    throw new TidemarkError(error.code, { message: error.message, place, cause: error })
  }
}

function sameGap(one: StateEntry, other: StateEntry): boolean {
  return (
    one.sequence === other.sequence && one.time === other.time && Buffer.compare(one.position, other.position) === 0
  )
}
