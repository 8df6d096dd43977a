import { insert } from '@tidemark/kcop/testing/operations.ts'
import { lsn, lsnToBytes } from '@tidemark/schemas/position.ts'
import type { TransactionContext } from '@tidemark/schemas/operation.ts'
import type { SqlSession } from '../postgres/sql-session.ts'
import { presentRows, type ReadableTable } from './present-rows.ts'
import type { PreviewPrinter } from './preview-printer.ts'
import type { PreviewReceiver } from './preview-receiver.ts'

export interface PresentPreview {
  sql: SqlSession
  readable: ReadableTable
  rows: number
  printer: PreviewPrinter
  receiver: PreviewReceiver
  nowMicros: number
}

const position = lsnToBytes(lsn(0n))

/** Shows a few present rows as the first copy would send them. Throws POSTGRES_PERMISSION and what reading rows throws. */
export async function previewPresent(preview: PresentPreview): Promise<void> {
  const { sql, readable, rows, printer, receiver, nowMicros } = preview
  const { table } = readable
  const found = await sql.do(`reading ${table.qualifiedName}`, client => presentRows(client, readable, rows))
  printer.table(table.qualifiedName, found.length)
  const transaction: TransactionContext = {
    sourceId: `refresh:${table.qualifiedName}:0`,
    commitTime: nowMicros,
    position,
    kind: 'refresh'
  }
  receiver.schema(table)
  receiver.begin(transaction)
  found.forEach((row, ordinal) => receiver.operation(insert(table, row, { ordinal, transaction })))
  receiver.commit(position)
}
