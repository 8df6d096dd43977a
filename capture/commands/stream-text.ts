import type { SubscriptionConfiguration } from '../config/configuration.ts'
import { durationText } from '../config/duration.ts'
import type { StreamExtent } from '../ownership/stream-extent.ts'

/** What a commit stream still holds, and for how long. */
export interface StreamStanding extends StreamExtent {
  topic: string
  /** null: for ever. */
  retentionSeconds: number | null
}

export function streamStanding(
  { commitStream, commitStreamRetentionMs: retentionMs }: SubscriptionConfiguration,
  extent: StreamExtent | null | undefined
): StreamStanding | null {
  if (extent === null || extent === undefined) return null
  return { topic: commitStream, ...extent, retentionSeconds: retentionMs === null ? null : retentionMs / 1000 }
}

/** `1234 records since 2026-11-20T08:00Z (offset 17 on), oldest transaction 5 of 2026-11-20T08:01Z, kept 30d` */
export function streamText(stream: StreamStanding | null): string {
  if (stream === null) return 'unknown'
  const { records, since, begin, oldest, retentionSeconds } = stream
  const parts = [`${records} ${records === 1 ? 'record' : 'records'} since ${minuteText(since)} (offset ${begin} on)`]
  if (oldest !== null) parts.push(`oldest transaction ${oldest.sequence} of ${minuteText(oldest.commitTime)}`)
  parts.push(retentionSeconds === null ? 'kept for ever' : `kept ${durationText(retentionSeconds * 1000)}`)
  return parts.join(', ')
}

function minuteText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16)}Z`
}
