import type { Table } from '@tidemark/schemas/table.ts'
import { UNCHANGED_LENGTH, type Tuple } from '@tidemark/schemas/tuple.ts'
import type { AvroSchema } from '../../avro/avro-type.ts'
import { ColumnRecord } from '../../avro/column-record.ts'
import type { Scratch } from '../../scratch.ts'
import { connectAvroSchema } from './connect-schema.ts'
import { connectTypeOf, writeConnectColumn, writeUnavailable, type ConnectType } from './connect-value.ts'
import type { DecimalHandling } from './debezium-type.ts'

/** A name as Debezium adjusts it for Avro (`schema.name.adjustment.mode: avro`): what Avro does not allow becomes `_`. */
export function adjustedName(text: string): string {
  const legal = text.replaceAll(/[^A-Za-z0-9_]/g, '_')
  return /^[0-9]/.test(legal) ? `_${legal}` : legal
}

/** A row, or a key, as a record of Debezium's columns. Compiled once per table version. */
export class ConnectRecord extends ColumnRecord {
  readonly fullName: string
  readonly schema: { readonly [name: string]: unknown }
  private readonly types: readonly ConnectType[]

  /** `known`: names of record types that stand before. Throws ROW_UNSUITABLE when two columns have the same Avro name. */
  constructor(
    table: Table,
    indexes: readonly number[],
    named: { namespace: string; name: string },
    decimals: DecimalHandling,
    known = new Set<string>()
  ) {
    // The log does not tell which other columns are NOT NULL.
    super(table, indexes, index => !table.keyColumns.includes(index))
    this.types = indexes.map(index => connectTypeOf(table.columns[index]!.type, decimals))
    this.fullName = `${named.namespace}.${named.name}`
    this.schema = { type: 'record', ...named, fields: this.fields(known), 'connect.name': this.fullName }
  }

  /** Appends the row; returns how many columns were not sent as unchanged: these have Debezium's placeholder. */
  write(image: Tuple, into: Scratch): number {
    let unchanged = 0
    for (let position = 0; position < this.indexes.length; position++) {
      const index = this.indexes[position]!
      if (image.lengths[index] !== UNCHANGED_LENGTH) this.writeField(position, index, image, into)
      else {
        this.writeUnsent(position, index, into)
        unchanged++
      }
    }
    return unchanged
  }

  protected writeValue(position: number, source: Buffer, start: number, end: number, into: Scratch): string | null {
    return writeConnectColumn(this.types[position]!, source, start, end, into)
  }

  private writeUnsent(position: number, index: number, into: Scratch): void {
    const branch = into.length
    const isThere = writeUnavailable(this.types[position]!, into)
    if (this.nullable[position]) return
    if (!isThere) throw this.unsuitable(index, 'did not change, was not sent, and has no placeholder')
    // A field that is no union has no branch in front.
    into.bytes.copy(into.bytes, branch, branch + 1, into.length)
    into.length--
  }

  private fields(known: Set<string>): AvroSchema[] {
    return this.fieldNames(adjustedName).map((name, position) => {
      const { type } = this.table.columns[this.indexes[position]!]!
      const schema = connectAvroSchema(type, this.types[position]!.debezium, known)
      return this.nullable[position] ? { name, type: ['null', schema], default: null } : { name, type: schema }
    })
  }
}
