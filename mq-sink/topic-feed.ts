import type { FetchedPartition, FetchRequest } from '@tidemark/kafka/log-reader.ts'
import { readHeaders } from '@tidemark/kafka/record-batch/record-headers.ts'
import { RecordReader } from '@tidemark/kafka/record-batch/record-reader.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { Feed, SinkRecord, SinkTransaction } from './feed.ts'
import type { Place } from './sink-state.ts'
import type { TopicLogs } from './topic-logs.ts'

type Offsets = Readonly<Record<string, readonly number[]>>

export interface TopicFeedOptions {
  /** Closed with the feed. */
  logs: TopicLogs
  topics: readonly string[]
  /** Of the next record, by partition; partitions made since then begin at 0. */
  offsets: Offsets
  /** Between looks for partitions that were added. */
  partitionsMs?: number
}

const fetchBytesMax = 1_048_576
const fetchWaitMs = 500
const partitionsMsUsual = 30_000

/** Records of plain topics, each partition in its order; what one fetch brings is one batch. */
export class TopicFeed implements Feed {
  private readonly topics: readonly string[]
  private readonly logs: TopicLogs
  private readonly partitionsMs: number
  private readonly reader = new RecordReader()
  private readonly offsets = new Map<string, number[]>()
  private readonly ends = new Map<string, number>()
  private readonly waiting: TopicBatch[] = []
  private readonly closing = new AbortController()
  private lookedMs = -Infinity
  private batches = 0

  constructor({ logs, topics, offsets, partitionsMs = partitionsMsUsual }: TopicFeedOptions) {
    this.topics = topics
    this.partitionsMs = partitionsMs
    this.logs = logs
    for (const topic of topics) this.offsets.set(topic, [...(offsets[topic] ?? [])])
  }

  /** Throws RECORDS_MISSING when records were removed before they were put, NOT_AVAILABLE, RECORD_BATCH_INVALID. */
  async next(): Promise<SinkTransaction | null> {
    try {
      for (;;) {
        this.closing.signal.throwIfAborted()
        const batch = this.waiting.shift()
        if (batch !== undefined) return batch
        await this.fetch()
      }
    } catch (error) {
      if (this.closing.signal.aborted) return null
      throw error
    }
  }

  lag(): { records: number; ms: number } {
    let records = 0
    for (const [topic, offsets] of this.offsets) {
      offsets.forEach((offset, partition) => {
        records += Math.max(0, (this.ends.get(`${topic} ${partition}`) ?? 0) - offset)
      })
    }
    return { records, ms: 0 }
  }

  async close(): Promise<void> {
    this.closing.abort()
    await this.logs.close()
  }

  private async fetch(): Promise<void> {
    const nowMs = this.logs.steadyMs()
    if (nowMs - this.lookedMs >= this.partitionsMs) {
      await this.addPartitions()
      this.lookedMs = nowMs
    }
    const answers = await this.logs.reader.fetch(this.requests(), fetchWaitMs, this.closing.signal)
    for (const answer of answers) this.take(answer)
  }

  private async addPartitions(): Promise<void> {
    for (const topic of this.topics) {
      const partitions = await this.logs.partitions(topic)
      const offsets = this.offsets.get(topic)!
      while (offsets.length < partitions) offsets.push(0)
    }
  }

  private requests(): FetchRequest[] {
    return [...this.offsets].flatMap(([topic, offsets]) =>
      offsets.map((offset, partition) => ({ topic, partition, offset, bytesMax: fetchBytesMax }))
    )
  }

  private take(answer: FetchedPartition): void {
    const { topic, partition, batches, highWatermark } = answer
    const offsets = this.offsets.get(topic)!
    this.ends.set(`${topic} ${partition}`, highWatermark)
    if (answer.outOfRange) throw outOfRange(answer, offsets[partition]!)
    if (batches.length === 0) return
    const records = recordsOf(this.reader, answer, offsets[partition]!)
    const before = this.snapshot()
    offsets[partition] = this.reader.nextOffset
    if (records.length > 0) this.waiting.push(new TopicBatch(++this.batches, records, before, this.snapshot()))
  }

  private snapshot(): Offsets {
    return Object.fromEntries([...this.offsets].map(([topic, offsets]) => [topic, [...offsets]]))
  }
}

/** Offsets to begin with: the first or the next of every partition. Closes the logs. */
export async function topicsPlace(logs: TopicLogs, topics: readonly string[], from: string): Promise<Place> {
  try {
    const offsets: Record<string, number[]> = {}
    for (const topic of topics) {
      const partitions = Array.from({ length: await logs.partitions(topic) }, (_, partition) => partition)
      const bounds = await Promise.all(partitions.map(partition => logs.reader.bounds(topic, partition)))
      offsets[topic] = bounds.map(({ start, end }) => (from === 'latest' ? end : start))
    }
    return { offsets }
  } finally {
    await logs.close()
  }
}

/** Records of one partition. */
class TopicBatch implements SinkTransaction {
  readonly name: string
  readonly commitTime: number
  readonly size: number
  private readonly content: readonly SinkRecord[]
  private readonly before: Offsets
  private readonly after: Offsets

  constructor(number: number, content: readonly SinkRecord[], before: Offsets, after: Offsets) {
    this.name = String(number)
    this.content = content
    this.size = content.length
    this.commitTime = content.at(-1)!.timestamp * 1_000
    this.before = before
    this.after = after
  }

  records(): readonly SinkRecord[] {
    return this.content
  }

  placeAfter(record: SinkRecord | null): Place {
    if (record === null) return { offsets: this.after }
    const { topic, partition, offset } = record
    return { offsets: { ...this.before, [topic]: this.before[topic]!.with(partition, offset + 1) } }
  }
}

function recordsOf(reader: RecordReader, { topic, partition, batches }: FetchedPartition, from: number): SinkRecord[] {
  const place = `${topic} partition ${partition}`
  const records: SinkRecord[] = []
  reader.reset(batches, from, place)
  while (reader.next()) {
    if (reader.batch.transactional) throw transactional(place)
    records.push(recordOf(reader, topic, partition))
  }
  return records
}

function recordOf(reader: RecordReader, topic: string, partition: number): SinkRecord {
  const { bytes, keyStart, keyEnd, valueStart, valueEnd } = reader
  return {
    topic,
    partition,
    offset: reader.offset,
    timestamp: reader.timestamp,
    key: keyStart < 0 ? null : bytes.subarray(keyStart, keyEnd),
    value: valueStart < 0 ? null : bytes.subarray(valueStart, valueEnd),
    headers: readHeaders(bytes, reader.headersStart, reader.headersEnd, reader.headerCount)
  }
}

function outOfRange({ topic, partition, logStart, highWatermark }: FetchedPartition, offset: number): TidemarkError {
  return new TidemarkError('RECORDS_MISSING', {
    message: `${topic} partition ${partition} has offsets ${logStart} to ${highWatermark}, the sink stands at ${offset}: what lay there was removed, or the topic is another one`,
    place: `${topic} partition ${partition}`,
    cure: 'find out what was lost; then give the sink another name and state queue, and begin anew with `apply`. Raise retention.ms of the topic'
  })
}

function transactional(place: string): TidemarkError {
  return new TidemarkError('NOT_AVAILABLE', {
    message: `${place} holds records of Kafka transactions, which may have been aborted: plain topics of a sink must not`,
    place
  })
}
