import type { MessageContent, Operation, OperationKind, TransactionContext } from '@tidemark/schemas/operation.ts'
import { Row } from '@tidemark/schemas/row.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import type { Tuple } from '@tidemark/schemas/tuple.ts'

/** An operation with another kind, table or images than the source's. One object is filled again and again. */
export class AlteredOperation implements Operation {
  kind: OperationKind = 'insert'
  table: Table | null = null
  ordinal = 0
  lsnBytes: Buffer | null = null
  lsnStart = 0
  oldTuple: Tuple | null = null
  newTuple: Tuple | null = null
  beforeIsKeyOnly = false
  message: MessageContent | null = null
  truncated: readonly Table[] = []
  private context: TransactionContext | null = null
  /** Of the image before: indexes into the columns; null: all. */
  private sent: readonly number[] | null = null

  get transaction(): TransactionContext {
    return this.context!
  }

  get before(): Row | null {
    if (this.oldTuple === null) return null
    return new Row(this.table!, this.oldTuple, this.sent === null ? {} : { only: this.sent })
  }

  get after(): Row | null {
    return this.newTuple === null ? null : new Row(this.table!, this.newTuple)
  }

  /** Takes over everything of the source's operation; `sent`: the columns its image before has, when not all. */
  copy(source: Operation, sent: readonly number[] | null): void {
    this.kind = source.kind
    this.table = source.table
    this.ordinal = source.ordinal
    this.context = source.transaction
    this.lsnBytes = source.lsnBytes
    this.lsnStart = source.lsnStart
    this.oldTuple = source.oldTuple
    this.newTuple = source.newTuple
    this.beforeIsKeyOnly = source.beforeIsKeyOnly
    this.sent = sent
  }

  /** The source's update as the removal of its old row. */
  asDelete(source: Operation): this {
    this.copy(source, null)
    this.kind = 'delete'
    this.newTuple = null
    return this
  }

  /** The source's update as the arrival of its new row. */
  asInsert(source: Operation): this {
    this.copy(source, null)
    this.kind = 'insert'
    this.oldTuple = null
    this.beforeIsKeyOnly = false
    return this
  }
}
