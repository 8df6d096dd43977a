import type { Table } from '@tidemark/schemas/table.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { NULL_LENGTH, UNCHANGED_LENGTH, type Tuple } from '@tidemark/schemas/tuple.ts'
import { Scratch } from '../scratch.ts'
import { writeJsonColumn } from './json-column.ts'
import { ARRAY, BARE, jsonTypeOf, QUOTED, STRING, type JsonType } from './json-type.ts'

const QUOTE = 0x22
const COMMA = 0x2c
const CARRIAGE_RETURN = 0x0d
const LINE_FEED = 0x0a
const BACKSLASH = 0x5c
const BRACKET_OPEN = 0x5b
/** Without quotes, so that no text is taken for them. */
const nullMarker = Buffer.from('\\N')
const unsentMarker = Buffer.from('\\U')

/**
 * Writes chosen columns of a table's row images as cells of RFC 4180 (section 2): quotes around a cell that holds a quote,
 * a comma or a line break, and around an empty one or one that begins with a backslash, which are no markers then.
 */
export class CsvImage {
  private readonly table: Table
  private readonly indexes: readonly number[]
  private readonly types: readonly JsonType[]
  /** Of cells whose text is not PostgreSQL's own. */
  private readonly cell = new Scratch()

  constructor(table: Table, indexes: readonly number[]) {
    this.table = table
    this.indexes = indexes
    this.types = indexes.map(index => jsonTypeOf(table.columns[index]!.type))
  }

  /** Appends the cells; returns how many were not sent. `absent` is the length that means "not sent". */
  write(image: Tuple, into: Scratch, absent: number): number {
    let left = 0
    for (let position = 0; position < this.indexes.length; position++) {
      const index = this.indexes[position]!
      if (position > 0) into.room(1)[into.length++] = COMMA
      if (image.lengths[index] === absent) {
        left++
        into.append(unsentMarker, 0, unsentMarker.length)
      } else this.writeCell(position, index, image, into)
    }
    return left
  }

  /** The same of key columns; one left out as unchanged is taken from the old row. Returns how many are not known. */
  writeKey(image: Tuple, old: Tuple | null, into: Scratch): number {
    let left = 0
    for (let position = 0; position < this.indexes.length; position++) {
      const index = this.indexes[position]!
      if (position > 0) into.room(1)[into.length++] = COMMA
      const holder = image.lengths[index] === UNCHANGED_LENGTH ? old : image
      if (holder === null || (holder === old && holder.lengths[index]! < 0)) left++
      else this.writeCell(position, index, holder, into)
    }
    return left
  }

  private writeCell(position: number, index: number, holder: Tuple, into: Scratch): void {
    const length = holder.lengths[index]!
    if (length === NULL_LENGTH) {
      into.append(nullMarker, 0, nullMarker.length)
      return
    }
    const type = this.types[position]!
    const start = holder.starts[index]!
    if (isPlain(type, holder.bytes[start]!)) {
      writeText(holder.bytes, start, start + length, into)
      return
    }
    const { cell } = this
    cell.length = 0
    const wrong = writeJsonColumn(type, holder.bytes, start, start + length, cell)
    if (wrong !== null) throw this.unsuitable(index, wrong)
    // Of what is no text itself in JSON only times, bytes and special numbers have quotes, and nothing escaped in them.
    const quoted = cell.bytes[0] === QUOTE ? 1 : 0
    writeText(cell.bytes, quoted, cell.length - quoted, into)
  }

  private unsuitable(index: number, what: string): TidemarkError {
    return new TidemarkError('ROW_UNSUITABLE', {
      message: `column ${this.table.columns[index]!.name} of ${this.table.qualifiedName} ${what}`
    })
  }
}

/** Whether the cell is PostgreSQL's own text. Arrays with lower bounds are (docs/types.md). */
function isPlain({ code }: JsonType, first: number): boolean {
  return code === BARE || code === QUOTED || code === STRING || (code === ARRAY && first === BRACKET_OPEN)
}

function writeText(source: Buffer, start: number, end: number, into: Scratch): void {
  if (!needsQuotes(source, start, end)) {
    into.append(source, start, end)
    return
  }
  const bytes = into.room((end - start) * 2 + 2)
  let at = into.length
  bytes[at++] = QUOTE
  for (let index = start; index < end; index++) {
    const byte = source[index]!
    if (byte === QUOTE) bytes[at++] = QUOTE
    bytes[at++] = byte
  }
  bytes[at++] = QUOTE
  into.length = at
}

function needsQuotes(source: Buffer, start: number, end: number): boolean {
  if (start === end || source[start] === BACKSLASH) return true
  for (let at = start; at < end; at++) {
    const byte = source[at]!
    if (byte === QUOTE || byte === COMMA || byte === LINE_FEED || byte === CARRIAGE_RETURN) return true
  }
  return false
}
