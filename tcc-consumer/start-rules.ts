import type { Commits, Known } from '@tidemark/schemas/commit-stream.ts'
import type { Bookmark } from '@tidemark/schemas/bookmark.ts'
import { EpochFold } from '@tidemark/schemas/stream-fold.ts'
import { isTidemarkError, TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { findBookmark } from './bookmark-place.ts'
import type { CommitStreamLog, PlacedRecord } from './commit-stream-log.ts'
import { isVoid } from './commit-stream-reader.ts'
import type { StartPoint } from './start-point.ts'

/** Where to start, once options and group are looked at. `offset`: a group's offset that has no bookmark with it. */
export type From =
  | { type: 'earliest' }
  | { type: 'latest' }
  | { type: 'time'; timeMs: number }
  | { type: 'offset'; offset: number }
  | { type: 'bookmark'; bookmark: Bookmark }

/** Records looked through for the first claim or genesis. */
const identityRecordsMax = 10_000

/**
 * Finds the start point of `from` in a stream that is not empty (specification, "Reading": start). A mirrored stream is
 * read from its log start, because the offsets written in it are those of the origin.
 * Throws BOOKMARK_FOREIGN, BOOKMARK_VOID, BOOKMARK_UNNAMED, STREAM_TRIMMED, STREAM_TRUNCATED, CLAIM_MISSING,
 * COMMIT_STREAM_INVALID.
 */
export async function findStart(log: CommitStreamLog, from: From, mirrored: boolean): Promise<StartPoint> {
  for (;;) {
    const bounds = await log.bounds()
    try {
      return await findStartWithin(log, bounds, from, mirrored)
    } catch (error) {
      // What was looked at may have been trimmed away meanwhile.
      if (!isTidemarkError(error, 'STREAM_TRIMMED') || (await log.bounds()).start === bounds.start) throw error
    }
  }
}

async function findStartWithin(
  log: CommitStreamLog,
  { start, end }: Bounds,
  from: From,
  mirrored: boolean
): Promise<StartPoint> {
  const stream = await streamId(log, start, end)
  switch (from.type) {
    case 'earliest':
      return { ...beginning(stream, start), passesAged: true }
    case 'latest':
      return startAt(log, stream, { start, end }, end, mirrored)
    case 'time': {
      const offset = await log.offsetAtTime(from.timeMs)
      return startAt(log, stream, { start, end }, offset ?? end, mirrored)
    }
    case 'offset':
      return startAt(log, stream, { start, end }, within(from.offset, start, end, log.topic), mirrored)
    case 'bookmark':
      return startAtBookmark(log, stream, { start, end }, from.bookmark, mirrored)
  }
}

/** Id of the stream: a stream begins with its genesis or, once trimmed, with a claim. Throws COMMIT_STREAM_INVALID. */
export async function streamId(log: CommitStreamLog, start: number, end: number): Promise<number> {
  for await (const { record } of log.scan(start, Math.min(end, start + identityRecordsMax))) {
    if (record.type !== 'commits') return record.stream
  }
  throw new TidemarkError('COMMIT_STREAM_INVALID', {
    message: 'the commit stream begins with neither a genesis nor a claim',
    place: `${log.topic} offset ${start}`
  })
}

function beginning(stream: number, offset: number): StartPoint {
  return {
    stream,
    offset,
    known: { epoch: 0 },
    sequence: null,
    sequenceEpoch: 0,
    sequenceOffset: offset,
    entriesRead: 0,
    firstRecord: 0,
    belowLogStart: false,
    passesAged: false
  }
}

interface Bounds {
  start: number
  end: number
}

/** Takes the first record at `offset`, goes back to what its writer knew, and reads forward to `offset` again. */
async function startAt(
  log: CommitStreamLog,
  stream: number,
  { start, end }: Bounds,
  offset: number,
  mirrored: boolean
): Promise<StartPoint> {
  const origin: Known = { offset: start, epoch: 0, claim: 0 }
  const there = mirrored ? null : await recordNear(log, offset, start, end)
  let from = there === null || there.record.known.offset <= start ? origin : there.record.known
  for (;;) {
    const fold = new PreludeFold(from)
    const first = await fold.readTo(log, offset)
    if (fold.sequence !== null || from.offset <= start) {
      return { ...beginning(stream, start), ...fold.reached(), offset }
    }
    // No valid entry between: what the first record's writer knew is further back.
    const earlier = first ?? (await log.at(from.offset, end))
    const known = earlier?.record.known ?? origin
    from = known.offset < from.offset ? known : await stepBack(log, from.offset, origin, end)
  }
}

/** The record at `offset`; at the end of the stream the last one. */
async function recordNear(
  log: CommitStreamLog,
  offset: number,
  start: number,
  end: number
): Promise<PlacedRecord | null> {
  for (let back = 0; ; back = back * 2 + 1) {
    const from = Math.max(start, offset - back)
    const found = await log.at(from, end)
    if (found !== null || from === start) return found
  }
}

/** A writer that had read all before its record says nothing of what is further back: the record before it may. */
async function stepBack(log: CommitStreamLog, offset: number, origin: Known, end: number): Promise<Known> {
  if (offset - 1 <= origin.offset) return origin
  const before = await recordNear(log, offset - 1, origin.offset, end)
  return before === null || before.record.known.offset >= offset ? origin : before.record.known
}

/** Epoch and last sequence of the stream up to an offset. */
class PreludeFold {
  sequence: number | null = null
  private sequenceEpoch = 0
  private sequenceOffset: number
  private readonly from: number
  private readonly epochs: EpochFold

  constructor(known: Known) {
    this.from = known.offset
    this.sequenceOffset = known.offset
    this.epochs = new EpochFold(known)
  }

  /** Returns the first record read. */
  async readTo(log: CommitStreamLog, offset: number): Promise<PlacedRecord | null> {
    let first: PlacedRecord | null = null
    for await (const found of log.scan(this.from, offset)) {
      first ??= found
      this.visit(found, log.topic)
    }
    return first
  }

  reached(): Pick<StartPoint, 'known' | 'sequence' | 'sequenceEpoch' | 'sequenceOffset'> {
    const { sequence, sequenceEpoch, sequenceOffset } = this
    return { known: { epoch: this.epochs.epoch }, sequence, sequenceEpoch, sequenceOffset }
  }

  private visit({ offset, record }: PlacedRecord, topic: string): void {
    switch (record.type) {
      case 'genesis':
        return this.reach(0, 0, offset)
      case 'claim':
        this.epochs.claim(record)
        return
      case 'commits':
        if (isVoid(this.epochs, record.epoch, `${topic} offset ${offset}`)) return
        return this.visitCommits(record, offset)
    }
  }

  /** In a mirror an entry may be repeated: the highest counts. */
  private visitCommits({ epoch, entries }: Commits, offset: number): void {
    for (const entry of entries) {
      if (entry.type !== 'transaction' && entry.type !== 'state') continue
      if (this.sequence === null || epoch > this.sequenceEpoch || entry.sequence >= this.sequence) {
        this.reach(entry.sequence, epoch, offset)
      }
    }
  }

  private reach(sequence: number, epoch: number, offset: number): void {
    this.sequence = sequence
    this.sequenceEpoch = epoch
    this.sequenceOffset = offset
  }
}

async function startAtBookmark(
  log: CommitStreamLog,
  stream: number,
  { start, end }: Bounds,
  bookmark: Bookmark,
  mirrored: boolean
): Promise<StartPoint> {
  if (bookmark.stream !== stream) throw foreign(bookmark, stream, log.topic)
  const done = {
    sequence: bookmark.record > 0 ? bookmark.sequence - 1 : bookmark.sequence,
    sequenceEpoch: bookmark.epoch,
    sequenceOffset: bookmark.offset,
    firstRecord: bookmark.record
  }
  if (mirrored) return { ...beginning(stream, start), ...done }
  if (bookmark.offset < start) return { ...beginning(stream, start), ...done, belowLogStart: true }
  within(bookmark.offset + 1, start, end, log.topic)
  const { offset, entriesRead } = await findBookmark(log, bookmark, end)
  const known = { epoch: bookmark.epoch }
  return { ...beginning(stream, offset), ...done, sequenceOffset: offset, known, entriesRead }
}

function within(offset: number, start: number, end: number, topic: string): number {
  if (offset > end) {
    throw new TidemarkError('STREAM_TRUNCATED', {
      message: `the commit stream ends at offset ${end}, and offset ${offset} was read before: its end has been lost`,
      place: topic
    })
  }
  if (offset >= start) return offset
  throw new TidemarkError('STREAM_TRIMMED', {
    message: `the commit stream begins at offset ${start} now, offset ${offset} is to be read`,
    place: topic
  })
}

function foreign(bookmark: Bookmark, stream: number, topic: string): TidemarkError {
  return new TidemarkError('BOOKMARK_FOREIGN', {
    message: `the bookmark is of stream ${bookmark.stream}, this commit stream is ${stream}`,
    place: topic
  })
}
