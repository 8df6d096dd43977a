import type { PartitionMetadata } from './metadata-request.ts'

export interface FetchAsk {
  topic: string
  partition: number
  offset: number
  bytesMax: number
  /** As metadata gave it: a broker that is no longer leader, or not yet, says so. -1 not checked. */
  currentLeaderEpoch: number
  /** Of the last batch read before `offset`: the leader checks that its log has it. -1 not checked. */
  lastFetchedEpoch: number
}

export interface FetchLimits {
  waitMs: number
  /** Of the whole answer. */
  bytesMax: number
}

export interface FetchAnswer {
  topic: string
  partition: number
  /** Kafka error code, 0 = read. */
  error: number
  highWatermark: number
  logStart: number
  batches: Buffer
  /** The leader's log does not have what was read before: for that epoch it ends here. */
  divergesAt: number | null
}

/** What the fetcher asks of the cluster; the fetcher owns waiting, retries and what an answer means. */
export interface FetchWire {
  /** From metadata that `forget` makes stale. Throws TOPIC_MISSING, TOPIC_RECREATED, KAFKA_UNREACHABLE and so on. */
  leader(topic: string, partition: number): Promise<PartitionMetadata>
  /** Metadata of the topic is to be asked again. */
  forget(topic: string): void
  /** One Fetch. Rejects with KAFKA_UNREACHABLE when the broker does not answer. */
  fetch(node: number, asks: readonly FetchAsk[], limits: FetchLimits): Promise<FetchAnswer[]>
  /** First offset, offset after the last record, or of the first record at or after a time (ms); -1 when none is. */
  offset(topic: string, partition: number, at: 'earliest' | 'latest' | number): Promise<number>
}
