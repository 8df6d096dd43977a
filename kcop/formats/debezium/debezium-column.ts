import { Scratch } from '../../scratch.ts'
import { ARRAY_CLOSE, ARRAY_END, ARRAY_MALFORMED, ARRAY_NULL, ARRAY_OPEN } from '../array-text.ts'
import { writeBase64 } from '../base64.ts'
import { writeInteger } from '../journal.ts'
import { writeJsonColumn } from '../json-column.ts'
import { writeJsonString } from '../json-text.ts'
import { ParsedTime } from '../parsed-time.ts'
import { scaleOf, writeUnscaled } from '../unscaled-decimal.ts'
import { writeInterval, writeTimestampNumber, writeTimestamptz, writeTimetz } from './debezium-time.ts'
import {
  AS_ARRAY,
  AS_BIT,
  AS_BITS,
  AS_DATE,
  AS_DECIMAL,
  AS_INTERVAL,
  AS_MONEY,
  AS_POINT,
  AS_STRING,
  AS_TIME,
  AS_TIMESTAMP,
  AS_TIMESTAMPTZ,
  AS_TIMETZ,
  AS_VARIABLE_DECIMAL,
  type DebeziumType
} from './debezium-type.ts'

const COMMA = 0x2c
const BRACKET_OPEN = 0x5b
const BRACKET_CLOSE = 0x5d
const QUOTE = 0x22
const POINT = 0x2e
const DIGIT_0 = 0x30
const DIGIT_1 = 0x31
const nullBytes = Buffer.from('null')
const parsed = new ParsedTime()
const scratch = new Scratch()

const otherSetting = 'is not in ISO form and UTC: the session must have DateStyle=ISO and TimeZone=UTC'
export const noDecimal = 'is NaN or infinite, which a Decimal cannot be: set `debezium: {decimal: string}`'

/**
 * Appends the JSON of one value given in PostgreSQL's text form, as Debezium's default settings have it. Returns null, or
 * what is wrong with the text (never the text itself).
 */
export function writeDebeziumColumn(
  type: DebeziumType,
  source: Buffer,
  start: number,
  end: number,
  into: Scratch
): string | null {
  switch (type.code) {
    case AS_STRING:
      writeJsonString(source, start, end, into)
      return null
    case AS_DATE:
      return writeDate(source, start, end, into)
    case AS_TIME:
      return writeTime(type, source, start, end, into)
    case AS_TIMESTAMP:
      return writeTimestampNumber(type.fraction, source, start, end, into)
    case AS_TIMESTAMPTZ:
      return writeTimestamptz(type.fraction, source, start, end, into) ? null : otherSetting
    case AS_TIMETZ:
      return writeTimetz(source, start, end, into) ? null : otherSetting
    case AS_INTERVAL:
      return writeInterval(source, start, end, into)
    case AS_DECIMAL:
      return writeDecimal(source, start, end, into) ? null : noDecimal
    case AS_VARIABLE_DECIMAL:
      return writeVariableDecimal(source, start, end, into) ? null : noDecimal
    case AS_MONEY:
      return writeMoney(source, start, end, into)
    case AS_BIT:
      putText(source[start] === DIGIT_1 ? 'true' : 'false', into)
      return null
    case AS_BITS:
      return writeBits(source, start, end, into)
    case AS_POINT:
      return writePoint(source, start, end, into)
    case AS_ARRAY:
      return writeArray(type, source, start, end, into)
    default:
      return writeJsonColumn(type.json, source, start, end, into)
  }
}

/** Days since 1970-01-01; infinity is the largest and smallest of its 32 bits, as PostgreSQL has it (DATEVAL_NOEND). */
function writeDate(source: Buffer, start: number, end: number, into: Scratch): string | null {
  if (!parsed.date(source, start, end)) return otherSetting
  const { infinity } = parsed
  writeInteger(infinity === 0 ? parsed.days : infinity > 0 ? 2_147_483_647 : -2_147_483_648, into)
  return null
}

/** Milliseconds of the day up to three digits of a fraction, else microseconds. */
function writeTime(type: DebeziumType, source: Buffer, start: number, end: number, into: Scratch): string | null {
  if (!parsed.time(source, start, end)) return otherSetting
  writeInteger(type.fraction > 3 ? parsed.micros : Math.floor(parsed.micros / 1000), into)
  return null
}

function writeDecimal(source: Buffer, start: number, end: number, into: Scratch): boolean {
  scratch.length = 0
  if (!writeUnscaled(source, start, end, scratch)) return false
  putBase64(scratch, into)
  return true
}

/** Zeros at the end of a fraction are left out, as Debezium leaves them out. */
function writeVariableDecimal(source: Buffer, start: number, end: number, into: Scratch): boolean {
  let last = end
  if (scaleOf(source, start, end) > 0) {
    while (source[last - 1] === DIGIT_0) last--
    if (source[last - 1] === POINT) last--
  }
  putText(`{"scale":${scaleOf(source, start, last)},"value":`, into)
  if (!writeDecimal(source, start, last, into)) return false
  putText('}', into)
  return true
}

/** Text of lc_monetary: signs and separators around digits, two of them behind the last separator. */
function writeMoney(source: Buffer, start: number, end: number, into: Scratch): string | null {
  const text = source.toString('utf8', start, end)
  const digits = /^\D*\d[\d.,' \u00a0\u202f]*[.,]\d\d\D*$/.exec(text) === null ? null : text.replaceAll(/\D/g, '')
  if (digits === null) return 'is money without two decimal places: set lc_monetary of the database to C'
  const negative = text.includes('-') || text.includes('(')
  const number = Buffer.from(`${negative ? '-' : ''}${digits}`)
  writeDecimal(number, 0, number.length, into)
  return null
}

/** Lowest byte first, without zero bytes at the end: java.util.BitSet.toByteArray. */
function writeBits(source: Buffer, start: number, end: number, into: Scratch): string | null {
  const bytes = scratch.room(((end - start) >> 3) + 1)
  let length = 0
  bytes.fill(0, 0, ((end - start) >> 3) + 1)
  for (let at = end - 1, bit = 0; at >= start; at--, bit++) {
    if (source[at] !== DIGIT_1) continue
    bytes[bit >> 3]! |= 1 << (bit & 7)
    length = (bit >> 3) + 1
  }
  scratch.length = length
  putBase64(scratch, into)
  return null
}

/** `io.debezium.data.geometry.Point`: coordinates, and the same in Well-Known Binary, lowest byte first. */
function writePoint(source: Buffer, start: number, end: number, into: Scratch): string | null {
  const match = /^\(([^,]+),([^,]+)\)$/.exec(source.toString('latin1', start, end))
  if (match === null) return 'is not a point'
  const [x, y] = [Number(match[1]), Number(match[2])]
  const binary = Buffer.alloc(21)
  binary[0] = 1
  binary[1] = 1
  binary.writeDoubleLE(x, 5)
  binary.writeDoubleLE(y, 13)
  const number = (value: number): string => (Number.isFinite(value) ? String(value) : `"${value}"`)
  putText(`{"x":${number(x)},"y":${number(y)},"wkb":"${binary.toString('base64')}","srid":null}`, into)
  return null
}

/** Nested for more dimensions; lower bounds are not told. */
function writeArray(type: DebeziumType, source: Buffer, start: number, end: number, into: Scratch): string | null {
  const array = type.array!
  array.open(source, start, end)
  let follows = false
  for (;;) {
    const found = array.next()
    if (found === ARRAY_END) return null
    if (found === ARRAY_MALFORMED) return 'is not an array literal'
    if (found === ARRAY_CLOSE) {
      into.room(1)[into.length++] = BRACKET_CLOSE
      follows = true
      continue
    }
    if (follows) into.room(1)[into.length++] = COMMA
    follows = found !== ARRAY_OPEN
    if (found === ARRAY_OPEN) into.room(1)[into.length++] = BRACKET_OPEN
    else if (found === ARRAY_NULL) into.append(nullBytes, 0, nullBytes.length)
    else {
      const wrong = writeDebeziumColumn(type.element!, array.bytes, array.from, array.to, into)
      if (wrong !== null) return wrong
    }
  }
}

function putBase64(bytes: Scratch, into: Scratch): void {
  into.room(1)[into.length++] = QUOTE
  writeBase64(bytes.bytes, 0, bytes.length, into)
  into.room(1)[into.length++] = QUOTE
}

function putText(text: string, into: Scratch): void {
  into.length += into.room(text.length).write(text, into.length, 'latin1')
}
