import type { Scratch } from '../scratch.ts'

const bytesMax = 10
/** Twice a number of this size is still exact. */
const exactMax = 2 ** 52
const DIGIT_0 = 0x30
const MINUS = 0x2d
/** Below 2^52 whatever the digits. */
const exactDigitsMax = 15

/** Appends an Avro int or long (zigzag, seven bits a byte, lowest first) of a whole number of up to 53 bits. */
export function writeLong(value: number, into: Scratch): void {
  if (value >= exactMax || value <= -exactMax) {
    writeBigLong(BigInt(value), into)
    return
  }
  const bytes = into.room(bytesMax)
  let at = into.length
  let rest = value < 0 ? -2 * value - 1 : 2 * value
  if (rest > 0x7fffffff) {
    // Four times seven bits at once: one division of a number that is no 32-bit integer instead of four.
    const low = (rest % 0x10000000) | 0
    bytes[at++] = (low & 127) | 128
    bytes[at++] = ((low >>> 7) & 127) | 128
    bytes[at++] = ((low >>> 14) & 127) | 128
    bytes[at++] = (low >>> 21) | 128
    rest = ((rest - low) / 0x10000000) | 0
  }
  while (rest > 127) {
    bytes[at++] = (rest & 127) | 128
    rest >>>= 7
  }
  bytes[at++] = rest
  into.length = at
}

/** Of 64 bits. */
export function writeBigLong(value: bigint, into: Scratch): void {
  const bytes = into.room(bytesMax)
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
  while (rest > 127n) {
    bytes[into.length++] = Number(rest & 127n) | 128
    rest >>= 7n
  }
  bytes[into.length++] = Number(rest)
}

/** Appends the long that a text of digits names. Returns false when it is none. */
export function writeLongText(source: Buffer, start: number, end: number, into: Scratch): boolean {
  const negative = source[start] === MINUS
  const from = negative ? start + 1 : start
  if (from === end) return false
  let value = 0
  for (let at = from; at < end; at++) {
    const digit = source[at]! - DIGIT_0
    if (digit < 0 || digit > 9) return false
    value = value * 10 + digit
  }
  if (end - from <= exactDigitsMax) writeLong(negative ? -value : value, into)
  else writeBigLong(BigInt(source.toString('latin1', start, end)), into)
  return true
}
