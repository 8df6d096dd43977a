import type { Operation, TransactionContext } from '@tidemark/schemas/operation.ts'
import type { Row } from '@tidemark/schemas/row.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import { NULL_LENGTH, UNCHANGED_LENGTH } from '@tidemark/schemas/tuple.ts'

/** The first line of a recording; the others are RecordedLine, one JSON object each. */
export const recordingHead = { tidemark: 'recorded operations', version: 2 } as const
/** Without the places of changes in the log. */
export const earlierHeads: readonly object[] = [{ tidemark: 'recorded operations', version: 1 }]
/** Of a recording, written and read. */
export const recordingBytesMax = 67_108_864

/** Values in PostgreSQL's text form; false: not sent, since it did not change. */
export type RecordedRow = readonly (string | null | false)[]

/** `lsn`: where the change stands in the log, in hexadecimal digits; absent for rows of a first copy. */
export type RecordedLine =
  | { does: 'table'; table: Table }
  | { does: 'begin'; id: string; commitMicros: number; position: string; kind: TransactionContext['kind'] }
  | { does: 'insert'; lsn?: string; table: string; after: RecordedRow }
  | { does: 'update'; lsn?: string; table: string; before: RecordedRow | null; keyOnly: boolean; after: RecordedRow }
  | { does: 'delete'; lsn?: string; table: string; before: RecordedRow | null; keyOnly: boolean }
  | { does: 'truncate'; lsn?: string; tables: readonly string[] }
  | { does: 'message'; lsn?: string; prefix: string; base64: string }
  | { does: 'commit' }

/** What a recording holds instead of values that shall not be in it. */
export interface RecordedValues {
  /** The text of the column at `index` of the table, or what stands for it. */
  text(table: Table, index: number, text: string): string | null
  message(prefix: string, content: Uint8Array): Uint8Array
}

/** Writes operations down as lines, to be run again by `@tidemark/kcop/testing`. */
export class OperationRecorder {
  private readonly values: RecordedValues
  private readonly write: (line: string) => void
  private readonly tables = new Map<string, Table>()

  /** `write` gets a line with its line feed. */
  constructor(values: RecordedValues, write: (line: string) => void) {
    this.values = values
    this.write = write
    this.line(recordingHead)
  }

  begin({ sourceId, commitTime, position, kind }: TransactionContext): void {
    const at = Buffer.from(position).toString('hex')
    this.line({ does: 'begin', id: sourceId, commitMicros: commitTime, position: at, kind })
  }

  operation(operation: Operation): void {
    for (const table of operation.table === null ? operation.truncated : [operation.table]) this.define(table)
    const line = this.recorded(operation)
    if (line === null) return
    const { lsnBytes, lsnStart } = operation
    const lsn = lsnBytes === null ? {} : { lsn: lsnBytes.toString('hex', lsnStart, lsnStart + 8) }
    this.line({ ...line, ...lsn })
  }

  commit(): void {
    this.line({ does: 'commit' })
  }

  private define(table: Table): void {
    if (this.tables.get(table.qualifiedName) === table) return
    this.tables.set(table.qualifiedName, table)
    this.line({ does: 'table', table })
  }

  private recorded({
    kind,
    table,
    before,
    after,
    beforeIsKeyOnly,
    truncated,
    message
  }: Operation): RecordedLine | null {
    switch (kind) {
      case 'insert':
        return { does: 'insert', table: table!.qualifiedName, after: this.row(after!) }
      case 'update': {
        const old = before === null ? null : this.row(before)
        return {
          does: 'update',
          table: table!.qualifiedName,
          before: old,
          keyOnly: beforeIsKeyOnly,
          after: this.row(after!)
        }
      }
      case 'delete': {
        const old = before === null ? null : this.row(before)
        return { does: 'delete', table: table!.qualifiedName, before: old, keyOnly: beforeIsKeyOnly }
      }
      case 'truncate':
        return { does: 'truncate', tables: truncated.map(({ qualifiedName }) => qualifiedName) }
      case 'message': {
        if (message === null) return null
        const content = this.values.message(message.prefix, message.bytes)
        return { does: 'message', prefix: message.prefix, base64: Buffer.from(content).toString('base64') }
      }
    }
  }

  private row({ table, tuple }: Row): RecordedRow {
    return table.columns.map((_, index) => {
      const length = tuple.lengths[index]!
      if (length === UNCHANGED_LENGTH) return false
      if (length === NULL_LENGTH) return null
      const start = tuple.starts[index]!
      return this.values.text(table, index, tuple.bytes.toString('utf8', start, start + length))
    })
  }

  private line(line: RecordedLine | typeof recordingHead): void {
    this.write(`${JSON.stringify(line)}\n`)
  }
}
