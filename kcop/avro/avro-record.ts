import type { Table } from '@tidemark/schemas/table.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { NULL_LENGTH, UNCHANGED_LENGTH, type Tuple } from '@tidemark/schemas/tuple.ts'
import type { Scratch } from '../scratch.ts'
import { writeAvroColumn } from './avro-column.ts'
import { avroName } from './avro-name.ts'
import { avroTypeOf, type AvroSchema, type AvroType } from './avro-type.ts'

/** Branches of the union of null and a column's type. */
const NULL_BRANCH = 0
const VALUE_BRANCH = 2

/** The Avro record of chosen columns of a table, and its encoder. Compiled once per table version. */
export class AvroRecord {
  readonly schema: { readonly [name: string]: unknown }
  private readonly table: Table
  private readonly indexes: readonly number[]
  private readonly types: readonly AvroType[]
  private readonly nullable: readonly boolean[]

  /**
   * `nullable`: of a column by its index. Throws ROW_UNSUITABLE when two columns have the same Avro name.
   */
  constructor(
    table: Table,
    indexes: readonly number[],
    names: { namespace: string; name: string },
    nullable: (index: number) => boolean
  ) {
    this.table = table
    this.indexes = indexes
    this.types = indexes.map(index => avroTypeOf(table.columns[index]!.type))
    this.nullable = indexes.map(nullable)
    this.schema = { type: 'record', ...names, fields: this.fields() }
  }

  /**
   * Appends the row. Columns that were not sent are null; returns how many those are. `absent` is the length that means
   * "not sent". Throws ROW_UNSUITABLE naming the column.
   */
  write(image: Tuple, into: Scratch, absent = UNCHANGED_LENGTH): number {
    let left = 0
    for (let position = 0; position < this.indexes.length; position++) {
      const index = this.indexes[position]!
      if (image.lengths[index] === absent) left++
      this.writeField(position, index, image, into)
    }
    return left
  }

  /** The same of key columns: one left out as unchanged is taken from the old row. */
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

  private writeField(position: number, index: number, holder: Tuple, into: Scratch): void {
    const length = holder.lengths[index]!
    if (this.nullable[position]) into.room(1)[into.length++] = length < 0 ? NULL_BRANCH : VALUE_BRANCH
    else if (length < 0) throw this.unsuitable(index, 'is null in a record key')
    if (length === NULL_LENGTH || length === UNCHANGED_LENGTH) return
    const start = holder.starts[index]!
    const wrong = writeAvroColumn(this.types[position]!, holder.bytes, start, start + length, into)
    if (wrong !== null) throw this.unsuitable(index, wrong)
  }

  /** Fields that may be null have null as default: so a reader with the column reads rows from before it came or after it went. */
  private fields(): AvroSchema[] {
    const taken = new Map<string, string>()
    return this.indexes.map((index, position) => {
      const column = this.table.columns[index]!.name
      const name = avroName(column)
      const other = taken.get(name)
      if (other !== undefined) throw this.sameName(column, other, name)
      taken.set(name, column)
      const { schema } = this.types[position]!
      const type = this.nullable[position] ? { type: ['null', schema], default: null } : { type: schema }
      return { name, ...type, ...(name === column ? {} : { 'tidemark.column': column }) }
    })
  }

  private sameName(column: string, other: string, name: string): TidemarkError {
    return new TidemarkError('ROW_UNSUITABLE', {
      message: `columns ${other} and ${column} of ${this.table.qualifiedName} both have the Avro name ${name}`,
      cure: 'rename one of them, or leave it out of the records'
    })
  }

  private unsuitable(index: number, what: string): TidemarkError {
    return new TidemarkError('ROW_UNSUITABLE', {
      message: `column ${this.table.columns[index]!.name} of ${this.table.qualifiedName} ${what}`,
      cure: 'leave the column out, or choose another format for the table'
    })
  }
}
