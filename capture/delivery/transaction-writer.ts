import { partitionOf } from '@tidemark/kafka/partitioner.ts'
import { BatchBuilder } from '@tidemark/kafka/record-batch/batch-builder.ts'
import { RECORDS } from '@tidemark/kafka/record-batch/layout.ts'
import {
  BY_KEY,
  statedPartition,
  type HeaderBlock,
  type RecordSink,
  type Topic,
  type TransactionPlace
} from '@tidemark/kcop/record-sink.ts'
import { formatBookmark } from '@tidemark/schemas/bookmark.ts'
import type { ParkedOperation } from '@tidemark/schemas/commit-stream.ts'
import type { TransactionContext } from '@tidemark/schemas/operation.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { DataTopic, type DataBatch, type DataPartition, type WaitingRecord } from './data-topic.ts'
import { HeaderWriter } from './header-writer.ts'
import type { NamedFact, OpenTransaction } from './open-transaction.ts'

/** What was gathered for one flush. */
export interface Gathered {
  batches: DataBatch[]
  facts: NamedFact[]
  bytes: number
}

export interface TransactionWriterOptions {
  stream: number
  epoch: number
  /** Of the last transaction named before, and the epoch it was named under; null: not known. */
  sequence: number
  named: number | null
  /** No batch grows beyond it, nor beyond the topic's own limit. */
  batchBytesMax: number
  /** Annotations and parked operations of one transaction together, names and values. */
  annotationBytesMax: number
  /** Milliseconds since the Unix epoch. */
  now(): number
  /** Offset of the owner's last record of the commit stream that is known to be valid: its claim, or a later one. */
  ownOffset(): number
  /** A topic was named for the first time: its partitions are to be found. */
  onUnknownTopic(topic: DataTopic): void
}

const noBytes = Buffer.alloc(0)

/**
 * Turns operations' records into open batches, and whole transactions into facts for the commit stream. Synchronous;
 * nothing is made per record but bytes.
 */
export class TransactionWriter implements RecordSink {
  private readonly options: TransactionWriterOptions
  private readonly topics = new Map<string, DataTopic>()
  private readonly header: HeaderWriter
  private readonly free: BatchBuilder[] = []
  private batches: DataBatch[] = []
  private facts: NamedFact[] = []
  private context: TransactionContext | null = null
  private transaction: OpenTransaction | null = null
  private operation = 0
  private sequence: number
  /** Kafka timestamp of the records, ms: when their batch or transaction was begun, never the source's time. */
  private timestamp = 0
  /** Bytes gathered since the last `take`. */
  bytes = 0
  /** Transactions were begun that are settled only with the unit they stand in, and its end has not come. */
  insideUnit = false

  constructor(options: TransactionWriterOptions) {
    this.options = options
    this.sequence = options.sequence
    this.header = new HeaderWriter(options.stream, options.epoch)
  }

  get hasFacts(): boolean {
    return this.facts.length > 0
  }

  begin(context: TransactionContext): void {
    this.context = context
    this.transaction = null
    this.operation = 0
    this.insideUnit = context.position.length === 0
  }

  /** Records that follow belong to the operation of this ordinal. */
  at(ordinal: number): void {
    this.operation = ordinal
  }

  topic(name: string): DataTopic {
    let topic = this.topics.get(name)
    if (topic) return topic
    topic = new DataTopic(name)
    this.topics.set(name, topic)
    this.options.onUnknownTopic(topic)
    return topic
  }

  append(
    topic: Topic,
    partition: number,
    key: Buffer | null,
    keyStart: number,
    keyEnd: number,
    value: Buffer | null,
    valueStart: number,
    valueEnd: number,
    headers: HeaderBlock | null
  ): void {
    const transaction = this.transaction ?? this.open()
    const header = this.header
    header.record(transaction.records++, this.operation)
    if (headers !== null) header.add(headers.bytes, headers.start, headers.end)
    const headerCount = headers === null ? 1 : 1 + headers.count
    const target = topic as DataTopic
    if (target.partitions === null) {
      this.wait(
        target,
        transaction,
        partition,
        slice(key, keyStart, keyEnd),
        slice(value, valueStart, valueEnd),
        headerCount
      )
      return
    }
    const place = placeIn(target, partition, key, keyStart, keyEnd, transaction.sequence)
    this.put(
      target,
      place,
      transaction,
      key,
      keyStart,
      keyEnd,
      value,
      valueStart,
      valueEnd,
      headerCount,
      header.bytes,
      header.end
    )
  }

  annotate(name: string, value: Uint8Array): void {
    const transaction = this.transaction ?? this.open()
    this.admitAnnotations(name.length + value.length)
    transaction.annotationBytes += name.length + value.length
    transaction.annotations ??= new Map()
    transaction.annotations.set(name, value)
  }

  known(topic: Topic): Promise<void> | null {
    return (topic as DataTopic).known()
  }

  /** The topic must be known. Throws RECORD_TOO_LARGE, PROCESSOR_FAILED for a partition the topic has not. */
  admit(topic: Topic, partition: number, bytes: number): void {
    const target = topic as DataTopic
    const count = target.partitions!.length
    if (partition !== BY_KEY && statedPartition(partition, count) >= count) {
      throw noSuchPartition(target, partition)
    }
    const size = bytes + ownHeaderBytesMax + recordOverhead
    if (RECORDS + size > target.batchBytesMax) throw tooLarge(target, size)
  }

  admitAnnotations(bytes: number): void {
    const { annotationBytesMax } = this.options
    if ((this.transaction?.annotationBytes ?? 0) + bytes <= annotationBytesMax) return
    throw new TidemarkError('PROCESSOR_FAILED', {
      message: `annotations and parked operations of one transaction are above ${annotationBytesMax} bytes`,
      cure: 'send large values as records; annotations are for a few short ones'
    })
  }

  place(): TransactionPlace {
    const { stream, epoch } = this.options
    const { sequence } = this.transaction ?? this.open()
    const bookmark = formatBookmark({ stream, epoch, sequence, record: 0, offset: this.options.ownOffset() })
    return { stream, epoch, sequence, bookmark }
  }

  /** Throws PARKED_TOO_MANY. */
  park(operation: ParkedOperation): void {
    const transaction = this.transaction ?? this.open()
    const bytes = operation.table.length + operation.reason.length + parkedOverhead
    if (transaction.annotationBytes + bytes > this.options.annotationBytesMax) throw tooManyParked(transaction)
    transaction.annotationBytes += bytes
    transaction.parked.push(operation)
  }

  /** The transaction is whole. Returns whether there is anything to name: one without records is not named. */
  commit(position: Uint8Array, operations: number): boolean {
    const transaction = this.transaction
    this.transaction = null
    this.context = null
    if (transaction === null) return false
    transaction.operations = operations
    this.facts.push({ type: 'transaction', transaction, position })
    this.bytes += 64 + transaction.annotationBytes
    return true
  }

  /** Names a state: everything at or before `position` has been named. Only between transactions. */
  state(position: Uint8Array, time: number, refreshing: boolean): void {
    this.insideUnit = false
    const { sequence, options } = this
    const named = sequence > options.sequence ? options.epoch : options.named
    this.facts.push({ type: 'state', sequence, named, position, time, refreshing })
  }

  /** The topic's partitions are known: what waited for them goes into batches, in order. */
  placeAll(topic: DataTopic): void {
    const waiting = topic.waiting
    topic.waiting = []
    for (const record of waiting) this.placeWaiting(topic, record)
  }

  /** Takes everything gathered; the open transaction goes on in new batches. */
  take(): Gathered {
    const gathered = { batches: this.batches, facts: this.facts, bytes: this.bytes }
    for (const batch of this.batches) this.close(batch)
    this.batches = []
    this.facts = []
    this.bytes = 0
    return gathered
  }

  /** The batch is stored: its memory serves again. */
  recycle(batch: BatchBuilder): void {
    if (this.free.length >= 64) return
    batch.reset()
    this.free.push(batch)
  }

  private open(): OpenTransaction {
    const context = this.context
    if (context === null) throw new TidemarkError('INTERNAL', { message: 'a record outside of a transaction' })
    this.timestamp = this.options.now()
    this.sequence++
    this.header.transaction(this.sequence)
    this.transaction = {
      sequence: this.sequence,
      sourceId: context.sourceId,
      commitTime: context.commitTime,
      kind: context.kind,
      operations: 0,
      records: 0,
      parts: [],
      parked: [],
      annotations: null,
      annotationBytes: 0
    }
    return this.transaction
  }

  private put(
    topic: DataTopic,
    place: DataPartition,
    transaction: OpenTransaction,
    key: Buffer | null,
    keyStart: number,
    keyEnd: number,
    value: Buffer | null,
    valueStart: number,
    valueEnd: number,
    headerCount: number,
    headers: Buffer,
    headersEnd: number
  ): void {
    const size =
      (key === null ? 0 : keyEnd - keyStart) +
      (value === null ? 0 : valueEnd - valueStart) +
      headersEnd +
      recordOverhead
    let batch = place.open
    if (batch !== null && batch.batch.byteLength + size > topic.batchBytesMax) {
      this.close(batch)
      batch = null
    }
    if (batch === null) {
      batch = this.openBatch(place)
      if (batch.batch.byteLength + size > topic.batchBytesMax) throw tooLarge(topic, size)
    }
    const index = batch.batch.append(
      this.timestamp,
      key,
      keyStart,
      keyEnd,
      value,
      valueStart,
      valueEnd,
      headerCount,
      headers,
      0,
      headersEnd
    )
    this.bytes += size
    if (place.transaction === transaction) {
      place.part!.records++
      return
    }
    place.transaction = transaction
    place.part = { partition: place, records: 1, firstBatch: batch.stored, firstIndex: index }
    transaction.parts.push(place.part)
  }

  private openBatch(place: DataPartition): DataBatch {
    const batch = this.free.pop() ?? new BatchBuilder()
    this.timestamp = this.options.now()
    const opened = { topic: place.topic, partition: place.partition, batch, stored: { baseOffset: -1 } }
    place.open = opened
    this.batches.push(opened)
    return opened
  }

  private close(batch: DataBatch): void {
    const place = this.topics.get(batch.topic)?.partitions?.[batch.partition]
    if (place?.open === batch) place.open = null
  }

  private wait(
    topic: DataTopic,
    transaction: OpenTransaction,
    partition: number,
    key: Buffer | null,
    value: Buffer | null,
    headerCount: number
  ): void {
    const headers = Buffer.from(this.header.bytes.subarray(0, this.header.end))
    topic.waiting.push({ transaction, partition, key, value, headers, headerCount })
    this.bytes += headers.length + (key?.length ?? 0) + (value?.length ?? 0)
  }

  private placeWaiting(topic: DataTopic, record: WaitingRecord): void {
    const { transaction, key, value, headers, headerCount } = record
    const keyEnd = key?.length ?? 0
    const valueEnd = value?.length ?? 0
    const place = placeIn(topic, record.partition, key, 0, keyEnd, transaction.sequence)
    this.put(topic, place, transaction, key, 0, keyEnd, value, 0, valueEnd, headerCount, headers, headers.length)
  }
}

/** Most a record's own varints and attributes take. */
const recordOverhead = 32
/** Most the header of this product takes: its name, and what header-writer.ts says of its value. */
const ownHeaderBytesMax = 48
/** Of a parked operation in its entry: ordinal and lengths. */
const parkedOverhead = 16

function slice(bytes: Buffer | null, start: number, end: number): Buffer | null {
  if (bytes === null) return null
  return start === end ? noBytes : Buffer.from(bytes.subarray(start, end))
}

/** Where a record goes: as stated, by its key, or, without a key, with the others of its transaction. */
function placeIn(
  topic: DataTopic,
  partition: number,
  key: Buffer | null,
  keyStart: number,
  keyEnd: number,
  sequence: number
): DataPartition {
  const partitions = topic.partitions!
  const count = partitions.length
  let index: number
  if (partition !== BY_KEY) index = statedPartition(partition, count)
  else index = key === null ? sequence % count : partitionOf(key, keyStart, keyEnd, count)
  const place = partitions[index]
  if (place === undefined) throw noSuchPartition(topic, index)
  return place
}

function noSuchPartition(topic: DataTopic, index: number): TidemarkError {
  return new TidemarkError('PROCESSOR_FAILED', {
    message: `partition ${index} was asked for, topic ${topic.name} has ${topic.partitions!.length}`,
    place: topic.name
  })
}

function tooManyParked({ sourceId, parked }: OpenTransaction): TidemarkError {
  return new TidemarkError('PARKED_TOO_MANY', {
    message: `more than ${parked.length} operations of transaction ${sourceId} failed`
  })
}

function tooLarge(topic: DataTopic, size: number): TidemarkError {
  return new TidemarkError('RECORD_TOO_LARGE', {
    message: `a record of about ${size} bytes does not fit a batch of at most ${topic.batchBytesMax}`,
    place: topic.name
  })
}
