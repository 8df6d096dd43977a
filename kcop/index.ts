export { json } from './json-value.ts'
export {
  defineProcessor,
  type AnyTables,
  type HeaderValue,
  type OutgoingRecord,
  type Output,
  type Processor,
  type ProcessorOperation
} from './processor.ts'
export type { Operation, OperationKind, TransactionContext } from '@tidemark/schemas/operation.ts'
export { Row, type RowValues } from '@tidemark/schemas/row.ts'
export type { Column, Table } from '@tidemark/schemas/table.ts'
export { parseJson, type JsonValue } from '@tidemark/schemas/json-text.ts'
export type { ArrayValue } from '@tidemark/schemas/column-value.ts'
