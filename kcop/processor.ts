import type { Operation, TransactionContext } from '@tidemark/schemas/operation.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import type { RecordSink } from './record-sink.ts'

export type HeaderValue = string | Uint8Array | null

/** A record as a processor states it. */
export interface OutgoingRecord {
  topic: string
  key: Uint8Array | string | null
  /** null is a tombstone. */
  value: Uint8Array | string | null
  headers?: Readonly<Record<string, HeaderValue>>
  /** Chosen by the key when absent. */
  partition?: number
}

/** What a processor writes to. Records are numbered in the order sent. */
export interface Output {
  send(record: OutgoingRecord): void
  /** Sends what the table's configured format would send. */
  default(operation: Operation): void
  /** Adds an annotation to the transaction, visible to every consumer. */
  annotate(name: string, value: Uint8Array | string): void
  /** Where built-in formats write without making objects. */
  readonly sink: RecordSink
}

/**
 * A programmable producer (KCOP): turns each operation into 0..n records. Synchronous: what it returns is ignored, a
 * promise is an error. Everything passed in is valid until it returns.
 */
export interface Processor {
  readonly name: string
  process(operation: Operation, out: Output): void
  begin?(transaction: TransactionContext, out: Output): void
  commit?(transaction: TransactionContext, out: Output): void
  truncate?(operation: Operation, out: Output): void
  schema?(table: Table, out: Output): void
  refreshStart?(table: Table, out: Output): void
  refreshEnd?(table: Table, out: Output): void
}

/** Declares a processor; the types of `operation` and `out` come with it. */
export function defineProcessor(processor: Processor): Processor {
  return processor
}
