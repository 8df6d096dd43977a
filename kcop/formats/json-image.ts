import type { Table } from '@tidemark/schemas/table.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { NULL_LENGTH, UNCHANGED_LENGTH, type Tuple } from '@tidemark/schemas/tuple.ts'
import { copyRange, type Scratch } from '../scratch.ts'
import { writeJsonColumn } from './json-column.ts'
import { jsonTypeOf, type JsonType } from './json-type.ts'

const COMMA = 0x2c
const BRACE_OPEN = 0x7b
const BRACE_CLOSE = 0x7d

/** Writes chosen columns of a table's row images as one JSON object. Compiled once per table version. */
export class JsonImage {
  private readonly table: Table
  private readonly indexes: Int32Array
  private readonly types: readonly JsonType[]
  /** `"name":` of each column in JSON, UTF-8. */
  private readonly names: readonly Buffer[]

  /** `indexes`: of the columns to write, in order. */
  constructor(table: Table, indexes: readonly number[]) {
    this.table = table
    this.indexes = Int32Array.from(indexes)
    this.types = indexes.map(index => jsonTypeOf(table.columns[index]!.type))
    this.names = indexes.map(index => Buffer.from(`${JSON.stringify(table.columns[index]!.name)}:`))
  }

  /**
   * Appends the object. Columns that were not sent are left out; returns how many those are. `absent` is the length that
   * means "not sent": in an image of the identity's columns only the server sends the others as null. Throws
   * ROW_UNSUITABLE naming the column when a text is not of its type.
   */
  write(image: Tuple, into: Scratch, absent = UNCHANGED_LENGTH): number {
    into.room(1)[into.length++] = BRACE_OPEN
    const left = this.writeMembers(image, into, absent)
    into.room(1)[into.length++] = BRACE_CLOSE
    return left
  }

  /** Like `write` without the braces, so that other members can stand before or behind. */
  writeMembers(image: Tuple, into: Scratch, absent = UNCHANGED_LENGTH): number {
    if (image.count !== this.table.columns.length) throw this.otherShape(image.count)
    const { indexes } = this
    let left = 0
    for (let position = 0; position < indexes.length; position++) {
      const index = indexes[position]!
      if (image.lengths[index] === absent) left++
      else this.writeMember(position, index, image, position > left, into)
    }
    return left
  }

  /**
   * Like `write` for key columns: one left out as unchanged is taken from the old row's identity columns, which the
   * server sends whenever one of them is stored out of line (heapam.c, ExtractReplicaIdentity).
   */
  writeKey(image: Tuple, old: Tuple | null, into: Scratch): number {
    if (old === null) return this.write(image, into)
    into.room(1)[into.length++] = BRACE_OPEN
    let left = 0
    for (let position = 0; position < this.indexes.length; position++) {
      const index = this.indexes[position]!
      const holder: Tuple = image.lengths[index] === UNCHANGED_LENGTH ? old : image
      if (holder.lengths[index]! < 0 && holder === old) left++
      else this.writeMember(position, index, holder, position > left, into)
    }
    into.room(1)[into.length++] = BRACE_CLOSE
    return left
  }

  private writeMember(position: number, index: number, holder: Tuple, follows: boolean, into: Scratch): void {
    const name = this.names[position]!
    const bytes = into.room(name.length + 5)
    let at = into.length
    if (follows) bytes[at++] = COMMA
    copyRange(name, 0, name.length, bytes, at)
    at += name.length
    const length = holder.lengths[index]!
    if (length === NULL_LENGTH) {
      bytes[at++] = 0x6e
      bytes[at++] = 0x75
      bytes[at++] = 0x6c
      bytes[at++] = 0x6c
      into.length = at
      return
    }
    into.length = at
    const start = holder.starts[index]!
    const wrong = writeJsonColumn(this.types[position]!, holder.bytes, start, start + length, into)
    if (wrong !== null) throw this.unsuitable(index, wrong)
  }

  private unsuitable(index: number, what: string): TidemarkError {
    return new TidemarkError('ROW_UNSUITABLE', {
      message: `column ${this.table.columns[index]!.name} of ${this.table.qualifiedName} ${what}`
    })
  }

  private otherShape(count: number): TidemarkError {
    return new TidemarkError('INTERNAL', {
      message: `a row image has ${count} columns, ${this.table.qualifiedName} has ${this.table.columns.length}`
    })
  }
}
