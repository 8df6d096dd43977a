import type { Table } from '@tidemark/schemas/table.ts'
import { UNCHANGED_LENGTH, type Tuple } from '@tidemark/schemas/tuple.ts'
import type { Scratch } from '../scratch.ts'
import { writeAvroColumn } from './avro-column.ts'
import { avroName } from './avro-name.ts'
import { avroTypeOf, type AvroSchema, type AvroType } from './avro-type.ts'
import { ColumnRecord } from './column-record.ts'

const cure = 'leave the column out, or choose another format for the table'

/** The Avro record of chosen columns of a table, and its encoder. Compiled once per table version. */
export class AvroRecord extends ColumnRecord {
  readonly schema: { readonly [name: string]: unknown }
  private readonly types: readonly AvroType[]

  /**
   * `nullable`: of a column by its index. Throws ROW_UNSUITABLE when two columns have the same Avro name.
   */
  constructor(
    table: Table,
    indexes: readonly number[],
    names: { namespace: string; name: string },
    nullable: (index: number) => boolean
  ) {
    super(table, indexes, nullable, cure)
    this.types = indexes.map(index => avroTypeOf(table.columns[index]!.type))
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

  protected writeValue(position: number, source: Buffer, start: number, end: number, into: Scratch): string | null {
    return writeAvroColumn(this.types[position]!, source, start, end, into)
  }

  /** Fields that may be null have null as default: so a reader with the column reads rows from before it came or after it went. */
  private fields(): AvroSchema[] {
    return this.fieldNames(avroName).map((name, position) => {
      const column = this.table.columns[this.indexes[position]!]!.name
      const { schema } = this.types[position]!
      const type = this.nullable[position] ? { type: ['null', schema], default: null } : { type: schema }
      return { name, ...type, ...(name === column ? {} : { 'tidemark.column': column }) }
    })
  }
}
