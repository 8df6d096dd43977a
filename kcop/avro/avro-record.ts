import type { Table } from '@tidemark/schemas/table.ts'
import { UNCHANGED_LENGTH, type Tuple } from '@tidemark/schemas/tuple.ts'
import type { Scratch } from '../scratch.ts'
import { writeAvroColumn } from './avro-column.ts'
import { avroName } from './avro-name.ts'
import { avroTypeOf, NULL_BRANCH, VALUE_BRANCH, type AvroSchema, type AvroType } from './avro-type.ts'
import { ColumnRecord } from './column-record.ts'
import { plainRoom, writePlain } from './plain-value.ts'

const cure = 'leave the column out, or choose another format for the table'

/** The Avro record of chosen columns of a table, and its encoder. Compiled once per table version. */
export class AvroRecord extends ColumnRecord {
  readonly schema: { readonly [name: string]: unknown }
  private readonly types: readonly AvroType[]
  private readonly codes: Uint8Array
  private readonly columns: Int32Array

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
    this.codes = Uint8Array.from(this.types, ({ code }) => code)
    this.columns = Int32Array.from(indexes)
    this.schema = { type: 'record', ...names, fields: this.fields() }
  }

  /**
   * Appends the row. Columns that were not sent are null; returns how many those are. `absent` is the length that means
   * "not sent". Throws ROW_UNSUITABLE naming the column.
   */
  write(image: Tuple, into: Scratch, absent = UNCHANGED_LENGTH): number {
    const { columns, codes, nullable } = this
    const { lengths, starts, bytes: source } = image
    let left = 0
    let bytes: Buffer = into.bytes
    let at = into.length
    for (let position = 0; position < columns.length; position++) {
      const index = columns[position]!
      const length = lengths[index]!
      if (length === absent) left++
      if (bytes.length - at < length + plainRoom + 1) {
        into.length = at
        bytes = into.room(length + plainRoom + 1)
      }
      if (nullable[position]) bytes[at++] = length < 0 ? NULL_BRANCH : VALUE_BRANCH
      else if (length < 0) throw this.unsuitable(index, 'is null in a record key')
      if (length < 0) continue
      const start = starts[index]!
      const after = writePlain(codes[position]!, source, start, start + length, bytes, at)
      if (after >= 0) at = after
      else {
        into.length = at
        this.writeInFull(position, index, image, into)
        bytes = into.bytes
        at = into.length
      }
    }
    into.length = at
    return left
  }

  override writeKey(image: Tuple, old: Tuple | null, into: Scratch): number {
    for (let position = 0; position < this.columns.length; position++) {
      if (image.lengths[this.columns[position]!] === UNCHANGED_LENGTH) return super.writeKey(image, old, into)
    }
    return this.write(image, into)
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
