import { plainJson, plainText } from '@tidemark/kcop/display/plain-record.ts'
import type { DerivedSchemas } from '@tidemark/kcop/display/avro-value.ts'
import type { ParkedOperation } from '@tidemark/schemas/commit-stream.ts'
import type { Operation, TransactionContext } from '@tidemark/schemas/operation.ts'
import type { Style } from '../commands/presentation.ts'
import { recordText, safe } from './record-text.ts'
import type { ShownRecord } from './shown-record.ts'

export interface PreviewPrinterOptions {
  json: boolean
  style: Style
  schemas: DerivedSchemas
  write(text: string): void
}

/**
 * Writes a preview as it comes: for people, or with `json` one object a line. `type` of a line: `table`, `queue`, `transaction`,
 * `operation` with its records, `end` of a transaction with the records of monitors and its annotations, `schema`.
 */
export class PreviewPrinter {
  private readonly options: PreviewPrinterOptions
  private readonly told = new Set<string>()

  constructor(options: PreviewPrinterOptions) {
    this.options = options
  }

  /** Present rows of a table follow. */
  table(name: string, rows: number): void {
    const what = rows === 0 ? 'no present rows' : `${rows} of its present rows`
    this.write({ type: 'table', table: name, rows }, `${this.options.style.bold(safe(name))}: ${what}\n`)
  }

  /** Present messages of a queue follow. */
  queue(name: string, messages: number): void {
    const what = messages === 0 ? 'no messages' : `${messages} of its messages, which stay`
    this.write({ type: 'queue', queue: name, messages }, `${this.options.style.bold(safe(name))}: ${what}\n`)
  }

  transaction({ sourceId, commitTime, kind }: TransactionContext): void {
    if (kind === 'refresh') return
    const committed = new Date(Math.floor(commitTime / 1000)).toISOString()
    const text = `${this.options.style.bold(`transaction ${sourceId}`)}, committed ${committed}\n`
    this.write({ type: 'transaction', id: sourceId, committed }, text)
  }

  operation(operation: Operation, records: readonly ShownRecord[]): void {
    this.schemas(records)
    const { kind, ordinal, transaction } = operation
    const on = placeOf(operation)
    const text = transaction.kind === 'refresh' ? '' : ` ${kind}${on === null ? '' : ` ${safe(on)}`}\n`
    const none = records.length === 0 ? '  (no record)\n' : ''
    this.write({ type: 'operation', kind, ordinal, on, records }, `${text}${this.text(records)}${none}`)
  }

  /** The transaction is whole. */
  end(
    records: readonly ShownRecord[],
    annotations: ReadonlyMap<string, Buffer>,
    parked: readonly ParkedOperation[]
  ): void {
    if (records.length === 0 && annotations.size === 0 && parked.length === 0) return
    this.schemas(records)
    const told = Object.fromEntries([...annotations].map(([name, value]) => [name, plainText(value)]))
    const lines = Object.entries(told).map(
      ([name, value]) => `  annotation ${safe(name)} = ${safe(plainJson(value))}\n`
    )
    const aside = parked.map(
      ({ operation, table, reason }) => `  parked: operation ${operation} of ${safe(table)}, ${reason}\n`
    )
    const text = `${this.text(records)}${lines.join('')}${aside.join('')}`
    this.write({ type: 'end', records, annotations: told, parked }, text)
  }

  /** Each schema once, before the first record of it. */
  private schemas(records: readonly ShownRecord[]): void {
    for (const subject of records.flatMap(record => record.subjects)) {
      for (const entry of this.options.schemas.under(subject)) {
        if (this.told.has(`${subject} ${entry.id}`)) continue
        this.told.add(`${subject} ${entry.id}`)
        const schema: unknown = JSON.parse(entry.schema)
        const text = `  schema of ${safe(subject)}, not registered:\n    ${safe(entry.schema)}\n`
        this.write({ type: 'schema', subject, registered: false, schema }, this.options.style.faint(text))
      }
    }
  }

  private text(records: readonly ShownRecord[]): string {
    return records.map(record => recordText(record, this.options.style)).join('')
  }

  private write(line: object, text: string): void {
    this.options.write(this.options.json ? `${plainJson(line)}\n` : text)
  }
}

function placeOf({ table, truncated, message }: Operation): string | null {
  if (message !== null) return message.prefix
  if (table !== null) return table.qualifiedName
  return truncated.length === 0 ? null : truncated.map(({ qualifiedName }) => qualifiedName).join(', ')
}
