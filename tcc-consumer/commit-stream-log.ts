import type { CommitStreamRecord } from '@tidemark/schemas/commit-stream.ts'
import { decodeCommitStreamRecord } from '@tidemark/schemas/commit-stream-codec.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { LogReader } from '@tidemark/kafka/log-reader.ts'
import { nextFetchOffset } from '@tidemark/kafka/record-batch/batch-reader.ts'
import { RecordReader } from '@tidemark/kafka/record-batch/record-reader.ts'

export interface PlacedRecord {
  offset: number
  record: CommitStreamRecord
}

/** Enough for many records; a batch larger than that is answered whole all the same. */
const fetchBytes = 1 << 20
const fetchWaitMs = 500

/** The commit stream's one partition, looked into here and there. The steady reading goes through the prefetch. */
export class CommitStreamLog {
  /** As the broker names it. */
  readonly topic: string
  private readonly reader: LogReader
  private readonly signal: AbortSignal

  constructor(reader: LogReader, topic: string, signal: AbortSignal) {
    this.reader = reader
    this.topic = topic
    this.signal = signal
  }

  bounds(): Promise<{ start: number; end: number }> {
    return this.reader.bounds(this.topic, 0)
  }

  offsetAtTime(time: number): Promise<number | null> {
    return this.reader.offsetAtTime(this.topic, 0, time)
  }

  /**
   * The records of [from, to) in order. Throws STREAM_TRIMMED when the beginning of the stream was removed up to behind
   * them, STREAM_TRUNCATED when they are not there, COMMIT_STREAM_INVALID.
   */
  async *scan(from: number, to: number): AsyncGenerator<PlacedRecord> {
    const records = new RecordReader()
    while (from < to) {
      const batches = await this.fetch(from)
      if (batches === null) continue
      // Asked for alone, a partition that answers nothing below its end holds nothing more.
      if (batches.length === 0) return
      records.reset(batches, from, `${this.topic}/0`)
      while (records.next() && records.offset < to) yield placed(records, this.topic)
      from = nextFetchOffset(batches, from)
    }
  }

  /** The records from `offset` to the end, or from the beginning of the stream where that was trimmed to behind `offset`. */
  async *rest(offset: number): AsyncGenerator<PlacedRecord> {
    const { start, end } = await this.bounds()
    yield* this.scan(Math.max(offset, start), end)
  }

  /** The record at `offset` or the first after it, below `end`; null when there is none. */
  async at(offset: number, end: number): Promise<PlacedRecord | null> {
    for await (const found of this.scan(offset, end)) return found
    return null
  }

  /** Null when the leader has not answered yet. */
  private async fetch(offset: number): Promise<Buffer | null> {
    const request = { topic: this.topic, partition: 0, offset, bytesMax: fetchBytes }
    const [answer] = await this.reader.fetch([request], fetchWaitMs, this.signal)
    this.signal.throwIfAborted()
    if (answer === undefined) return null
    if (!answer.outOfRange && (answer.batches.length > 0 || offset < answer.highWatermark)) return answer.batches
    await this.confirmHeld(offset)
    return null
  }

  /**
   * A leader just elected may not know its high watermark yet and answer a Fetch with a lower one; asked for its bounds
   * it waits until it knows (KIP-207). So only bounds tell that the stream was cut.
   */
  private async confirmHeld(offset: number): Promise<void> {
    const { start, end } = await this.bounds()
    if (start <= offset && offset < end) return
    throw new TidemarkError(start > offset ? 'STREAM_TRIMMED' : 'STREAM_TRUNCATED', {
      message: `offset ${offset} of the commit stream is gone: it holds ${start} to ${end}`,
      place: this.topic
    })
  }
}

/** The record `records` stands at. Throws COMMIT_STREAM_INVALID. */
export function placed(records: RecordReader, topic: string): PlacedRecord {
  const { offset, value } = records
  if (value !== null) return { offset, record: decodeCommitStreamRecord(value, topic, offset, true) }
  throw new TidemarkError('COMMIT_STREAM_INVALID', {
    message: 'a record of the commit stream has no value',
    place: `${topic} offset ${offset}`
  })
}
