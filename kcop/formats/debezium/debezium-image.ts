import type { Table } from '@tidemark/schemas/table.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { NULL_LENGTH, UNCHANGED_LENGTH, type Tuple } from '@tidemark/schemas/tuple.ts'
import type { Scratch } from '../../scratch.ts'
import { writeDebeziumColumn } from './debezium-column.ts'
import { debeziumTypeOf, type DebeziumType, type DecimalHandling } from './debezium-type.ts'

const BRACE_OPEN = 0x7b
const BRACE_CLOSE = 0x7d
const nullBytes = Buffer.from('null')

/** Writes chosen columns of a table's row images as Debezium's rows: every column is there, in table order. */
export class DebeziumImage {
  private readonly table: Table
  private readonly indexes: readonly number[]
  private readonly types: readonly DebeziumType[]
  /** `"name":` of each column, a comma before all but the first. */
  private readonly names: readonly Buffer[]

  constructor(table: Table, indexes: readonly number[], decimals: DecimalHandling) {
    this.table = table
    this.indexes = indexes
    this.types = indexes.map(index => debeziumTypeOf(table.columns[index]!.type, decimals))
    this.names = indexes.map((index, position) =>
      Buffer.from(`${position === 0 ? '' : ','}${JSON.stringify(table.columns[index]!.name)}:`)
    )
  }

  /**
   * Appends the object; returns how many columns were not sent as unchanged: these have Debezium's placeholder. Throws
   * ROW_UNSUITABLE naming the column.
   */
  write(image: Tuple, into: Scratch): number {
    let unchanged = 0
    into.room(1)[into.length++] = BRACE_OPEN
    for (let position = 0; position < this.indexes.length; position++) {
      const index = this.indexes[position]!
      const name = this.names[position]!
      into.append(name, 0, name.length)
      const length = image.lengths[index]!
      if (length === NULL_LENGTH) into.append(nullBytes, 0, nullBytes.length)
      else if (length !== UNCHANGED_LENGTH) this.writeValue(position, index, image, into)
      else {
        const { unavailable } = this.types[position]!
        into.append(unavailable, 0, unavailable.length)
        unchanged++
      }
    }
    into.room(1)[into.length++] = BRACE_CLOSE
    return unchanged
  }

  /** The same of key columns: one left out as unchanged is taken from the old row. Returns how many are not known. */
  writeKey(image: Tuple, old: Tuple | null, into: Scratch): number {
    let left = 0
    into.room(1)[into.length++] = BRACE_OPEN
    for (let position = 0; position < this.indexes.length; position++) {
      const index = this.indexes[position]!
      const name = this.names[position]!
      into.append(name, 0, name.length)
      const holder = image.lengths[index] === UNCHANGED_LENGTH ? old : image
      if (holder === null || (holder === old && holder.lengths[index]! < 0)) left++
      else if (holder.lengths[index] === NULL_LENGTH) into.append(nullBytes, 0, nullBytes.length)
      else this.writeValue(position, index, holder, into)
    }
    into.room(1)[into.length++] = BRACE_CLOSE
    return left
  }

  private writeValue(position: number, index: number, holder: Tuple, into: Scratch): void {
    const start = holder.starts[index]!
    const end = start + holder.lengths[index]!
    const wrong = writeDebeziumColumn(this.types[position]!, holder.bytes, start, end, into)
    if (wrong === null) return
    throw new TidemarkError('ROW_UNSUITABLE', {
      message: `column ${this.table.columns[index]!.name} of ${this.table.qualifiedName} ${wrong}`
    })
  }
}
