import { ARRAY_CLOSE, ARRAY_END, ARRAY_NULL, ARRAY_OPEN, ARRAY_VALUE } from '../formats/array-text.ts'
import { dayMicros, ParsedTime } from '../formats/parsed-time.ts'
import { writeUnscaled } from '../formats/unscaled-decimal.ts'
import { copyRange, Scratch } from '../scratch.ts'
import { writeBigLong, writeLong, writeLongText } from './avro-long.ts'
import {
  ARRAY,
  BOOLEAN,
  BYTES,
  DATE,
  DECIMAL,
  DOUBLE,
  FLOAT,
  LONG,
  STRING,
  TIME,
  TIMESTAMP,
  TIMESTAMPTZ,
  type AvroType
} from './avro-type.ts'
import { floatOfText } from './float-text.ts'

const parsed = new ParsedTime()
const decimal = new Scratch()
const hexValues = new Uint16Array(256).fill(0x100)
for (let value = 0; value < 16; value++) hexValues[value.toString(16).charCodeAt(0)] = value

/** PostgreSQL's own values for the infinities (DATEVAL_NOEND, DT_NOEND). */
const dateMax = 2_147_483_647
const dateMin = -2_147_483_648
const microsMax = 2n ** 63n - 1n
const microsMin = -(2n ** 63n)

const otherSetting = 'is not in ISO form and UTC: the session must have DateStyle=ISO and TimeZone=UTC'
const tooFar = 'lies beyond what 64 bits of microseconds since 1970 can tell'

/**
 * Appends the Avro binary encoding (specification, "Binary Encoding") of one value given in PostgreSQL's text form.
 * Returns null, or what is wrong with the text (never the text itself).
 */
export function writeAvroColumn(
  type: AvroType,
  source: Buffer,
  start: number,
  end: number,
  into: Scratch
): string | null {
  switch (type.code) {
    case STRING:
      return writeString(source, start, end, into)
    case LONG:
      return writeLongText(source, start, end, into) ? null : 'is not a whole number'
    case BOOLEAN:
      return writeBoolean(source, start, end, into)
    case FLOAT:
    case DOUBLE:
      return writeFloat(type.code, source, start, end, into)
    case BYTES:
      return writeBytes(source, start, end, into)
    case DECIMAL:
      return writeDecimal(source, start, end, into)
    case DATE:
      return writeDate(source, start, end, into)
    case TIME:
      if (!parsed.time(source, start, end)) return otherSetting
      writeLong(parsed.micros, into)
      return null
    case TIMESTAMP:
      return parsed.timestamp(source, start, end) ? writeMicros(into) : otherSetting
    case TIMESTAMPTZ:
      return parsed.timestamptz(source, start, end) ? writeMicros(into) : otherSetting
    case ARRAY:
      return writeArray(type, source, start, end, into)
    default:
      return 'has no Avro type'
  }
}

export function writeString(source: Buffer, start: number, end: number, into: Scratch): null {
  writeLong(end - start, into)
  const bytes = into.room(end - start)
  copyRange(source, start, end, bytes, into.length)
  into.length += end - start
  return null
}

function writeBoolean(source: Buffer, start: number, end: number, into: Scratch): string | null {
  const letter = source[start]
  if (end - start !== 1 || (letter !== 0x74 && letter !== 0x66)) return 'is not a boolean'
  into.room(1)[into.length++] = letter === 0x74 ? 1 : 0
  return null
}

function writeFloat(code: number, source: Buffer, start: number, end: number, into: Scratch): string | null {
  const value = floatOfText(source, start, end)
  if (value === undefined) return 'is not a number'
  const bytes = into.room(8)
  into.length = code === FLOAT ? bytes.writeFloatLE(value, into.length) : bytes.writeDoubleLE(value, into.length)
  return null
}

/** bytea_output = hex: `\x` and two digits per byte. */
function writeBytes(source: Buffer, start: number, end: number, into: Scratch): string | null {
  const wrong = 'is not bytea in hex form: the session must have bytea_output=hex'
  if (source[start] !== 0x5c || source[start + 1] !== 0x78 || (end - start) % 2 !== 0) return wrong
  const length = (end - start - 2) / 2
  writeLong(length, into)
  const bytes = into.room(length)
  let at = into.length
  let seen = 0
  for (let from = start + 2; from < end; from += 2) {
    const byte = (hexValues[source[from]!]! << 4) | hexValues[source[from + 1]!]!
    seen |= byte
    bytes[at++] = byte
  }
  into.length = at
  return seen > 255 ? wrong : null
}

function writeDecimal(source: Buffer, start: number, end: number, into: Scratch): string | null {
  decimal.length = 0
  if (!writeUnscaled(source, start, end, decimal)) return 'is NaN, which Avro cannot tell as a decimal'
  return writeString(decimal.bytes, 0, decimal.length, into)
}

/** Days since 1970-01-01. */
function writeDate(source: Buffer, start: number, end: number, into: Scratch): string | null {
  if (!parsed.date(source, start, end)) return otherSetting
  writeLong(parsed.infinity === 0 ? parsed.days : parsed.infinity > 0 ? dateMax : dateMin, into)
  return null
}

/** Microseconds since 1970-01-01 of what was parsed last. */
function writeMicros(into: Scratch): string | null {
  const { days, micros, infinity } = parsed
  if (infinity !== 0) {
    writeBigLong(infinity > 0 ? microsMax : microsMin, into)
    return null
  }
  const total = days * dayMicros + micros
  if (Number.isSafeInteger(total)) {
    writeLong(total, into)
    return null
  }
  const exact = BigInt(days) * BigInt(dayMicros) + BigInt(micros)
  if (exact > microsMax || exact < microsMin) return tooFar
  writeBigLong(exact, into)
  return null
}

/** One block of all elements, each a union of null and the element's type. */
function writeArray(type: AvroType, source: Buffer, start: number, end: number, into: Scratch): string | null {
  const array = type.array!
  array.open(source, start, end)
  if (array.hasBounds) return 'is an array with lower bounds of its own, which Avro cannot tell'
  const count = elementsOf(type, source, start, end)
  if (count < 0) return 'is an array of more than one dimension, which its Avro type cannot tell'
  if (count > 0) writeLong(count, into)
  for (;;) {
    const found = array.next()
    if (found === ARRAY_END) break
    if (found === ARRAY_OPEN || found === ARRAY_CLOSE) continue
    if (found !== ARRAY_VALUE && found !== ARRAY_NULL) return 'is not an array literal'
    into.room(1)[into.length++] = found === ARRAY_NULL ? 0 : 2
    if (found === ARRAY_NULL) continue
    const wrong = writeAvroColumn(type.element!, array.bytes, array.from, array.to, into)
    if (wrong !== null) return wrong
  }
  into.room(1)[into.length++] = 0
  return null
}

/** How many elements a literal of one dimension has; -1 for another. Leaves the array at its beginning. */
function elementsOf(type: AvroType, source: Buffer, start: number, end: number): number {
  const array = type.array!
  let count = 0
  let opened = 0
  for (;;) {
    const found = array.next()
    if (found === ARRAY_OPEN) opened++
    else if (found === ARRAY_VALUE || found === ARRAY_NULL) count++
    else if (found !== ARRAY_CLOSE) break
  }
  array.open(source, start, end)
  return opened > 1 ? -1 : count
}
