import { RecordReader } from '@tidemark/kafka/record-batch/record-reader.ts'
import { placed, type PlacedRecord } from './commit-stream-log.ts'
import { FetchQueue } from './fetch-queue.ts'

/** The commit stream's records as the prefetch brings them. */
export class CommitStreamFeed {
  readonly queue: FetchQueue
  private readonly records = new RecordReader()

  constructor(topic: string, offset: number) {
    this.queue = new FetchQueue(topic, 0)
    this.queue.seek(offset)
  }

  /** The next record; null when none has been fetched. Throws RECORD_BATCH_INVALID, COMMIT_STREAM_INVALID. */
  next(): PlacedRecord | null {
    while (!this.records.next()) {
      const chunk = this.queue.take()
      if (chunk === null) return null
      this.records.reset(chunk.bytes, chunk.from, `${this.queue.topic}/0`)
    }
    return placed(this.records, this.queue.topic)
  }

  /** Records above the log's start were trimmed before they were read: goes on at the start. */
  followTrim(): void {
    this.queue.seek(this.queue.logStart)
  }
}
