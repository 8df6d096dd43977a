import { ColumnTextError, columnValue, type ColumnValue } from './column-value.ts'
import type { Column, Table } from './table.ts'
import { NULL_LENGTH, UNCHANGED_LENGTH, type Tuple } from './tuple.ts'
import { TidemarkError } from './tidemark-error.ts'

export interface RowScope {
  /**
   * Indexes into the table's columns this row has; absent: all. An image before of which the source sent the replica
   * identity alone has no other columns: the server sends them as null, which they need not have been.
   */
  only?: readonly number[]
}

type ColumnName<Values> = keyof Values & string
type Picked<Values extends object, Name extends keyof Values> = string extends keyof Values
  ? Row
  : Row<Pick<Values, Name>, Partial<Pick<Values, Name>>>

/** Values by column name, where nothing more is known of the table. */
export type RowValues = Record<string, ColumnValue>

/**
 * A row image seen column by column; values are made when asked for. Valid while its tuple is.
 * Every accessor throws COLUMN_UNKNOWN for a column the row has not. `Values`: by column name, as `tidemark types` writes
 * them; `Sent`: those that are surely there.
 */
export class Row<Values extends object = RowValues, Sent extends object = Values> {
  readonly table: Table
  readonly tuple: Tuple
  /** Indexes into the table's columns, in the order they were picked; null = all. */
  readonly only: readonly number[] | null

  constructor(table: Table, tuple: Tuple, scope: RowScope = {}) {
    this.table = table
    this.tuple = tuple
    this.only = scope.only ?? null
  }

  get columns(): readonly Column[] {
    return this.only === null ? this.table.columns : this.only.map(index => this.table.columns[index]!)
  }

  /** Whether the row has the column. */
  has(name: ColumnName<Values>): boolean {
    return this.find(name) >= 0
  }

  isNull(name: ColumnName<Values>): boolean {
    return this.tuple.lengths[this.indexOf(name)] === NULL_LENGTH
  }

  /** Whether the server left the column out because its stored value did not change, so that it cannot be read here. */
  isUnchanged(name: ColumnName<Values>): boolean {
    return this.tuple.lengths[this.indexOf(name)] === UNCHANGED_LENGTH
  }

  /** The value in PostgreSQL's text form; null for null. Throws ROW_UNSUITABLE for an unchanged column that was not sent. */
  text(name: ColumnName<Values>): string | null {
    return this.textAt(this.indexOf(name))
  }

  /** A new buffer with the text form's bytes. */
  bytes(name: ColumnName<Values>): Buffer | null {
    const text = this.text(name)
    return text === null ? null : Buffer.from(text)
  }

  /** The value as JavaScript has it (docs/types.md); null for null. Throws ROW_UNSUITABLE as `text` does. */
  value<Name extends ColumnName<Values>>(name: Name): Values[Name] {
    return this.valueAt(this.indexOf(name)) as Values[Name]
  }

  /** The value as a JavaScript number, null for null. Throws ROW_UNSUITABLE for an integer a number cannot hold exactly. */
  number(name: ColumnName<Values>): number | null {
    const text = this.text(name)
    if (text === null) return null
    const value = Number(text)
    if (text.trim() === '' || (Number.isNaN(value) && text !== 'NaN')) throw this.unsuitable(name, 'is not a number')
    if (/^-?\d+$/.test(text) && !Number.isSafeInteger(value)) {
      throw this.unsuitable(name, 'is an integer beyond 2^53; use bigint()')
    }
    return value
  }

  bigint(name: ColumnName<Values>): bigint | null {
    const text = this.text(name)
    if (text === null) return null
    if (!/^-?\d+$/.test(text)) throw this.unsuitable(name, 'is not an integer')
    return BigInt(text)
  }

  boolean(name: ColumnName<Values>): boolean | null {
    const text = this.text(name)
    if (text === null) return null
    if (text !== 't' && text !== 'f') throw this.unsuitable(name, 'is not a boolean')
    return text === 't'
  }

  /** The parsed value of a json, jsonb or text column. */
  json(name: ColumnName<Values>): unknown {
    const text = this.text(name)
    if (text === null) return null
    try {
      return JSON.parse(text)
    } catch {
      // The parser's own message quotes the value.
      throw this.unsuitable(name, 'is not JSON')
    }
  }

  /** The same row with these columns only, in this order. */
  pick<Name extends ColumnName<Values>>(...names: Name[]): Picked<Values, Name> {
    return new Row(this.table, this.tuple, { only: names.map(name => this.indexOf(name)) }) as Picked<Values, Name>
  }

  /** The columns as a plain object by docs/types.md; columns left out as unchanged are not in it. */
  toObject(): Sent {
    const entries: [string, ColumnValue][] = []
    for (const index of this.only ?? this.table.columns.keys()) {
      if (this.tuple.lengths[index] === UNCHANGED_LENGTH) continue
      entries.push([this.table.columns[index]!.name, this.valueAt(index)])
    }
    return Object.fromEntries(entries) as Sent
  }

  /** Whether the column at `index` of the table has the same bytes in both rows; null or unchanged need not be sent. */
  equalsAt(index: number, other: Row): boolean {
    const here = this.tuple
    const there = other.tuple
    const length = here.lengths[index]!
    if (length !== there.lengths[index]) return false
    if (length <= 0) return true
    const start = here.starts[index]!
    const otherStart = there.starts[index]!
    return here.bytes.compare(there.bytes, otherStart, otherStart + length, start, start + length) === 0
  }

  private textAt(index: number): string | null {
    const { tuple } = this
    const length = tuple.lengths[index]!
    if (length === NULL_LENGTH) return null
    if (length === UNCHANGED_LENGTH) throw this.notSent(this.table.columns[index]!.name)
    const start = tuple.starts[index]!
    return tuple.bytes.toString('utf8', start, start + length)
  }

  private valueAt(index: number): ColumnValue {
    const text = this.textAt(index)
    if (text === null) return null
    const column = this.table.columns[index]!
    try {
      return columnValue(column.type, text)
    } catch (error) {
      if (error instanceof ColumnTextError) throw this.unsuitable(column.name, error.message)
      throw error
    }
  }

  private find(name: string): number {
    const columns = this.table.columns
    if (this.only !== null) return this.only.find(index => columns[index]!.name === name) ?? -1
    for (let index = 0; index < columns.length; index++) if (columns[index]!.name === name) return index
    return -1
  }

  private indexOf(name: string): number {
    const index = this.find(name)
    if (index >= 0) return index
    const known = this.table.columns.some(column => column.name === name)
    throw new TidemarkError('COLUMN_UNKNOWN', {
      message: known
        ? `this image of ${this.table.qualifiedName} does not have column ${name}`
        : `table ${this.table.qualifiedName} has no column ${name}`,
      cure: `use one of: ${this.columns.map(column => column.name).join(', ')}`
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

/**
 * Names of the columns in which two images of a row differ; null unless `before` is the whole row. A column left out as
 * unchanged has not changed.
 */
export function changedColumns(before: Row, after: Row): readonly string[] | null {
  if (before.only !== null) return null
  const changed: string[] = []
  before.table.columns.forEach((column, index) => {
    if (after.tuple.lengths[index] !== UNCHANGED_LENGTH && !after.equalsAt(index, before)) changed.push(column.name)
  })
  return changed
}
