import { copyRange, type Scratch } from '../scratch.ts'
import { writeJsonArray } from './json-array.ts'
import { writeBase64OfHex } from './base64.ts'
import { writeJsonString, writeQuoted } from './json-text.ts'
import { writeTimestamp, writeTimestamptz } from './json-time.ts'
import { ARRAY, BARE, BOOLEAN, BYTEA, FLOAT, QUOTED, TIMESTAMP, TIMESTAMPTZ, type JsonType } from './json-type.ts'

const QUOTE = 0x22
const trueBytes = Buffer.from('true')
const falseBytes = Buffer.from('false')

/**
 * Appends the JSON of one value given in PostgreSQL's text form. Returns null, or what is wrong with the text (never the
 * text itself), which only a wrong session setting can bring about.
 */
export function writeJsonColumn(
  type: JsonType,
  source: Uint8Array,
  start: number,
  end: number,
  into: Scratch
): string | null {
  switch (type.code) {
    case BARE:
      writeBare(source, start, end, into)
      return null
    case QUOTED:
      writeQuoted(source, start, end, into)
      return null
    case BOOLEAN:
      return writeBoolean(source, start, end, into)
    case FLOAT:
      writeFloat(source, start, end, into)
      return null
    case TIMESTAMP:
      writeTimestamp(source, start, end, into)
      return null
    case TIMESTAMPTZ:
      return writeTimestamptz(source, start, end, into)
        ? null
        : 'is not in UTC: the session must have TimeZone=UTC and DateStyle=ISO'
    case BYTEA:
      return writeBytea(source, start, end, into)
    case ARRAY:
      return writeJsonArray(type, source, start, end, into)
    default:
      writeJsonString(source, start, end, into)
      return null
  }
}

/** Integers and JSON: PostgreSQL's text is JSON already. */
function writeBare(source: Uint8Array, start: number, end: number, into: Scratch): void {
  const bytes = into.room(end - start)
  copyRange(source, start, end, bytes, into.length)
  into.length += end - start
}

function writeBoolean(source: Uint8Array, start: number, end: number, into: Scratch): string | null {
  const letter = source[start]
  if (end - start !== 1 || (letter !== 0x74 && letter !== 0x66)) return 'is not a boolean'
  const word = letter === 0x74 ? trueBytes : falseBytes
  into.append(word, 0, word.length)
  return null
}

/** JSON has no NaN, Infinity and -Infinity: they become strings. All other floats are JSON numbers as they are. */
function writeFloat(source: Uint8Array, start: number, end: number, into: Scratch): void {
  const last = source[end - 1]!
  if (last > 0x39) writeQuoted(source, start, end, into)
  else writeBare(source, start, end, into)
}

/** bytea_output = hex: `\x` and two digits per byte. */
function writeBytea(source: Uint8Array, start: number, end: number, into: Scratch): string | null {
  const wrong = 'is not bytea in hex form: the session must have bytea_output=hex'
  if (source[start] !== 0x5c || source[start + 1] !== 0x78) return wrong
  into.room(1)[into.length++] = QUOTE
  if (!writeBase64OfHex(source, start + 2, end, into)) return wrong
  into.room(1)[into.length++] = QUOTE
  return null
}
