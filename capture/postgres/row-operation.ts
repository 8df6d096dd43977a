import type { MessageContent, Operation, OperationKind, TransactionContext } from '@tidemark/schemas/operation.ts'
import type { Row } from '@tidemark/schemas/row.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import type { Tuple } from '@tidemark/schemas/tuple.ts'

const none: readonly Table[] = []

/** The one Operation of a source, set anew for each call to the receiver. */
export class RowOperation implements Operation {
  kind: OperationKind = 'insert'
  table: Table | null = null
  ordinal = 0
  transaction: TransactionContext
  lsnBytes: Buffer | null = null
  lsnStart = 0
  before: Row | null = null
  after: Row | null = null
  oldTuple: Tuple | null = null
  beforeIsKeyOnly = false
  newTuple: Tuple | null = null
  truncated: readonly Table[] = none
  message: MessageContent | null = null

  constructor(transaction: TransactionContext) {
    this.transaction = transaction
  }

  /** A row operation: `before` and `after` are views whose tuples are already filled. */
  setRow(
    kind: OperationKind,
    ordinal: number,
    table: Table,
    before: Row | null,
    beforeIsKeyOnly: boolean,
    after: Row | null
  ): void {
    this.kind = kind
    this.ordinal = ordinal
    this.table = table
    this.before = before
    this.oldTuple = before === null ? null : before.tuple
    this.beforeIsKeyOnly = beforeIsKeyOnly
    this.after = after
    this.newTuple = after === null ? null : after.tuple
    this.truncated = none
    this.message = null
  }

  setTruncate(ordinal: number, tables: readonly Table[]): void {
    this.clearRow('truncate', ordinal)
    this.table = tables.length === 1 ? tables[0]! : null
    this.truncated = tables
  }

  setMessage(ordinal: number, message: MessageContent): void {
    this.clearRow('message', ordinal)
    this.table = null
    this.message = message
  }

  private clearRow(kind: OperationKind, ordinal: number): void {
    this.kind = kind
    this.ordinal = ordinal
    this.before = null
    this.oldTuple = null
    this.beforeIsKeyOnly = false
    this.after = null
    this.newTuple = null
    this.truncated = none
    this.message = null
  }
}
