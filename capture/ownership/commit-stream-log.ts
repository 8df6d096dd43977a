import { BatchBuilder } from '@tidemark/kafka/record-batch/batch-builder.ts'
import { RecordReader } from '@tidemark/kafka/record-batch/record-reader.ts'
import type { LogReader } from '@tidemark/kafka/log-reader.ts'
import type { BatchProducer } from './batch-producer.ts'
import { decodeCommitStreamRecord, encodeCommitStreamRecord } from '@tidemark/schemas/commit-stream-codec.ts'
import type { CommitStreamRecord } from '@tidemark/schemas/commit-stream.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'

/** A record of the commit stream where it stands. */
export interface PlacedRecord {
  offset: number
  /** Milliseconds since the Unix epoch. */
  timestamp: number
  record: CommitStreamRecord
}

const fetchBytesMax = 4_194_304
const fetchWaitMs = 500

/** The commit stream's only partition, read by offset. */
export class CommitStreamLog {
  readonly topic: string
  private readonly reader: LogReader

  constructor(topic: string, reader: LogReader) {
    this.topic = topic
    this.reader = reader
  }

  bounds(): Promise<{ start: number; end: number }> {
    return this.reader.bounds(this.topic, 0)
  }

  /** Offset of the first record dated at or after `time` (ms); null when all are older. */
  offsetAtTime(time: number): Promise<number | null> {
    return this.reader.offsetAtTime(this.topic, 0, time)
  }

  /**
   * Visits the records of [from, to) in order. When they are not to be had: throws STREAM_TRIMMED where the beginning is
   * gone, which an owner may have removed meanwhile, else STREAM_TRUNCATED.
   */
  async scan(from: number, to: number, visit: (placed: PlacedRecord) => void): Promise<void> {
    let next = from
    while (next < to) next = await this.scanOnce(next, to, visit)
  }

  /** The record at `offset`: the commit stream has no holes. Throws STREAM_TRIMMED, STREAM_TRUNCATED when it is not there. */
  async at(offset: number): Promise<PlacedRecord> {
    let found: PlacedRecord | undefined
    await this.scan(offset, offset + 1, placed => {
      found = placed
    })
    if (!found) throw this.truncated(`no record at offset ${offset}`)
    return found
  }

  private async scanOnce(from: number, to: number, visit: (placed: PlacedRecord) => void): Promise<number> {
    const request = { topic: this.topic, partition: 0, offset: from, bytesMax: fetchBytesMax }
    const [answer] = await this.reader.fetch([request], fetchWaitMs)
    if (!answer) return from
    if (answer.outOfRange || answer.highWatermark < to) await this.confirmHeld(from, to)
    const records = new RecordReader()
    records.reset(answer.batches, from, this.topic)
    while (records.next()) {
      if (records.offset >= to) return to
      visit(this.place(records))
    }
    return records.nextOffset
  }

  /**
   * A leader just elected may not know its high watermark yet and answer a Fetch with a lower one; asked for its bounds
   * it waits until it knows (KIP-207). So only bounds tell that the stream was cut.
   */
  private async confirmHeld(from: number, to: number): Promise<void> {
    const { start, end } = await this.bounds()
    if (start <= from && end >= to) return
    const message = `it spans ${start} to ${end}, offset ${from} of ${to} was asked for`
    if (start <= from) throw this.truncated(message)
    throw new TidemarkError('STREAM_TRIMMED', {
      message: `the commit stream was trimmed: ${message}`,
      place: this.topic
    })
  }

  private place(records: RecordReader): PlacedRecord {
    if (records.valueEnd < 0) {
      throw new TidemarkError('COMMIT_STREAM_INVALID', {
        message: 'the commit stream holds a record without a value',
        place: `${this.topic} offset ${records.offset}`
      })
    }
    return {
      offset: records.offset,
      timestamp: records.timestamp,
      record: decodeCommitStreamRecord(
        records.bytes.subarray(records.valueStart, records.valueEnd),
        this.topic,
        records.offset
      )
    }
  }

  private truncated(message: string): TidemarkError {
    return new TidemarkError('STREAM_TRUNCATED', {
      message: `the commit stream was cut: ${message}`,
      place: this.topic
    })
  }
}

/** Appends records to the commit stream; timestamps never fall (starting by time rests on it). */
export class CommitStreamWriter {
  private readonly topic: string
  private readonly key: Buffer
  private readonly session: BatchProducer
  private lastTimestamp: number

  constructor(topic: string, subscription: string, session: BatchProducer, lastTimestamp: number) {
    this.topic = topic
    this.key = Buffer.from(subscription)
    this.session = session
    this.lastTimestamp = lastTimestamp
  }

  /** A record stood before the own claim that was not known when it was made: later ones must not be dated before it. */
  follow(timestamp: number): void {
    this.lastTimestamp = Math.max(this.lastTimestamp, timestamp)
  }

  /** `time`: the latest source time named, at most now, in ms. Resolves with the offset of the first record. */
  async append(records: readonly CommitStreamRecord[], time: number): Promise<number> {
    this.lastTimestamp = Math.max(this.lastTimestamp, Math.floor(time))
    const batch = new BatchBuilder()
    for (const record of records) {
      const value = encodeCommitStreamRecord(record)
      batch.append(this.lastTimestamp, this.key, 0, this.key.length, value, 0, value.length, 0, null, 0, 0)
    }
    const [base] = await this.session.produce([{ topic: this.topic, partition: 0, batch }])
    return base!
  }
}
