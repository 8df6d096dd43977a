import type { Scratch } from '../scratch.ts'

const MINUS = 0x2d
const POINT = 0x2e
const DIGIT_0 = 0x30
/** So many digits are below 2^47: six bytes with the sign, and exact in a number. */
const exactDigitsMax = 14

/** Digits behind the point of a numeric's text. */
export function scaleOf(source: Buffer, start: number, end: number): number {
  for (let at = start; at < end; at++) if (source[at] === POINT) return end - at - 1
  return 0
}

/**
 * Appends the digits of a numeric's text, the point left out, as the shortest big-endian two's complement: the bytes of
 * Java's BigInteger and of Avro's decimal. Returns false for NaN and the infinities.
 */
export function writeUnscaled(source: Buffer, start: number, end: number, into: Scratch): boolean {
  const negative = source[start] === MINUS
  const from = negative ? start + 1 : start
  let value = 0
  let digits = 0
  for (let at = from; at < end; at++) {
    const byte = source[at]!
    if (byte === POINT) continue
    const digit = byte - DIGIT_0
    if (digit < 0 || digit > 9) return false
    if (digits > 0 || digit > 0) digits++
    if (digits > exactDigitsMax) return writeLarge(source, start, end, into)
    value = value * 10 + digit
  }
  writeExact(negative ? -value : value, into)
  return true
}

/** A whole number of less than 2^47 in size. */
function writeExact(value: number, into: Scratch): void {
  if (value === (value | 0)) {
    writeInt32(value | 0, into)
    return
  }
  let count = 1
  for (let limit = 128; value >= limit || value < -limit; limit *= 256) count++
  const bytes = into.room(count)
  let rest = value < 0 ? value + 256 ** count : value
  for (let at = into.length + count - 1; at >= into.length; at--) {
    bytes[at] = rest % 256
    rest = Math.floor(rest / 256)
  }
  into.length += count
}

function writeInt32(value: number, into: Scratch): void {
  // Bits that only repeat the sign are left out.
  const bits = 33 - Math.clz32(value ^ (value >> 31))
  const count = (bits + 7) >> 3
  const bytes = into.room(count)
  let at = into.length
  for (let shift = (count - 1) << 3; shift >= 0; shift -= 8) bytes[at++] = (value >> shift) & 255
  into.length = at
}

function writeLarge(source: Buffer, start: number, end: number, into: Scratch): boolean {
  const text = source.toString('latin1', start, end).replace('.', '')
  if (!/^-?\d+$/.test(text)) return false
  const value = BigInt(text)
  // A negative number needs as many bits as the number of ones its complement has.
  const bits = (value < 0n ? -value - 1n : value).toString(16)
  const count = Math.ceil((bits.length * 4 + (parseInt(bits[0]!, 16) > 7 ? 1 : 0)) / 8)
  const hex = BigInt.asUintN(count * 8, value)
    .toString(16)
    .padStart(count * 2, '0')
  into.length += into.room(count).write(hex, into.length, count, 'hex')
  return true
}
