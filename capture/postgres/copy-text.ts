import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { NULL_LENGTH, type Tuple } from '@tidemark/schemas/tuple.ts'

const tab = 0x09
const newline = 0x0a
const backslash = 0x5c

/** What stands after a backslash to the byte meant; anything else stands for itself (manual, COPY, "Text Format"). */
const escapes: ReadonlyMap<number, number> = new Map([
  [0x62, 0x08],
  [0x66, 0x0c],
  [0x6e, 0x0a],
  [0x72, 0x0d],
  [0x74, 0x09],
  [0x76, 0x0b]
])

/**
 * One row of COPY TO STDOUT in text format: [start, end) of `buffer`, with its newline. Escapes are resolved in place,
 * which only shortens, so the tuple refers to the frame itself. Throws PROTOCOL_INVALID unless it has `columns` columns.
 */
export function decodeCopyRow(buffer: Buffer, start: number, end: number, columns: number, tuple: Tuple): void {
  if (end <= start || buffer[end - 1] !== newline) throw invalid('a row without its end')
  tuple.reserve(columns)
  tuple.bytes = buffer
  tuple.count = columns
  let at = start
  for (let index = 0; index < columns; index++) {
    const fieldEnd = columnEnd(buffer, at)
    if (buffer[fieldEnd] !== (index === columns - 1 ? newline : tab)) throw invalid(`a row not of ${columns} columns`)
    setColumn(tuple, index, buffer, at, fieldEnd)
    at = fieldEnd + 1
  }
  if (at !== end) throw invalid('a row with a newline in it')
}

/** Tabs and newlines within a value are escaped, so the first is the end; there is one, since the row ends with one. */
function columnEnd(buffer: Buffer, start: number): number {
  let at = start
  while (buffer[at] !== tab && buffer[at] !== newline) at++
  return at
}

function setColumn(tuple: Tuple, index: number, buffer: Buffer, start: number, end: number): void {
  tuple.starts[index] = start
  const escape = firstBackslash(buffer, start, end)
  if (escape === end) tuple.lengths[index] = end - start
  else if (end - start === 2 && buffer[start + 1] === 0x4e) tuple.lengths[index] = NULL_LENGTH
  else tuple.lengths[index] = unescape(buffer, escape, end) - start
}

function firstBackslash(buffer: Buffer, start: number, end: number): number {
  let at = start
  while (at < end && buffer[at] !== backslash) at++
  return at
}

/** Returns the end of what was written. */
function unescape(buffer: Buffer, start: number, end: number): number {
  let to = start
  for (let at = start; at < end; at++) {
    let byte = buffer[at]!
    if (byte === backslash) {
      if (++at === end) throw invalid('a value that ends within an escape')
      byte = escapes.get(buffer[at]!) ?? buffer[at]!
    }
    buffer[to++] = byte
  }
  return to
}

function invalid(what: string): TidemarkError {
  return new TidemarkError('PROTOCOL_INVALID', { message: `COPY sent ${what}` })
}
