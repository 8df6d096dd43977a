import type { FetchedPartition, FetchRequest, LogReader } from '@tidemark/kafka/log-reader.ts'
import { BatchBuilder } from '@tidemark/kafka/record-batch/batch-builder.ts'
import { BatchReader } from '@tidemark/kafka/record-batch/batch-reader.ts'
import type { Compression } from '@tidemark/kafka/record-batch/compression.ts'
import { BASE_OFFSET, LAST_OFFSET_DELTA, LEADER_EPOCH, writeInt64 } from '@tidemark/kafka/record-batch/layout.ts'
import { headerBytes, readHeaders, writeHeader } from '@tidemark/kafka/record-batch/record-headers.ts'
import { RecordReader } from '@tidemark/kafka/record-batch/record-reader.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'

export interface MemoryRecord {
  key?: Buffer | null
  value?: Buffer | null
  /** Milliseconds; 0 when absent. */
  timestamp?: number
  headers?: readonly (readonly [string, Uint8Array | null])[]
}

interface StoredBatch {
  base: number
  last: number
  maxTimestamp: number
  leaderEpoch: number
  bytes: Buffer
}

/** Waits until `signal` is aborted or time is up: `setTimeout` of real clocks, a scheduler's of simulated ones. */
export type Delay = (ms: number, signal?: AbortSignal) => Promise<void>

/** One partition: real encoded batches, what a broker would do to them, and what a disaster would. */
export class MemoryPartition {
  start = 0
  end = 0
  private batches: StoredBatch[] = []
  /** First offset of each leader epoch. */
  private epochs = [0]

  /** Appends one batch as a leader does; returns the offset of its first record. */
  append(records: readonly MemoryRecord[], compression: Compression = 'none'): number {
    const base = this.end
    const placed = records.map((record, index) => ({ offset: base + index, record }))
    this.store(encode(placed, compression, this.leaderEpoch))
    return base
  }

  /** Appends a sealed batch of `count` records with the offsets it gets here; `bytes` are copied. */
  appendSealed(bytes: Buffer): number {
    const copy = Buffer.from(bytes)
    const base = this.end
    const last = base + copy.readInt32BE(LAST_OFFSET_DELTA)
    writeInt64(copy, base, BASE_OFFSET)
    const reader = new BatchReader()
    reader.reset(copy)
    reader.next()
    const { leaderEpoch } = this
    copy.writeInt32BE(leaderEpoch, LEADER_EPOCH)
    this.store({ base, last, maxTimestamp: reader.maxTimestamp, leaderEpoch, bytes: copy })
    return base
  }

  /** Retention, or DeleteRecords: the log begins at `offset`. Batches go only whole, as on a broker. */
  deleteBelow(offset: number): void {
    this.start = Math.min(offset, this.end)
    this.batches = this.batches.filter(batch => batch.last >= this.start)
  }

  /** Compaction: keeps the records `keep` says; offsets stay, batches left empty go. */
  compact(keep: (offset: number) => boolean): void {
    this.batches = this.batches.flatMap(batch => {
      const kept = decode(batch).filter(({ offset }) => keep(offset))
      return kept.length > 0 ? [encode(kept, 'none', batch.leaderEpoch)] : []
    })
  }

  /** Unclean leader election: everything from `offset` on was never there. */
  loseFrom(offset: number): void {
    this.batches = this.batches.flatMap(batch => {
      const kept = decode(batch).filter(record => record.offset < offset)
      return kept.length > 0 ? [encode(kept, 'none', batch.leaderEpoch)] : []
    })
    this.end = Math.min(this.end, offset)
    this.start = Math.min(this.start, this.end)
    this.epochs = [...this.epochs.map(first => Math.min(first, this.end)), this.end]
  }

  /** KIP-320: where the log parts from one whose last batch before `offset` was of that leader epoch; null if nowhere. */
  divergence(leaderEpoch: number, offset: number): number | null {
    const end = this.epochs[leaderEpoch + 1] ?? this.end
    return end < offset ? end : null
  }

  offsetAtTime(time: number): number | null {
    for (const batch of this.batches) {
      if (batch.maxTimestamp < time) continue
      const found = decode(batch).find(({ offset, record }) => offset >= this.start && record.timestamp! >= time)
      if (found !== undefined) return found.offset
    }
    return null
  }

  /** What the partition holds, in order, with offsets. */
  records(): (MemoryRecord & { offset: number })[] {
    const placed = this.batches.flatMap(decode).filter(({ offset }) => offset >= this.start)
    return placed.map(({ offset, record }) => ({ ...record, offset }))
  }

  /** Whole batches from the one that holds `offset`, at least one, else up to `bytesMax`. */
  read(offset: number, bytesMax: number): Buffer {
    const chosen: Buffer[] = []
    let bytes = 0
    for (let index = this.indexOf(offset); index < this.batches.length; index++) {
      const batch = this.batches[index]!.bytes
      if (chosen.length > 0 && bytes + batch.length > bytesMax) break
      chosen.push(batch)
      bytes += batch.length
    }
    return Buffer.concat(chosen)
  }

  private get leaderEpoch(): number {
    return this.epochs.length - 1
  }

  private store(batch: StoredBatch): void {
    this.batches.push(batch)
    this.end = batch.last + 1
  }

  /** Index of the first batch that ends at or after `offset`. */
  private indexOf(offset: number): number {
    let low = 0
    let high = this.batches.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.batches[middle]!.last < offset) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Topics in memory, and a `LogReader` over them. */
export class MemoryLog {
  /** Fetches answered. */
  fetches = 0
  private readonly topics = new Map<string, MemoryPartition[]>()
  private waiting: (() => void)[] = []

  createTopic(topic: string, partitions = 1): void {
    this.topics.set(
      topic,
      Array.from({ length: partitions }, () => new MemoryPartition())
    )
  }

  addPartition(topic: string): void {
    this.topics.get(topic)!.push(new MemoryPartition())
  }

  /** A topic of the same name in another log takes its place: it was deleted and made anew. */
  replaceTopic(topic: string, other: MemoryLog): void {
    this.topics.set(topic, other.topics.get(topic)!)
  }

  topicNames(): string[] {
    return [...this.topics.keys()]
  }

  partitionCount(topic: string): number {
    return this.topics.get(topic)?.length ?? 0
  }

  deleteTopic(topic: string): void {
    this.topics.delete(topic)
  }

  /** Throws TOPIC_MISSING. */
  partition(topic: string, partition = 0): MemoryPartition {
    const found = this.topics.get(topic)?.[partition]
    if (found !== undefined) return found
    throw new TidemarkError('TOPIC_MISSING', { message: `there is no ${topic}/${partition}`, place: topic })
  }

  /** Appends one batch and wakes waiting fetches; returns the offset of its first record. */
  append(topic: string, partition: number, records: readonly MemoryRecord[], compression?: Compression): number {
    const base = this.partition(topic, partition).append(records, compression)
    this.wake()
    return base
  }

  appendSealed(topic: string, partition: number, bytes: Buffer): number {
    const base = this.partition(topic, partition).appendSealed(bytes)
    this.wake()
    return base
  }

  /** A fetch with nothing to answer waits for an append or for `delay`. */
  reader(delay: Delay): LogReader {
    return new MemoryLogReader(this, delay)
  }

  appended(): Promise<void> {
    return new Promise(resolve => this.waiting.push(resolve))
  }

  private wake(): void {
    const { waiting } = this
    this.waiting = []
    for (const resolve of waiting) resolve()
  }
}

class MemoryLogReader implements LogReader {
  private readonly log: MemoryLog
  private readonly delay: Delay

  constructor(log: MemoryLog, delay: Delay) {
    this.log = log
    this.delay = delay
  }

  async bounds(topic: string, partition: number): Promise<{ start: number; end: number }> {
    const { start, end } = this.log.partition(topic, partition)
    return { start, end }
  }

  async offsetAtTime(topic: string, partition: number, time: number): Promise<number | null> {
    return this.log.partition(topic, partition).offsetAtTime(time)
  }

  async fetch(requests: readonly FetchRequest[], waitMs: number, signal?: AbortSignal): Promise<FetchedPartition[]> {
    const answers = this.answer(requests)
    const isNews = answers.some(
      ({ batches, outOfRange, divergesAt }) => batches.length > 0 || outOfRange || divergesAt! >= 0
    )
    if (isNews) return answers
    await this.nextAppend(waitMs, signal)
    return this.answer(requests)
  }

  async close(): Promise<void> {}

  private answer(requests: readonly FetchRequest[]): FetchedPartition[] {
    this.log.fetches++
    return requests.map(({ topic, partition, offset, bytesMax, leaderEpoch }) => {
      const log = this.log.partition(topic, partition)
      const divergesAt = leaderEpoch === undefined ? null : log.divergence(leaderEpoch, offset)
      if (divergesAt !== null) {
        const nothing = { batches: Buffer.alloc(0), outOfRange: false }
        return { topic, partition, ...nothing, highWatermark: log.end, logStart: log.start, divergesAt }
      }
      const outOfRange = offset < log.start || offset > log.end
      const batches = outOfRange ? Buffer.alloc(0) : log.read(offset, bytesMax)
      return { topic, partition, batches, highWatermark: log.end, logStart: log.start, outOfRange }
    })
  }

  private async nextAppend(waitMs: number, signal?: AbortSignal): Promise<void> {
    const over = new AbortController()
    const either = signal === undefined ? over.signal : AbortSignal.any([signal, over.signal])
    await Promise.race([this.log.appended(), this.delay(waitMs, either)]).finally(() => over.abort())
  }
}

interface PlacedMemoryRecord {
  offset: number
  record: MemoryRecord
}

function encode(placed: readonly PlacedMemoryRecord[], compression: Compression, leaderEpoch: number): StoredBatch {
  const base = placed[0]!.offset
  const last = placed[placed.length - 1]!.offset
  const builder = new BatchBuilder()
  let maxTimestamp = 0
  // The builder numbers records without gaps: where compaction left some, each record becomes a batch of its own.
  if (last - base + 1 !== placed.length) return joined(placed.map(one => encode([one], 'none', leaderEpoch)))
  for (const { record } of placed) {
    const { key = null, value = null, timestamp = 0, headers = [] } = record
    const encoded = encodeHeaders(headers)
    maxTimestamp = Math.max(maxTimestamp, timestamp)
    builder.append(
      timestamp,
      key,
      0,
      key?.length ?? 0,
      value,
      0,
      value?.length ?? 0,
      headers.length,
      encoded,
      0,
      encoded.length
    )
  }
  const sealed = builder.seal({ compression, producerId: -1n, producerEpoch: -1, baseSequence: -1 })
  const bytes = Buffer.from(sealed)
  writeInt64(bytes, base, BASE_OFFSET)
  bytes.writeInt32BE(leaderEpoch, LEADER_EPOCH)
  return { base, last, maxTimestamp, leaderEpoch, bytes }
}

function joined(batches: readonly StoredBatch[]): StoredBatch {
  return {
    base: batches[0]!.base,
    last: batches[batches.length - 1]!.last,
    maxTimestamp: Math.max(...batches.map(batch => batch.maxTimestamp)),
    leaderEpoch: batches[0]!.leaderEpoch,
    bytes: Buffer.concat(batches.map(batch => batch.bytes))
  }
}

/** The headers as they stand in a record. */
export function encodeHeaders(headers: NonNullable<MemoryRecord['headers']>): Buffer {
  const pairs = headers.map(([name, value]) => [Buffer.from(name), value] as const)
  const bytes = Buffer.alloc(
    pairs.reduce((sum, [name, value]) => sum + headerBytes(name.length, value?.length ?? -1), 0)
  )
  let at = 0
  for (const [name, value] of pairs) at = writeHeader(bytes, at, name, value)
  return bytes
}

function decode(batch: StoredBatch): PlacedMemoryRecord[] {
  const reader = new RecordReader()
  reader.reset(batch.bytes)
  const records: PlacedMemoryRecord[] = []
  while (reader.next()) {
    const { offset, key, value, timestamp } = reader
    records.push({ offset, record: { key, value, timestamp, headers: readHeadersOf(reader) } })
  }
  return records
}

function readHeadersOf(reader: RecordReader): [string, Buffer | null][] {
  return readHeaders(reader.bytes, reader.headersStart, reader.headersEnd, reader.headerCount)
}
