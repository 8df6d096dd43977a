import type { Column, Table } from './table.ts'
import { NULL_LENGTH, UNCHANGED_LENGTH, type Tuple } from './tuple.ts'
import { TidemarkError } from './tidemark-error.ts'

/** A column the server did not send because its stored value did not change. */
export const unchanged = Symbol('unchanged')

/** A row image seen column by column; values are made when asked for. Valid while its tuple is. */
export class Row {
  readonly table: Table
  readonly tuple: Tuple

  constructor(table: Table, tuple: Tuple) {
    this.table = table
    this.tuple = tuple
  }

  get columns(): readonly Column[] {
    return this.table.columns
  }

  isNull(name: string): boolean {
    return this.tuple.lengths[this.indexOf(name)] === NULL_LENGTH
  }

  isUnchanged(name: string): boolean {
    return this.tuple.lengths[this.indexOf(name)] === UNCHANGED_LENGTH
  }

  /** The value in PostgreSQL's text form; null for null. Throws ROW_UNSUITABLE for an unchanged column that was not sent. */
  text(name: string): string | null {
    const index = this.indexOf(name)
    const length = this.tuple.lengths[index]!
    if (length === NULL_LENGTH) return null
    if (length === UNCHANGED_LENGTH) throw this.notSent(name)
    const start = this.tuple.starts[index]!
    return this.tuple.bytes.toString('utf8', start, start + length)
  }

  /** A new buffer with the text form's bytes. */
  bytes(name: string): Buffer | null {
    const text = this.text(name)
    return text === null ? null : Buffer.from(text)
  }

  /** The value as a JavaScript number, null for null. Throws ROW_UNSUITABLE when a number cannot hold it exactly enough to be an integer. */
  number(name: string): number | null {
    const text = this.text(name)
    if (text === null) return null
    const value = Number(text)
    if (text.trim() === '' || (Number.isNaN(value) && text !== 'NaN')) throw this.unsuitable(name, 'is not a number')
    if (/^-?\d+$/.test(text) && !Number.isSafeInteger(value)) {
      throw this.unsuitable(name, 'is an integer beyond 2^53; use bigint()')
    }
    return value
  }

  bigint(name: string): bigint | null {
    const text = this.text(name)
    if (text === null) return null
    if (!/^-?\d+$/.test(text)) throw this.unsuitable(name, 'is not an integer')
    return BigInt(text)
  }

  boolean(name: string): boolean | null {
    const text = this.text(name)
    if (text === null) return null
    if (text !== 't' && text !== 'f') throw this.unsuitable(name, 'is not a boolean')
    return text === 't'
  }

  json(name: string): unknown {
    const text = this.text(name)
    return text === null ? null : JSON.parse(text)
  }

  has(name: string): boolean {
    return this.table.columns.some(column => column.name === name)
  }

  private indexOf(name: string): number {
    const columns = this.table.columns
    for (let index = 0; index < columns.length; index++) if (columns[index]!.name === name) return index
    throw new TidemarkError('COLUMN_UNKNOWN', {
      message: `table ${this.table.qualifiedName} has no column ${name}`,
      cure: `use one of: ${columns.map(column => column.name).join(', ')}`
    })
  }

  private notSent(name: string): TidemarkError {
    return new TidemarkError('ROW_UNSUITABLE', {
      message: `column ${name} of ${this.table.qualifiedName} did not change and the server left it out`,
      cure: `ask isUnchanged('${name}') first, or set ALTER TABLE ${this.table.qualifiedName} REPLICA IDENTITY FULL`
    })
  }

  private unsuitable(name: string, what: string): TidemarkError {
    return new TidemarkError('ROW_UNSUITABLE', {
      message: `column ${name} of ${this.table.qualifiedName} ${what}`
    })
  }
}
