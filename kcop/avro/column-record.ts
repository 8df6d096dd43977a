import type { Table } from '@tidemark/schemas/table.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { NULL_LENGTH, UNCHANGED_LENGTH, type Tuple } from '@tidemark/schemas/tuple.ts'
import type { Scratch } from '../scratch.ts'
import { NULL_BRANCH, VALUE_BRANCH } from './avro-type.ts'

/** Chosen columns of a table as the fields of an Avro record, whatever each becomes. Compiled once per table version. */
export abstract class ColumnRecord {
  protected readonly table: Table
  protected readonly indexes: readonly number[]
  /** By position among the fields. */
  protected readonly nullable: readonly boolean[]
  private readonly cure: string | undefined

  /** `cure`: for a value that cannot be written; without it the code's own. */
  protected constructor(table: Table, indexes: readonly number[], nullable: (index: number) => boolean, cure?: string) {
    this.table = table
    this.indexes = indexes
    this.nullable = indexes.map(nullable)
    this.cure = cure
  }

  /** Appends the value of the field, which is there; returns what is wrong with it, or null. */
  protected abstract writeValue(
    position: number,
    source: Buffer,
    start: number,
    end: number,
    into: Scratch
  ): string | null

  /** Appends the fields of key columns: one left out as unchanged is taken from the old row. Returns how many are not known. */
  writeKey(image: Tuple, old: Tuple | null, into: Scratch): number {
    let left = 0
    for (let position = 0; position < this.indexes.length; position++) {
      const index = this.indexes[position]!
      const holder = image.lengths[index] === UNCHANGED_LENGTH ? old : image
      if (holder === null || (holder === old && holder.lengths[index]! < 0)) left++
      else this.writeField(position, index, holder, into)
    }
    return left
  }

  /** A column that was not sent is null. Throws ROW_UNSUITABLE naming the column. */
  protected writeField(position: number, index: number, holder: Tuple, into: Scratch): void {
    const length = holder.lengths[index]!
    if (this.nullable[position]) into.room(1)[into.length++] = length < 0 ? NULL_BRANCH : VALUE_BRANCH
    else if (length < 0) throw this.unsuitable(index, 'is null in a record key')
    if (length === NULL_LENGTH || length === UNCHANGED_LENGTH) return
    this.writeInFull(position, index, holder, into)
  }

  /** Appends a value that is there. Throws ROW_UNSUITABLE naming the column. */
  protected writeInFull(position: number, index: number, holder: Tuple, into: Scratch): void {
    const start = holder.starts[index]!
    const wrong = this.writeValue(position, holder.bytes, start, start + holder.lengths[index]!, into)
    if (wrong !== null) throw this.unsuitable(index, wrong)
  }

  /** Names of the fields. Throws ROW_UNSUITABLE when two columns have the same. */
  protected fieldNames(nameOf: (column: string) => string): string[] {
    const taken = new Map<string, string>()
    return this.indexes.map(index => {
      const column = this.table.columns[index]!.name
      const name = nameOf(column)
      const other = taken.get(name)
      if (other !== undefined) throw this.sameName(column, other, name)
      taken.set(name, column)
      return name
    })
  }

  protected unsuitable(index: number, what: string): TidemarkError {
    return new TidemarkError('ROW_UNSUITABLE', {
      message: `column ${this.table.columns[index]!.name} of ${this.table.qualifiedName} ${what}`,
      ...(this.cure === undefined ? {} : { cure: this.cure })
    })
  }

  private sameName(column: string, other: string, name: string): TidemarkError {
    return new TidemarkError('ROW_UNSUITABLE', {
      message: `columns ${other} and ${column} of ${this.table.qualifiedName} both have the Avro name ${name}`,
      cure: 'rename one of them, or leave it out of the records'
    })
  }
}
