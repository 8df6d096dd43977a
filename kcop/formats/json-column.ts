import { copyRange, type Scratch } from '../scratch.ts'
import { writeBase64OfHex } from './base64.ts'
import { writeJsonString, writeQuoted } from './json-text.ts'
import { writeTimestamp, writeTimestamptz } from './json-time.ts'
import { ARRAY, BARE, BOOLEAN, BYTEA, FLOAT, QUOTED, TIMESTAMP, TIMESTAMPTZ, type JsonType } from './json-type.ts'

const QUOTE = 0x22
const OPEN = 0x7b
const CLOSE = 0x7d
const BACKSLASH = 0x5c
const BRACKET_OPEN = 0x5b
const BRACKET_CLOSE = 0x5d
const COMMA = 0x2c
const nullBytes = Buffer.from('null')
const malformed = 'is not an array literal'
const trueBytes = Buffer.from('true')
const falseBytes = Buffer.from('false')

/**
 * Appends the JSON of one value given in PostgreSQL's text form. Returns null, or what is wrong with the text (never the
 * text itself), which only a wrong session setting can bring about.
 */
export function writeJsonColumn(
  type: JsonType,
  source: Buffer,
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
function writeBare(source: Buffer, start: number, end: number, into: Scratch): void {
  const bytes = into.room(end - start)
  copyRange(source, start, end, bytes, into.length)
  into.length += end - start
}

function writeBoolean(source: Buffer, start: number, end: number, into: Scratch): string | null {
  const letter = source[start]
  if (end - start !== 1 || (letter !== 0x74 && letter !== 0x66)) return 'is not a boolean'
  const word = letter === 0x74 ? trueBytes : falseBytes
  into.append(word, 0, word.length)
  return null
}

/** JSON has no NaN, Infinity and -Infinity: they become strings. All other floats are JSON numbers as they are. */
function writeFloat(source: Buffer, start: number, end: number, into: Scratch): void {
  const last = source[end - 1]!
  if (last > 0x39) writeQuoted(source, start, end, into)
  else writeBare(source, start, end, into)
}

/** bytea_output = hex: `\x` and two digits per byte. */
function writeBytea(source: Buffer, start: number, end: number, into: Scratch): string | null {
  const wrong = 'is not bytea in hex form: the session must have bytea_output=hex'
  if (source[start] !== 0x5c || source[start + 1] !== 0x78) return wrong
  into.room(1)[into.length++] = QUOTE
  if (!writeBase64OfHex(source, start + 2, end, into)) return wrong
  into.room(1)[into.length++] = QUOTE
  return null
}

/**
 * Appends a PostgreSQL array literal (manual, "Array Input and Output Syntax") as a JSON array, nested for more
 * dimensions. A literal with explicit lower bounds (`[0:1]={..}`) stays a string, since a JSON array begins at no
 * chosen index. Returns what is wrong, or null.
 */
function writeJsonArray(type: JsonType, source: Buffer, start: number, end: number, into: Scratch): string | null {
  if (source[start] === BRACKET_OPEN) {
    writeJsonString(source, start, end, into)
    return null
  }
  const element = type.element!
  let depth = 0
  let at = start
  while (at < end) {
    const byte = source[at]!
    if (byte === OPEN) {
      into.room(1)[into.length++] = BRACKET_OPEN
      depth++
      at++
    } else if (byte === CLOSE) {
      into.room(1)[into.length++] = BRACKET_CLOSE
      depth--
      at++
    } else if (byte === type.delimiter) {
      into.room(1)[into.length++] = COMMA
      at++
    } else {
      const stop = byte === QUOTE ? quotedEnd(source, at, end) : bareEnd(source, at, end, type.delimiter)
      if (stop < 0) return malformed
      const wrong = byte === QUOTE ? quoted(element, source, at, stop, into) : bare(element, source, at, stop, into)
      if (wrong !== null) return wrong
      at = stop
    }
  }
  return depth === 0 ? null : malformed
}

/** Place after the closing quote; -1 without one. */
function quotedEnd(source: Buffer, start: number, end: number): number {
  for (let at = start + 1; at < end; at++) {
    if (source[at] === BACKSLASH) at++
    else if (source[at] === QUOTE) return at + 1
  }
  return -1
}

function bareEnd(source: Buffer, start: number, end: number, delimiter: number): number {
  for (let at = start; at < end; at++) if (source[at] === delimiter || source[at] === CLOSE) return at
  return -1
}

function bare(element: JsonType, source: Buffer, start: number, end: number, into: Scratch): string | null {
  if (!isNull(source, start, end)) return writeJsonColumn(element, source, start, end, into)
  into.append(nullBytes, 0, nullBytes.length)
  return null
}

/** An unquoted NULL, which the server always writes so. */
function isNull(source: Buffer, start: number, end: number): boolean {
  return (
    end - start === 4 &&
    source[start] === 0x4e &&
    source[start + 1] === 0x55 &&
    source[start + 2] === 0x4c &&
    source[start + 3] === 0x4c
  )
}

function quoted(element: JsonType, source: Buffer, start: number, end: number, into: Scratch): string | null {
  const from = start + 1
  const to = end - 1
  for (let at = from; at < to; at++) {
    if (source[at] === BACKSLASH) return unescaped(element, source, from, to, into)
  }
  return writeJsonColumn(element, source, from, to, into)
}

/** Rare enough that a buffer of its own is made: elements nest when a domain over an array is an element. */
function unescaped(element: JsonType, source: Buffer, from: number, to: number, into: Scratch): string | null {
  const text = Buffer.allocUnsafe(to - from)
  let length = 0
  for (let at = from; at < to; at++) {
    if (source[at] === BACKSLASH) at++
    text[length++] = source[at]!
  }
  return writeJsonColumn(element, text, 0, length, into)
}
