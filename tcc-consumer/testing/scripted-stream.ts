import {
  noAnnotations,
  noExtensions,
  type CommitStreamRecord,
  type Entry,
  type ExtensionEntry,
  type Known,
  type LossEntry,
  type Part,
  type PartCount,
  type StateEntry,
  type TransactionEntry
} from '@tidemark/schemas/commit-stream.ts'
import { encodeCommitStreamRecord } from '@tidemark/schemas/commit-stream-codec.ts'
import { encodeRecordHeader, headerBytesMax, headerName } from '@tidemark/schemas/record-header.ts'
import type { Compression } from '@tidemark/kafka/record-batch/compression.ts'
import { MemoryLog, type MemoryRecord } from '../../test/support/memory-log.ts'

/** Where a record of a scripted transaction goes: `accounts/1`; its number is its place in the list. */
export type Target = string

export interface WrittenTransaction {
  epoch: number
  sequence: number
  /** Values in source order, as `<epoch>:<sequence>:<record>`. */
  values: string[]
  targets: Target[]
  /** Offset of the first record in each partition. */
  first: Map<Target, number>
}

export const streamId = 0x8000_0007
export const commitStream = 'bank.commits'

/** A subscription whose agents do what a test tells them, over logs in memory. */
export class ScriptedStream {
  readonly log = new MemoryLog()
  readonly stream: number
  readonly topic: string
  /** What a writer that reads everything knows. */
  known: Known = { offset: 0, epoch: 0, claim: 0 }
  time = 1_000

  /** `accounts` gets two partitions, `transfers` one. */
  constructor(stream = streamId, topic = commitStream, accounts = 'accounts', transfers = 'transfers') {
    this.stream = stream
    this.topic = topic
    this.log.createTopic(topic)
    this.log.createTopic(accounts, 2)
    this.log.createTopic(transfers, 1)
  }

  genesis(): number {
    const position = Buffer.from([0])
    const { stream, known } = this
    return this.append([
      { type: 'genesis', stream, subscription: 'bank', system: 'test', position, known, extensions: noExtensions }
    ])
  }

  /** A claim and its owner; `known` is what the agent had read before. */
  claim(epoch: number, sequence = 0, known = this.known): ScriptedOwner {
    const offset = this.append([
      {
        type: 'claim',
        stream: this.stream,
        epoch,
        nonce: Buffer.alloc(16, epoch),
        agent: `agent-${epoch}`,
        system: 'test',
        timeline: 1,
        sequence,
        position: Buffer.from([0]),
        known,
        extensions: noExtensions
      }
    ])
    if (epoch > this.known.epoch) this.known = { offset: offset + 1, epoch, claim: offset }
    return new ScriptedOwner(this, epoch)
  }

  /** Appends records as one batch; returns the offset of the first. */
  append(records: readonly CommitStreamRecord[], compression: Compression = 'none'): number {
    const key = Buffer.from('bank')
    const timestamp = (this.time += 10)
    const encoded = records.map(record => ({ key, value: encodeCommitStreamRecord(record), timestamp }))
    const offset = this.log.append(this.topic, 0, encoded, compression)
    this.known = { ...this.known, offset: offset + records.length }
    return offset
  }
}

/** One agent's ownership: it may go on writing after it was superseded. */
export class ScriptedOwner {
  readonly epoch: number
  private readonly script: ScriptedStream

  constructor(script: ScriptedStream, epoch: number) {
    this.script = script
    this.epoch = epoch
  }

  /** Appends the data of a transaction, one record for each target, batched by partition. */
  data(sequence: number, targets: readonly Target[], compression: Compression = 'none'): WrittenTransaction {
    const written = this.planned(sequence, targets)
    for (const target of new Set(targets)) {
      const records = targets.flatMap((other, record) => (other === target ? [this.record(written, record)] : []))
      written.first.set(target, this.put(target, records, compression))
    }
    return written
  }

  /** Appends only record number `record` of a transaction. */
  one(written: WrittenTransaction, record: number): void {
    const target = written.targets[record]!
    const offset = this.put(target, [this.record(written, record)], 'none')
    if (!written.first.has(target)) written.first.set(target, offset)
  }

  /** A transaction whose data was not appended. */
  planned(sequence: number, targets: readonly Target[]): WrittenTransaction {
    const { epoch } = this
    const values = targets.map((_, record) => `${epoch}:${sequence}:${record}`)
    return { epoch, sequence, values, targets: [...targets], first: new Map() }
  }

  /** Appends one Commits record with these entries; returns its offset. */
  commit(...entries: (WrittenTransaction | Entry)[]): number {
    return this.script.append([this.commits(...entries)])
  }

  commits(...entries: (WrittenTransaction | Entry)[]): CommitStreamRecord {
    const parts: Part[] = []
    const encoded = entries.map(entry => ('type' in entry ? entry : transactionEntry(entry, parts)))
    return {
      type: 'commits',
      epoch: this.epoch,
      parts,
      entries: encoded,
      known: this.script.known,
      extensions: noExtensions
    }
  }

  /** Data and entry of a transaction at once. */
  transaction(sequence: number, targets: readonly Target[]): WrittenTransaction {
    const written = this.data(sequence, targets)
    this.commit(written)
    return written
  }

  private put(target: Target, records: MemoryRecord[], compression: Compression): number {
    const [topic, partition] = target.split('/') as [string, string]
    return this.script.log.append(topic, Number(partition), records, compression)
  }

  private record({ epoch, sequence, values }: WrittenTransaction, record: number): MemoryRecord {
    const header = headerOf(this.script.stream, epoch, sequence, record)
    return {
      key: Buffer.from(`k${record % 3}`),
      value: Buffer.from(values[record]!),
      timestamp: 1_000 + sequence,
      headers: [
        ['trace', Buffer.from('t')],
        [headerName, header]
      ]
    }
  }
}

export function headerOf(stream: number, epoch: number, sequence: number, record: number, operation = record): Buffer {
  const bytes = Buffer.alloc(headerBytesMax)
  return bytes.subarray(0, encodeRecordHeader(bytes, 0, stream, epoch, sequence, record, operation))
}

export function state(sequence: number, gap?: { reason: string; acceptedBy: string }): StateEntry {
  return {
    type: 'state',
    sequence,
    position: Buffer.from([sequence]),
    time: 1_000_000,
    reason: gap?.reason ?? null,
    acceptedBy: gap?.acceptedBy ?? null,
    extensions: noExtensions
  }
}

export function loss(firstSequence: number, lastSequence: number): LossEntry {
  const reason = 'disk burnt'
  return { type: 'loss', firstSequence, lastSequence, reason, acceptedBy: 'ann', extensions: noExtensions }
}

export function extension(kind: string, mandatory: boolean): ExtensionEntry {
  return { type: 'extension', kind, mandatory, body: Buffer.from('?'), extensions: noExtensions }
}

function transactionEntry(written: WrittenTransaction, parts: Part[]): TransactionEntry {
  const counts: PartCount[] = []
  for (const target of new Set(written.targets)) {
    const records = written.targets.filter(other => other === target).length
    counts.push({ part: partOf(target, written.first.get(target) ?? 0, parts), records })
  }
  return {
    type: 'transaction',
    sequence: written.sequence,
    position: Buffer.from([written.sequence]),
    sourceId: String(written.sequence * 10),
    commitTime: written.sequence * 1_000_000,
    kind: 'mirror',
    operations: written.values.length,
    records: written.values.length,
    counts,
    parked: [],
    annotations: noAnnotations,
    extensions: noExtensions
  }
}

function partOf(target: Target, firstOffset: number, parts: Part[]): number {
  const [topic, partition] = target.split('/') as [string, string]
  const known = parts.findIndex(part => part.topic === topic && part.partition === Number(partition))
  if (known >= 0) return known
  return parts.push({ topic, partition: Number(partition), firstOffset }) - 1
}

/** Partitions of two topics. */
export const three: readonly Target[] = ['accounts/0', 'accounts/1', 'transfers/0']

/** A stream with its first owner, and so many transactions with a record in each of `three`. */
export function started(transactions = 0): { script: ScriptedStream; owner: ScriptedOwner } {
  const script = new ScriptedStream()
  script.genesis()
  const owner = script.claim(1)
  for (let sequence = 1; sequence <= transactions; sequence++) owner.transaction(sequence, three)
  return { script, owner }
}
