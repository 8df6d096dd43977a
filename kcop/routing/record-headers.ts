import type { Operation } from '@tidemark/schemas/operation.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import { UNCHANGED_LENGTH } from '@tidemark/schemas/tuple.ts'
import { isoMicroseconds } from '../formats/journal.ts'
import type { HeaderWriter } from '../header-block.ts'
import type { JournalField, OutputRule } from '../rules.ts'
import { columnIndex } from './placement.ts'
import { atPart } from './rule-place.ts'

interface CompiledHeader {
  readonly name: Buffer
  /** Index of a column, or -1. */
  readonly column: number
  readonly journal: JournalField | null
  readonly text: Buffer | null
}

/** Headers of one's own: from columns as they are sent, from the journal, or always the same. */
export class RecordHeaders {
  private readonly headers: readonly CompiledHeader[]

  /** `table`: as formats see it. Throws COLUMN_UNKNOWN. */
  constructor(table: Table, rule: Pick<OutputRule, 'headers' | 'place' | 'places'>) {
    const indexOf = (column: string, header: string) =>
      atPart(rule, `headers/${header}`, () => columnIndex(table, column, `header ${header}`))
    this.headers = rule.headers.map(({ name, from }) => ({
      name: Buffer.from(name),
      column: 'column' in from ? indexOf(from.column, name) : -1,
      journal: 'journal' in from ? from.journal : null,
      text: 'text' in from ? Buffer.from(from.text) : null
    }))
  }

  /** Adds the headers; that of a column that was not sent is left out, that of a null is a null. */
  write(operation: Operation, into: HeaderWriter): void {
    for (const header of this.headers) {
      if (header.column >= 0) writeColumn(header, operation, into)
      else into.add(header.name, header.text ?? Buffer.from(journalText(header.journal!, operation)))
    }
  }
}

function writeColumn({ name, column }: CompiledHeader, operation: Operation, into: HeaderWriter): void {
  const image = (operation.newTuple ?? operation.oldTuple)!
  const length = image.lengths[column]!
  if (length === UNCHANGED_LENGTH) return
  // In an image of the identity's columns alone a null says nothing.
  if (length < 0 && operation.newTuple === null && operation.beforeIsKeyOnly) return
  if (length < 0) into.add(name, null)
  else into.add(name, image.bytes, image.starts[column]!, image.starts[column]! + length)
}

function journalText(field: JournalField, operation: Operation): string {
  switch (field) {
    case 'operation':
      return operation.transaction.kind === 'refresh' ? 'refresh' : operation.kind
    case 'table':
      return operation.table!.qualifiedName
    case 'commitTime':
      return isoMicroseconds(operation.transaction.commitTime)
    case 'transaction':
      return operation.transaction.sourceId
    case 'ordinal':
      return String(operation.ordinal)
  }
}
