import type { CommitStreamLog } from './commit-stream-log.ts'
import type { OwnWrites } from './own-writes.ts'

/** How the beginning of a commit stream is removed. */
export interface Trimming {
  /** What was written longer ago may go. */
  retentionMs: number
  /** An ownership this old gives way to a new one, with a claim to which the stream can be trimmed later. */
  renewMs: number
  /** Removes the records of the commit stream below `offset`. */
  deleteBefore(offset: number): Promise<unknown>
}

const dayMs = 86_400_000
/** So often within the retention: the stream keeps that part of it too long at most. */
const renewalsEach = 8

/** A claim a day; more where less than eight days are kept. */
export function renewalMs(retentionMs: number): number {
  return Math.min(dayMs, Math.ceil(retentionMs / renewalsEach))
}

/**
 * Removes what was written before the retention (specification, section 7), once the owner's own first State is known
 * valid. Resolves with the stream's new begin, null when nothing goes. `now`: ms since the Unix epoch. Throws what
 * `deleteBefore` throws, KAFKA_UNREACHABLE, STREAM_TRIMMED.
 *
 * It does no harm late, twice or after the owner was superseded: that a claim is valid, and that the first valid
 * Commits behind it begins with a State, does not change any more.
 */
export async function trim(
  log: CommitStreamLog,
  own: OwnWrites,
  { retentionMs, deleteBefore }: Trimming,
  now: number
): Promise<number | null> {
  const offset = await trimTarget(log, own, now - retentionMs)
  if (offset !== null) await deleteBefore(offset)
  return offset
}

/**
 * Offset of the last claim known to be valid that was written at or before `time` (ms); null when the stream begins
 * there. Claims carry the time of writing, and so tell how old everything before them is; Commits need not.
 */
export async function trimTarget(log: CommitStreamLog, own: OwnWrites, time: number): Promise<number | null> {
  const { start } = await log.bounds()
  const last = own.known.offset - 1
  const later = await log.offsetAtTime(time + 1)
  const there = await log.at(Math.max(start, Math.min(later ?? last, last)))
  // Its writer had read up to there, and names the claim that counted.
  const { claim, epoch } = there.record.known
  if (epoch === 0 || claim <= start) return null
  const { record, timestamp } = await log.at(claim)
  return record.type === 'claim' && record.epoch === epoch && timestamp <= time ? claim : null
}
