import type { Operation, TransactionContext } from '@tidemark/schemas/operation.ts'
import type { PositionBytes } from '@tidemark/schemas/position.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import type { TransactionReceiver } from '../source.ts'
import type { Tenure } from '../tenure.ts'

/** Annotation of the transaction before a table's first chunk: whoever keeps its rows forgets them. Value: `schema.name`. */
export const refreshStartAnnotation = 'refresh-start'
/** Annotation of the transaction after a table's last chunk. Value: `schema.name`. */
export const refreshEndAnnotation = 'refresh-end'

/** Frames each table's chunks by a transaction of their start and one of their end. */
export class RefreshReceiver implements TransactionReceiver {
  rows = 0
  private readonly tenure: Tenure
  private readonly context: Omit<TransactionContext, 'sourceId'>
  private table: Table | null = null

  /** `commitTime` of the framing transactions, microseconds; `position` of all. */
  constructor(tenure: Tenure, position: PositionBytes, commitTime: number) {
    this.tenure = tenure
    this.context = { commitTime, position, kind: 'refresh' }
  }

  /** Of the table being copied; empty between tables. */
  get tableName(): string {
    return this.table?.qualifiedName ?? ''
  }

  schema(table: Table): void {
    this.finish()
    this.tenure.schema(table)
    this.table = table
    this.frame(table, 'start', refreshStartAnnotation)
  }

  begin(transaction: TransactionContext): void {
    this.tenure.begin(transaction)
  }

  operation(operation: Operation): void {
    this.rows++
    this.tenure.operation(operation)
  }

  commit(position: PositionBytes): void {
    this.tenure.commit(position)
  }

  idle(): void {}

  /** The last table is whole. */
  finish(): void {
    if (this.table !== null) this.frame(this.table, 'end', refreshEndAnnotation)
    this.table = null
  }

  private frame(table: Table, which: 'start' | 'end', annotation: string): void {
    const { tenure, context } = this
    tenure.begin({ ...context, sourceId: `refresh:${table.qualifiedName}:${which}` })
    tenure.annotate(annotation, Buffer.from(table.qualifiedName))
    if (which === 'start') tenure.refreshStart(table)
    else tenure.refreshEnd(table)
    tenure.commit(context.position)
  }
}
