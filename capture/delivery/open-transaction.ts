import type { ParkedOperation } from '@tidemark/schemas/commit-stream.ts'
import type { TransactionContext } from '@tidemark/schemas/operation.ts'
import type { DataPartition, StoredPlace } from './data-topic.ts'

/** What a transaction has in one partition. */
export interface TransactionPart {
  partition: DataPartition
  records: number
  /** Batch and place in it of the transaction's first record there. */
  firstBatch: StoredPlace
  firstIndex: number
}

/** A transaction from its first record, annotation or parked operation to its commit entry. */
export interface OpenTransaction {
  sequence: number
  sourceId: string
  commitTime: number
  kind: TransactionContext['kind']
  operations: number
  records: number
  parts: TransactionPart[]
  parked: ParkedOperation[]
  annotations: Map<string, Uint8Array> | null
  annotationBytes: number
}

/** A fact to be named in the commit stream, in order: a whole transaction, or a state. */
export type NamedFact =
  | { type: 'transaction'; transaction: OpenTransaction; position: Uint8Array }
  | {
      type: 'state'
      sequence: number
      /** Epoch under which the sequence was named; null: not known. */
      named: number | null
      position: Uint8Array
      time: number
      refreshing: boolean
    }
