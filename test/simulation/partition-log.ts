import { BatchBuilder } from '@tidemark/kafka/record-batch/batch-builder.ts'
import {
  ATTRIBUTES,
  BASE_OFFSET,
  BASE_SEQUENCE,
  BATCH_LENGTH,
  CRC,
  LAST_OFFSET_DELTA,
  LEADER_EPOCH,
  LENGTH_COUNTS_FROM,
  PRODUCER_EPOCH,
  PRODUCER_ID,
  RECORDS,
  RECORD_COUNT,
  writeInt64
} from '@tidemark/kafka/record-batch/layout.ts'
import { RecordReader } from '@tidemark/kafka/record-batch/record-reader.ts'
import { crc32c } from '@node-rs/crc32'

/** Kafka's error codes of Produce that the broker of the simulation gives. */
export const NONE = 0
export const NOT_LEADER_OR_FOLLOWER = 6
export const OUT_OF_ORDER_SEQUENCE = 45
export const INVALID_PRODUCER_EPOCH = 47

interface StoredBatch {
  baseOffset: number
  lastOffset: number
  bytes: Buffer
}

/** What a broker remembers of a producer in one partition: its epoch and its last five batches. */
interface ProducerState {
  epoch: number
  nextSequence: number
  recent: { baseSequence: number; baseOffset: number }[]
}

const rememberedBatches = 5

/** One partition as a broker keeps it: real record batches, offsets, idempotence, compaction, retention, truncation. */
export class PartitionLog {
  readonly topic: string
  readonly partition: number
  start = 0
  end = 0
  /** Readers see nothing at or above it. */
  highWatermark = 0
  /** A new leader has not heard of its followers yet: it answers ListOffsets with OFFSET_NOT_AVAILABLE (KIP-207). */
  electing = false
  electedMs = 0
  batches: StoredBatch[] = []
  /** Removed by retention or DeleteRecords: for who sees everything. */
  private removed: StoredBatch[] = []
  /** Leader epochs and the offsets they begin at (KIP-101). */
  private leaderEpochs: { epoch: number; start: number }[] = [{ epoch: 0, start: 0 }]
  private leaderEpoch = 0
  private producers = new Map<bigint, ProducerState>()

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
  }

  get name(): string {
    return `${this.topic}-${this.partition}`
  }

  /** Appends one sealed batch as org.apache.kafka...ProducerAppendInfo judges it. `bytes` becomes the log's own. */
  append(bytes: Buffer): { error: number; baseOffset: number; duplicate: boolean } {
    const producerId = bytes.readBigInt64BE(PRODUCER_ID)
    if (producerId >= 0n) {
      const judged = this.judge(producerId, bytes.readInt16BE(PRODUCER_EPOCH), bytes.readInt32BE(BASE_SEQUENCE))
      if (judged !== null) return judged
      this.remember(bytes, this.end)
    }
    const baseOffset = this.end
    writeInt64(bytes, baseOffset, BASE_OFFSET)
    bytes.writeInt32BE(this.leaderEpoch, LEADER_EPOCH)
    if (this.leaderEpochs.at(-1)?.epoch !== this.leaderEpoch) {
      this.leaderEpochs.push({ epoch: this.leaderEpoch, start: baseOffset })
    }
    const lastOffset = baseOffset + bytes.readInt32BE(LAST_OFFSET_DELTA)
    this.batches.push({ baseOffset, lastOffset, bytes })
    this.end = lastOffset + 1
    return { error: NONE, baseOffset, duplicate: false }
  }

  /** null when the batch is to be stored. Without a remembered state any sequence is accepted, as Kafka does. */
  private judge(
    producerId: bigint,
    epoch: number,
    sequence: number
  ): { error: number; baseOffset: number; duplicate: boolean } | null {
    const state = this.producers.get(producerId)
    if (state === undefined) return null
    if (epoch < state.epoch) return { error: INVALID_PRODUCER_EPOCH, baseOffset: -1, duplicate: false }
    const outOfOrder = { error: OUT_OF_ORDER_SEQUENCE, baseOffset: -1, duplicate: false }
    if (epoch > state.epoch) return sequence === 0 ? null : outOfOrder
    const before = state.recent.find(batch => batch.baseSequence === sequence)
    if (before !== undefined) return { error: NONE, baseOffset: before.baseOffset, duplicate: true }
    return sequence === state.nextSequence ? null : outOfOrder
  }

  private remember(bytes: Buffer, baseOffset: number): void {
    const producerId = bytes.readBigInt64BE(PRODUCER_ID)
    const epoch = bytes.readInt16BE(PRODUCER_EPOCH)
    const baseSequence = bytes.readInt32BE(BASE_SEQUENCE)
    let state = this.producers.get(producerId)
    if (state === undefined || state.epoch !== epoch) {
      state = { epoch, nextSequence: 0, recent: [] }
      this.producers.set(producerId, state)
    }
    state.nextSequence = baseSequence + bytes.readInt32BE(LAST_OFFSET_DELTA) + 1
    state.recent.push({ baseSequence, baseOffset })
    if (state.recent.length > rememberedBatches) state.recent.shift()
  }

  /** Producer state of an idle producer expires (producer.id.expiration.ms). */
  forgetProducers(): void {
    this.producers.clear()
  }

  /** Whole batches from the one that holds `offset`, below the high watermark; at most `batchesMax` of them. */
  read(offset: number, batchesMax: number): Buffer[] {
    const found: Buffer[] = []
    for (const batch of this.batches) {
      if (batch.lastOffset < offset) continue
      if (batch.lastOffset >= this.highWatermark || found.length === batchesMax) break
      found.push(batch.bytes)
    }
    return found
  }

  /** Offset of the first record at or after `time` (ms). */
  offsetAtTime(time: number): number | null {
    let found: number | null = null
    this.visit(reader => {
      if (found === null && reader.offset < this.highWatermark && reader.timestamp >= time) found = reader.offset
    })
    return found
  }

  /** Visits every record that ever was and was not lost, those that were removed from the beginning as well. */
  visitAll(see: (record: RecordReader) => void): void {
    const reader = new RecordReader()
    for (const { bytes } of [...this.removed, ...this.batches]) {
      reader.reset(bytes)
      while (reader.next()) see(reader)
    }
  }

  /** Visits every record from `start`, above the high watermark as well. */
  visit(see: (record: RecordReader) => void): void {
    const reader = new RecordReader()
    for (const batch of this.batches) {
      reader.reset(batch.bytes, this.start)
      while (reader.next()) see(reader)
    }
  }

  /** Where the log ends for a leader epoch, if that is before `offset`: what was read up to there is not of this log. */
  divergesAt(epoch: number, offset: number): number | null {
    const next = this.leaderEpochs.find(other => other.epoch > epoch)
    const end = next?.start ?? this.end
    const known = this.leaderEpochs.some(other => other.epoch === epoch)
    return end < offset || (!known && this.leaderEpochs.length > 0) ? Math.min(end, offset) : null
  }

  replicate(): void {
    this.highWatermark = this.end
    this.electing = false
  }

  /** A new leader knows a lower high watermark until its followers fetch from it; nothing acknowledged is lost. */
  elect(highWatermark: number, timeMs: number): void {
    if (!this.electing) this.electedMs = timeMs
    this.highWatermark = Math.max(this.start, Math.min(this.highWatermark, highWatermark))
    this.electing = true
    this.leaderEpoch++
  }

  /** Retention or DeleteRecords: the log begins at `offset`, perhaps inside a batch. */
  deleteBefore(offset: number): void {
    this.start = Math.min(Math.max(this.start, offset), this.end)
    this.highWatermark = Math.max(this.highWatermark, this.start)
    this.removed.push(...this.batches.filter(batch => batch.lastOffset < this.start))
    this.batches = this.batches.filter(batch => batch.lastOffset >= this.start)
  }

  /**
   * An unclean election: the last `count` batches are gone, acknowledged or not. `restored`: the log comes from a copy
   * that knows of no producers. Returns how many records were lost.
   */
  loseBatches(count: number, restored: boolean): number {
    const before = this.end
    this.batches.length = Math.max(0, this.batches.length - count)
    this.end = (this.batches.at(-1)?.lastOffset ?? this.start - 1) + 1
    this.highWatermark = Math.min(this.highWatermark, this.end)
    this.leaderEpoch++
    this.leaderEpochs = this.leaderEpochs.filter(({ start }) => start < this.end)
    this.producers.clear()
    for (const batch of restored ? [] : this.batches) {
      if (batch.bytes.readBigInt64BE(PRODUCER_ID) >= 0n) this.remember(batch.bytes, batch.baseOffset)
    }
    return before - this.end
  }

  /** Removes every record below `to` whose key comes again later. Returns the offsets removed. */
  compact(to: number): number[] {
    const last = new Map<string, number>()
    this.visit(record => {
      if (record.key !== null) last.set(record.key.toString('latin1'), record.offset)
    })
    const removed: number[] = []
    for (const batch of this.batches) {
      const keep = (record: RecordReader): boolean =>
        record.offset >= to || record.key === null || last.get(record.key.toString('latin1')) === record.offset
      rewrite(batch, keep, removed)
    }
    return removed
  }

  /** Adds one record that no idempotent producer wrote: another program's, or a mirror's. */
  addRecord(
    timestamp: number,
    key: Buffer | null,
    value: Buffer | null,
    headerCount: number,
    headers: Buffer | null
  ): void {
    const builder = new BatchBuilder(65_536)
    const headersEnd = headers?.length ?? 0
    builder.append(
      timestamp,
      key,
      0,
      key?.length ?? 0,
      value,
      0,
      value?.length ?? 0,
      headerCount,
      headers,
      0,
      headersEnd
    )
    const seal = { compression: 'none', producerId: -1n, producerEpoch: -1, baseSequence: -1 } as const
    this.append(Buffer.from(builder.seal(seal)))
  }

  /** Offsets are taken, nothing is stored: as if the records before had been removed long ago. */
  skip(count: number): void {
    this.end += count
    this.start = this.end
    this.highWatermark = this.end
  }
}

/** Rewrites a batch as the log cleaner does: kept records keep their offsets, the batch its range. */
function rewrite(batch: StoredBatch, keep: (record: RecordReader) => boolean, removed: number[]): void {
  const reader = new RecordReader()
  reader.reset(batch.bytes)
  const kept: Buffer[] = [Buffer.from(batch.bytes.subarray(0, RECORDS))]
  let recordStart = RECORDS
  const before = removed.length
  while (reader.next()) {
    if (keep(reader)) kept.push(batch.bytes.subarray(recordStart, reader.headersEnd))
    else removed.push(reader.offset)
    recordStart = reader.headersEnd
  }
  if (removed.length === before) return
  const bytes = Buffer.concat(kept)
  bytes.writeInt32BE(bytes.length - LENGTH_COUNTS_FROM, BATCH_LENGTH)
  bytes.writeInt32BE(kept.length - 1, RECORD_COUNT)
  bytes.writeUInt32BE(crc32c(bytes.subarray(ATTRIBUTES)), CRC)
  batch.bytes = bytes
}
