import type { Table } from '@tidemark/schemas/table.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { NULL_LENGTH, UNCHANGED_LENGTH, type Tuple } from '@tidemark/schemas/tuple.ts'
import type { AvroSchema } from '../../avro/avro-type.ts'
import type { Scratch } from '../../scratch.ts'
import { connectAvroSchema } from './connect-schema.ts'
import { connectTypeOf, writeConnectColumn, writeUnavailable, type ConnectType } from './connect-value.ts'
import type { DecimalHandling } from './debezium-type.ts'

const NULL_BRANCH = 0
const VALUE_BRANCH = 2

/** A name as Debezium adjusts it for Avro (`schema.name.adjustment.mode: avro`): what Avro does not allow becomes `_`. */
export function adjustedName(text: string): string {
  const legal = text.replaceAll(/[^A-Za-z0-9_]/g, '_')
  return /^[0-9]/.test(legal) ? `_${legal}` : legal
}

/** A row, or a key, as a record of Debezium's columns. Compiled once per table version. */
export class ConnectRecord {
  readonly fullName: string
  readonly schema: { readonly [name: string]: unknown }
  private readonly table: Table
  private readonly indexes: readonly number[]
  private readonly types: readonly ConnectType[]
  private readonly nullable: readonly boolean[]

  /** `known`: names of record types that stand before. Throws ROW_UNSUITABLE when two columns have the same Avro name. */
  constructor(
    table: Table,
    indexes: readonly number[],
    named: { namespace: string; name: string },
    decimals: DecimalHandling,
    known = new Set<string>()
  ) {
    this.table = table
    this.indexes = indexes
    this.types = indexes.map(index => connectTypeOf(table.columns[index]!.type, decimals))
    // The log does not tell which other columns are NOT NULL.
    this.nullable = indexes.map(index => !table.keyColumns.includes(index))
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

  /** The same of key columns: one left out as unchanged is taken from the old row. Returns how many are not known. */
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
    else if (length < 0) throw this.unsuitable(index, 'is null in a key')
    if (length === NULL_LENGTH) return
    const start = holder.starts[index]!
    const wrong = writeConnectColumn(this.types[position]!, holder.bytes, start, start + length, into)
    if (wrong !== null) throw this.unsuitable(index, wrong)
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
    const taken = new Map<string, string>()
    return this.indexes.map((index, position) => {
      const { name: column, type } = this.table.columns[index]!
      const name = adjustedName(column)
      const other = taken.get(name)
      if (other !== undefined) throw this.sameName(column, other, name)
      taken.set(name, column)
      const schema = connectAvroSchema(type, this.types[position]!.debezium, known)
      return this.nullable[position] ? { name, type: ['null', schema], default: null } : { name, type: schema }
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
      message: `column ${this.table.columns[index]!.name} of ${this.table.qualifiedName} ${what}`
    })
  }
}
