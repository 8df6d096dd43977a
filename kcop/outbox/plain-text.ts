import { writeJsonColumn } from '../formats/json-column.ts'
import { ARRAY, BARE, BYTEA, STRING, type JsonType } from '../formats/json-type.ts'
import type { Scratch } from '../scratch.ts'

/**
 * Appends a value as the text a header or key has: text as it is, other types as their JSON without quotes
 * (docs/types.md), arrays as JSON. Returns what is wrong, or null.
 */
export function writePlainText(
  type: JsonType,
  source: Buffer,
  start: number,
  end: number,
  into: Scratch
): string | null {
  if (type.code === STRING || type.code === BARE) {
    into.append(source, start, end)
    return null
  }
  const from = into.length
  const wrong = writeJsonColumn(type, source, start, end, into)
  const quoted = type.code !== ARRAY && into.bytes[from] === 0x22
  if (wrong !== null || !quoted) return wrong
  into.bytes.copyWithin(from, from + 1, into.length - 1)
  into.length -= 2
  return null
}

/** Appends a payload as the record value: bytea as its bytes, everything else as its text. */
export function writePayload(type: JsonType, source: Buffer, start: number, end: number, into: Scratch): string | null {
  if (type.code !== BYTEA) {
    into.append(source, start, end)
    return null
  }
  const digits = end - start - 2
  if (source[start] !== 0x5c || source[start + 1] !== 0x78 || digits % 2 !== 0) return 'is not bytea in hex form'
  const bytes = into.room(digits / 2)
  const hex = Buffer.from(source.buffer, source.byteOffset + start + 2, digits).toString('latin1')
  if (bytes.write(hex, into.length, 'hex') !== digits / 2) return 'is not bytea in hex form'
  into.length += digits / 2
  return null
}
