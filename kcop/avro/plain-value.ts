import { epochDays, dayMicros } from '../formats/parsed-time.ts'
import { copyRange } from '../scratch.ts'
import { BOOLEAN, DATE, DECIMAL, LONG, STRING, TIMESTAMPTZ, TIMESTAMP } from './avro-type.ts'

const DASH = 0x2d
const COLON = 0x3a
const PLUS = 0x2b
const POINT = 0x2e
const SPACE = 0x20
const DIGIT_0 = 0x30
const LETTER_F = 0x66
const LETTER_T = 0x74

/** So many digits make a number whose double fits 31 bits. */
const smallDigitsMax = 9
/** Twice a number of this size is still exact: microseconds of the years 1828 to 2112. */
const exactMax = 2 ** 52
const dateBytes = 'yyyy-mm-dd'.length
const secondsBytes = 'yyyy-mm-dd hh:mm:ss'.length
const microsDigits = 6
const zoneBytes = '+00'.length

/** What `writePlain` needs at most beyond the bytes of the text. */
export const plainRoom = 11

/**
 * Writes a value in its usual form at `at`, where `plainRoom` bytes more than its text has must be free; returns the place
 * behind it. -1: the value is left to writeAvroColumn, which knows every form and says what is wrong; then what stands
 * behind `at` has no meaning. Most values of most rows pass here, so there is no state but `at`.
 */
export function writePlain(
  code: number,
  source: Buffer,
  start: number,
  end: number,
  bytes: Buffer,
  at: number
): number {
  switch (code) {
    case STRING:
      return writeText(source, start, end, bytes, at)
    case LONG:
      return writeSmall(source, start, end, bytes, at)
    case BOOLEAN:
      return writeLetter(source, start, end, bytes, at)
    case DECIMAL:
      return writeSmallDecimal(source, start, end, bytes, at)
    case DATE:
      return end - start === dateBytes ? writeDay(source, start, bytes, at) : -1
    case TIMESTAMP:
      return writeTimestamp(source, start, end, bytes, at)
    case TIMESTAMPTZ:
      return isUtc(source, end) ? writeTimestamp(source, start, end - zoneBytes, bytes, at) : -1
    default:
      return -1
  }
}

function writeText(source: Buffer, start: number, end: number, bytes: Buffer, at: number): number {
  const from = writeCount(end - start, bytes, at)
  copyRange(source, start, end, bytes, from)
  return from + end - start
}

function writeLetter(source: Buffer, start: number, end: number, bytes: Buffer, at: number): number {
  const letter = source[start]
  if (end - start !== 1 || (letter !== LETTER_T && letter !== LETTER_F)) return -1
  bytes[at] = letter === LETTER_T ? 1 : 0
  return at + 1
}

function writeSmall(source: Buffer, start: number, end: number, bytes: Buffer, at: number): number {
  const isNegative = source[start] === DASH
  const from = isNegative ? start + 1 : start
  if (from === end || end - from > smallDigitsMax) return -1
  let value = 0
  for (let index = from; index < end; index++) {
    const digit = source[index]! - DIGIT_0
    if (digit >>> 0 > 9) return -1
    value = value * 10 + digit
  }
  return writeInt(isNegative ? -value | 0 : value, bytes, at)
}

/** The digits without the point as the shortest big-endian two's complement, behind their number. */
function writeSmallDecimal(source: Buffer, start: number, end: number, bytes: Buffer, at: number): number {
  const isNegative = source[start] === DASH
  const from = isNegative ? start + 1 : start
  // The point as well.
  if (from === end || end - from > smallDigitsMax) return -1
  let value = 0
  for (let index = from; index < end; index++) {
    const byte = source[index]!
    if (byte === POINT) continue
    const digit = byte - DIGIT_0
    if (digit >>> 0 > 9) return -1
    value = value * 10 + digit
  }
  const signed = isNegative ? -value | 0 : value
  // Bits that only repeat the sign are left out.
  const count = (33 - Math.clz32(signed ^ (signed >> 31)) + 7) >> 3
  bytes[at++] = count << 1
  for (let shift = (count - 1) << 3; shift >= 0; shift -= 8) bytes[at++] = (signed >> shift) & 255
  return at
}

function isUtc(source: Buffer, end: number): boolean {
  return source[end - 3] === PLUS && source[end - 2] === DIGIT_0 && source[end - 1] === DIGIT_0
}

function writeDay(source: Buffer, start: number, bytes: Buffer, at: number): number {
  const days = dayOf(source, start)
  return days === notADay ? -1 : writeInt(days, bytes, at)
}

function writeTimestamp(source: Buffer, start: number, end: number, bytes: Buffer, at: number): number {
  const digits = end - start - secondsBytes - 1
  if (digits > microsDigits || (digits < 1 && digits !== -1)) return -1
  if (source[start + 10] !== SPACE || source[start + 13] !== COLON || source[start + 16] !== COLON) return -1
  const days = dayOf(source, start)
  const hour = two(source, start + 11)
  const minute = two(source, start + 14)
  const second = two(source, start + 17)
  const fraction = digits < 1 ? 0 : fractionOf(source, start + secondsBytes, digits)
  if (days === notADay || (hour | minute | second | fraction) < 0) return -1
  const micros = ((hour * 60 + minute) * 60 + second) * 1_000_000 + fraction
  const total = days * dayMicros + micros
  return total >= exactMax || total <= -exactMax ? -1 : writeExact(total, bytes, at)
}

const scales = [1_000_000, 100_000, 10_000, 1_000, 100, 10, 1]

/** Microseconds; -1 when it is none. */
function fractionOf(source: Buffer, point: number, digits: number): number {
  if (source[point] !== POINT) return -1
  let value = 0
  for (let index = point + 1; index <= point + digits; index++) {
    const digit = source[index]! - DIGIT_0
    if (digit >>> 0 > 9) return -1
    value = value * 10 + digit
  }
  return value * scales[digits]!
}

const notADay = 0x7fffffff
/** The month read last, since rows of a time are mostly of one month, and the day before its first. */
const lastMonth = { year: -1, month: -1, days: 0 }

/** Days since 1970-01-01 of `yyyy-mm-dd`. */
function dayOf(source: Buffer, start: number): number {
  if (source[start + 4] !== DASH || source[start + 7] !== DASH) return notADay
  const century = two(source, start)
  const years = two(source, start + 2)
  const month = two(source, start + 5)
  const day = two(source, start + 8)
  if ((century | years) < 0 || month < 1 || month > 12 || day < 1 || day > 31) return notADay
  const year = century * 100 + years
  if (lastMonth.year !== year || lastMonth.month !== month) {
    lastMonth.year = year
    lastMonth.month = month
    lastMonth.days = epochDays(year, month, 0)
  }
  return lastMonth.days + day
}

/** The number of two digits; negative when they are none. */
function two(source: Buffer, at: number): number {
  const tens = source[at]! - DIGIT_0
  const ones = source[at + 1]! - DIGIT_0
  return tens >>> 0 > 9 || ones >>> 0 > 9 ? -1 : tens * 10 + ones
}

function writeCount(count: number, bytes: Buffer, at: number): number {
  if (count < 64) {
    bytes[at] = count << 1
    return at + 1
  }
  return writeInt(count, bytes, at)
}

/** Zigzag, seven bits a byte, lowest first, of a number below 2^30 in size. */
function writeInt(value: number, bytes: Buffer, at: number): number {
  let rest = (value << 1) ^ (value >> 31)
  while (rest > 127) {
    bytes[at++] = (rest & 127) | 128
    rest >>>= 7
  }
  bytes[at++] = rest
  return at
}

/** The same of a whole number below 2^52 in size: doubles are exact, and 28 bits at a time are integers. */
function writeExact(value: number, bytes: Buffer, at: number): number {
  const zigzag = value < 0 ? -2 * value - 1 : 2 * value
  const high = Math.floor(zigzag / 0x1000_0000) | 0
  let low = (zigzag - high * 0x1000_0000) | 0
  if (high > 0) {
    bytes[at++] = (low & 127) | 128
    bytes[at++] = ((low >>> 7) & 127) | 128
    bytes[at++] = ((low >>> 14) & 127) | 128
    bytes[at++] = (low >>> 21) | 128
    low = high
  }
  while (low > 127) {
    bytes[at++] = (low & 127) | 128
    low >>>= 7
  }
  bytes[at++] = low
  return at
}
