import type { Row } from './row.ts'
import type { Table } from './table.ts'
import type { Tuple } from './tuple.ts'
import type { PositionBytes } from './position.ts'

export type OperationKind = 'insert' | 'update' | 'delete' | 'truncate' | 'message'

/** What is known of the transaction while its operations are read. */
export interface TransactionContext {
  /** The source's own id, as in the commit stream's Transaction entry. */
  readonly sourceId: string
  /** Microseconds since the Unix epoch, by the source's clock. */
  readonly commitTime: number
  /** PostgreSQL: LSN of the commit; MQ: empty. The settled position follows it. */
  readonly position: PositionBytes
  readonly kind: 'mirror' | 'refresh'
}

/** A logical message, or a message of a queue. */
export interface MessageContent {
  /** Prefix of a logical message; name of a queue. */
  readonly prefix: string
  readonly bytes: Uint8Array
  readonly properties: ReadonlyMap<string, string | number | boolean | Uint8Array>
}

/**
 * One operation of a transaction. The source fills one object again and again: it and all it leads to are valid until
 * `process` returns.
 */
export interface Operation {
  readonly kind: OperationKind
  /** The table of a row operation; null for truncate of several (see `truncated`) and for messages. */
  readonly table: Table | null
  /** 0-based ordinal in the source transaction. */
  readonly ordinal: number
  readonly transaction: TransactionContext
  /**
   * PostgreSQL: where the change itself stands in the log, an LSN of 8 bytes, most significant first, at `lsnStart`. null
   * for rows of a first copy and for messages of queues, which have only the place of their transaction.
   */
  readonly lsnBytes: Buffer | null
  readonly lsnStart: number
  /** Row before: the whole old row under REPLICA IDENTITY FULL, else only key columns when the key changed or on delete. */
  readonly before: Row | null
  /** Row after an insert or update. */
  readonly after: Row | null
  /** Raw form of `before`; `beforeIsKeyOnly` tells whether only key columns are in it. */
  readonly oldTuple: Tuple | null
  readonly beforeIsKeyOnly: boolean
  /** Raw form of `after`. Where the whole old row is known, columns that did not change are filled from it. */
  readonly newTuple: Tuple | null
  /** Tables emptied by a truncate. */
  readonly truncated: readonly Table[]
  readonly message: MessageContent | null
}
