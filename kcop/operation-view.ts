import type { MessageContent, Operation, OperationKind, TransactionContext } from '@tidemark/schemas/operation.ts'
import { changedColumns, type Row } from '@tidemark/schemas/row.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import type { Tuple } from '@tidemark/schemas/tuple.ts'
import type { TableFormat } from './format.ts'
import type { ProcessorOperation } from './processor.ts'
import { Scratch } from './scratch.ts'

/**
 * What a processor sees of an operation: the source's operation with its key and changed columns, made when asked for. One
 * object serves all operations; the built-in path never touches it.
 */
export class OperationView implements Operation {
  private source: Operation | null = null
  private format: TableFormat | null = null
  private tableSeen: Table | null = null
  private readonly scratch = new Scratch()

  /** `format`: of the table, null when its records have no key. `table`: the one of several a truncate is told for. */
  show(operation: Operation, format: TableFormat | null, table = operation.table): ProcessorOperation {
    this.source = operation
    this.format = format
    this.tableSeen = table
    return this as unknown as ProcessorOperation
  }

  get kind(): OperationKind {
    return this.shown.kind
  }
  get table(): Table | null {
    return this.tableSeen
  }
  get tableName(): string | null {
    return this.tableSeen === null ? null : this.tableSeen.qualifiedName
  }
  get ordinal(): number {
    return this.shown.ordinal
  }
  get transaction(): TransactionContext {
    return this.shown.transaction
  }
  get lsnBytes(): Buffer | null {
    return this.shown.lsnBytes
  }
  get lsnStart(): number {
    return this.shown.lsnStart
  }
  get lsn(): bigint | null {
    const { lsnBytes, lsnStart } = this.shown
    return lsnBytes === null ? null : lsnBytes.readBigUInt64BE(lsnStart)
  }
  get oldTuple(): Tuple | null {
    return this.shown.oldTuple
  }
  get beforeIsKeyOnly(): boolean {
    return this.shown.beforeIsKeyOnly
  }
  get newTuple(): Tuple | null {
    return this.shown.newTuple
  }
  get truncated(): readonly Table[] {
    return this.shown.truncated
  }
  get message(): MessageContent | null {
    return this.shown.message
  }

  get before(): Row | null {
    return this.shown.before
  }
  get after(): Row | null {
    return this.shown.after
  }

  /** A new buffer each time, so that it may be kept. */
  get key(): Buffer | null {
    const { newTuple, oldTuple } = this.shown
    const image = newTuple ?? oldTuple
    if (this.format === null || image === null) return null
    this.scratch.length = 0
    this.format.key(image, newTuple === null ? null : oldTuple, this.scratch)
    return this.scratch.copy()
  }

  get changed(): readonly string[] | null {
    const { before, after } = this
    return before === null || after === null ? null : changedColumns(before, after)
  }

  private get shown(): Operation {
    return this.source!
  }
}
