import {
  commitsBytesMax,
  commitsEntriesMax,
  commitsSharedRecordsMax,
  noAnnotations,
  noExtensions,
  type Commits,
  type Entry,
  type Known,
  type Part
} from '@tidemark/schemas/commit-stream.ts'
import { withNamedEpoch } from '@tidemark/schemas/named-epoch.ts'
import { refreshExtension } from '../ownership/stream-state.ts'
import type { DataPartition } from './data-topic.ts'
import type { NamedFact, OpenTransaction } from './open-transaction.ts'

/** Bytes a Commits takes besides parts and entries. */
const commitsOverheadBytes = 64
const partOverheadBytes = 16

const refreshing = new Map([[refreshExtension, Buffer.from('running')]])

/** Facts as commit records: at most 64 entries and 16 kB each; a very large transaction alone. */
export class CommitsPacker {
  private readonly epoch: number
  private readonly known: Known
  private readonly records: Commits[] = []
  private parts: Part[] = []
  private indexes = new Map<DataPartition, number>()
  private entries: Entry[] = []
  private bytes = commitsOverheadBytes
  private closed = false
  /** Bytes all records take, at most. */
  bytesUpperBound = 0

  constructor(epoch: number, known: Known) {
    this.epoch = epoch
    this.known = known
  }

  /** All batches of the fact's transaction must be stored. */
  add(fact: NamedFact): void {
    const alone = fact.type === 'transaction' && fact.transaction.records > commitsSharedRecordsMax
    if (alone || this.closed || this.entries.length === commitsEntriesMax) this.close()
    const bytes = this.weigh(fact)
    if (this.entries.length > 0 && this.bytes + bytes > commitsBytesMax) this.close()
    this.bytes += bytes
    this.bytesUpperBound += bytes + commitsOverheadBytes
    this.entries.push(fact.type === 'transaction' ? this.transactionEntry(fact) : stateEntry(fact))
    this.closed = alone
  }

  /** The commit records, in order. */
  finish(): Commits[] {
    this.close()
    return this.records
  }

  private close(): void {
    if (this.entries.length === 0) return
    const { epoch, known, parts, entries } = this
    this.records.push({ type: 'commits', epoch, parts, entries, known, extensions: noExtensions })
    this.parts = []
    this.indexes = new Map()
    this.entries = []
    this.bytes = commitsOverheadBytes
    this.closed = false
  }

  private weigh(fact: NamedFact): number {
    if (fact.type === 'state') return 96 + fact.position.length
    const { transaction } = fact
    let bytes = 96 + fact.position.length + transaction.sourceId.length * 3 + transaction.annotationBytes * 2
    for (const part of transaction.parts) {
      bytes += 8
      if (!this.indexes.has(part.partition)) bytes += partOverheadBytes + part.partition.topic.length
    }
    return bytes
  }

  private transactionEntry(fact: Extract<NamedFact, { type: 'transaction' }>): Entry {
    const { transaction } = fact
    return {
      type: 'transaction',
      sequence: transaction.sequence,
      position: fact.position,
      sourceId: transaction.sourceId,
      commitTime: transaction.commitTime,
      kind: transaction.kind,
      operations: transaction.operations,
      records: transaction.records,
      counts: this.counts(transaction),
      parked: transaction.parked,
      annotations: transaction.annotations ?? noAnnotations,
      extensions: noExtensions
    }
  }

  private counts(transaction: OpenTransaction): { part: number; records: number }[] {
    const counts = []
    for (const { partition, records, firstBatch, firstIndex } of transaction.parts) {
      let index = this.indexes.get(partition)
      if (index === undefined) {
        index = this.parts.length
        this.indexes.set(partition, index)
        const firstOffset = firstBatch.baseOffset + firstIndex
        this.parts.push({ topic: partition.topic, partition: partition.partition, firstOffset })
      }
      counts.push({ part: index, records })
    }
    return counts
  }
}

function stateEntry(fact: Extract<NamedFact, { type: 'state' }>): Entry {
  return {
    type: 'state',
    sequence: fact.sequence,
    position: fact.position,
    time: fact.time,
    reason: null,
    acceptedBy: null,
    extensions: withNamedEpoch(fact.named, fact.refreshing ? refreshing : noExtensions)
  }
}
