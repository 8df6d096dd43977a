/** Raw bytes of one partition, from a Fetch. */
export interface FetchedPartition {
  topic: string
  partition: number
  /** Whole record batches; the first may begin before the offset asked for. Empty when nothing is there yet. */
  batches: Buffer
  /** Offset after the last record readable at the leader when it answered. */
  highWatermark: number
  /** First offset the partition still has. */
  logStart: number
  /** The offset asked for is below `logStart` or above the end: nothing was fetched. */
  outOfRange: boolean
  /**
   * Only with `leaderEpoch` in the request: the leader's log does not have the batch read before `offset`, for that epoch
   * it ends here. Records acknowledged before were lost, or the topic is another one. Nothing was fetched.
   */
  divergesAt?: number
}

export interface FetchRequest {
  topic: string
  partition: number
  offset: number
  bytesMax: number
  /** Leader epoch of the last batch read before `offset` (it stands in the batch's head): has the log checked (KIP-320). */
  leaderEpoch?: number
}

/**
 * Reading partitions by offset, as the commit stream's writer and the TCC client need it. Implementations find leaders,
 * follow leader changes and retry what can be retried; they throw TOPIC_MISSING, KAFKA_UNREACHABLE,
 * KAFKA_AUTHENTICATION, KAFKA_AUTHORIZATION.
 */
export interface LogReader {
  /** First offset and offset after the last (high watermark), asked of the leader now. */
  bounds(topic: string, partition: number): Promise<{ start: number; end: number }>
  /** First offset whose record timestamp (ms) is at or after `time`; null when none is. */
  offsetAtTime(topic: string, partition: number, time: number): Promise<number | null>
  /**
   * Waits up to `waitMs` until something can be had of any of the partitions; longer only while no leader answers at all.
   * At most one answer per request, in any order: none where the leader has not answered yet. Every answer was asked of
   * the leader after this call, so `highWatermark` is as new as the call. Calls may run side by side.
   */
  fetch(requests: readonly FetchRequest[], waitMs: number, signal?: AbortSignal): Promise<FetchedPartition[]>
  close(): Promise<void>
}
