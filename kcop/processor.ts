import type { MessageContent, Operation, TransactionContext } from '@tidemark/schemas/operation.ts'
import type { Row, RowValues } from '@tidemark/schemas/row.ts'
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

/** An operation, whatever is known of its rows. */
export type AnyOperation = Omit<Operation, 'before' | 'after'> & {
  readonly before: object | null
  readonly after: object | null
}

/** What a processor writes to, until it returns. Records are numbered in the order sent. */
export interface Output {
  /** Throws RECORD_INVALID naming what is wrong with the record, RECORD_TOO_LARGE. */
  send(record: OutgoingRecord): void
  /** Sends what the table's configured format would send. */
  default(operation: AnyOperation): void
  /** Adds an annotation to the transaction, visible to every consumer. Throws RECORD_INVALID when it is too large. */
  annotate(name: string, value: Uint8Array | string): void
  /** Where built-in formats write without making objects. */
  readonly sink: RecordSink
}

type Seen<Kind extends Operation['kind'], Known> = Omit<Operation, keyof Known | 'kind' | 'key'> & {
  readonly kind: Kind
  /** The record key as the table's format writes it: of the row after, of the row before for a delete; else null. */
  readonly key: Buffer | null
  /** PostgreSQL: LSN of the change; null for rows of a first copy and for messages of queues. */
  readonly lsn: bigint | null
} & Readonly<Known>

/** The values of each table's rows by `schema.table`, where nothing more is known; `tidemark types` writes what is. */
export type AnyTables = Record<string, RowValues>

/** Without REPLICA IDENTITY FULL the server leaves columns out. */
type Sent<Values> = string extends keyof Values ? Values : Partial<Values>

type Named<Name extends string> = { table: Table; tableName: Name }

type TableOperation<Name extends string, Values extends object> =
  | Seen<'insert', Named<Name> & { before: null; after: Row<Values>; changed: null }>
  /** `before` has the columns the server sent; `changed` names columns, null unless the whole row before is known. */
  | Seen<
      'update',
      Named<Name> & {
        before: Row<Values, Sent<Values>> | null
        after: Row<Values, Sent<Values>>
        changed: readonly (keyof Values & string)[] | null
      }
    >
  | Seen<'delete', Named<Name> & { before: Row<Values, Sent<Values>>; after: null; changed: null }>
  | Seen<'truncate', Named<Name> & { before: null; after: null; changed: null }>

type MessageOperation = Seen<
  'message',
  { table: null; tableName: null; before: null; after: null; changed: null; message: MessageContent }
>

/**
 * An operation as a processor sees it; `kind` tells which of its parts are there, `tableName` (`schema.table`) which
 * columns rows have, when `Tables` says so.
 */
export type ProcessorOperation<Tables extends object = AnyTables> =
  | {
      [Name in keyof Tables & string]: Tables[Name] extends object ? TableOperation<Name, Tables[Name]> : never
    }[keyof Tables & string]
  | MessageOperation

/**
 * A programmable producer (KCOP): turns each operation into 0..n records. Synchronous: what it returns is ignored, a
 * promise is an error. Everything passed in is valid until it returns.
 */
export interface Processor<Tables extends object = AnyTables> {
  readonly name: string
  process(operation: ProcessorOperation<Tables>, out: Output): void
  begin?(transaction: TransactionContext, out: Output): void
  commit?(transaction: TransactionContext, out: Output): void
  /** Once per table emptied; `process` does not see truncates. */
  truncate?(operation: ProcessorOperation<Tables>, out: Output): void
  schema?(table: Table, out: Output): void
  refreshStart?(table: Table, out: Output): void
  refreshEnd?(table: Table, out: Output): void
}

/** A processor of this package: takes operations as the source fills them. */
export interface BuiltInProcessor {
  readonly name: string
  process(operation: Operation, out: SinkOutput): void
}

/** What built-in processors need of an output. */
export type SinkOutput = Pick<Output, 'sink'>

/**
 * Declares a processor; the types of `operation` and `out` come with it. `defineProcessor<Tables>`, with the `Tables` that
 * `tidemark types` writes, knows the columns of each table.
 */
export function defineProcessor<Tables extends object = AnyTables>(processor: Processor<Tables>): Processor {
  return processor as unknown as Processor
}
