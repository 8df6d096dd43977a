import type { BatchBuilder } from '@tidemark/kafka/record-batch/batch-builder.ts'
import type { Topic } from '@tidemark/kcop/record-sink.ts'
import type { TopicFacts } from './topic-directory.ts'
import type { OpenTransaction, TransactionPart } from './open-transaction.ts'

/** Where a batch was stored. Kept by the transactions in it until they are named, when the batch itself is long gone. */
export interface StoredPlace {
  /** -1 until it is stored. */
  baseOffset: number
}

/** A record batch on its way. */
export interface DataBatch {
  topic: string
  partition: number
  batch: BatchBuilder
  readonly stored: StoredPlace
}

/** One partition of a data topic: its open batch and what the open transaction has in it. */
export class DataPartition {
  readonly topic: string
  readonly partition: number
  open: DataBatch | null = null
  /** The transaction that wrote here last, and its part. */
  transaction: OpenTransaction | null = null
  part: TransactionPart | null = null

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
  }
}

/** A record of a topic whose partitions are not known yet, with its whole header block. */
export interface WaitingRecord {
  transaction: OpenTransaction
  partition: number
  key: Buffer | null
  value: Buffer | null
  headers: Buffer
  headerCount: number
}

/** A topic records are sent to. Until its facts are known its records wait. */
export class DataTopic implements Topic {
  readonly name: string
  partitions: readonly DataPartition[] | null = null
  batchBytesMax = 0
  waiting: WaitingRecord[] = []
  /** Resolves when its facts are known; made when somebody waits. */
  private awaited: PromiseWithResolvers<void> | null = null

  constructor(name: string) {
    this.name = name
  }

  /** null: they are. */
  known(): Promise<void> | null {
    if (this.partitions !== null) return null
    this.awaited ??= Promise.withResolvers()
    return this.awaited.promise
  }

  /** `batchBytesMax`: the delivery's own limit, which the topic's may lower. */
  settle(facts: TopicFacts, batchBytesMax: number): void {
    this.batchBytesMax = Math.min(facts.messageBytesMax, batchBytesMax)
    this.partitions = Array.from({ length: facts.partitions }, (_, index) => new DataPartition(this.name, index))
    this.awaited?.resolve()
  }
}
