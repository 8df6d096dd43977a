import type { Scratch } from '../scratch.ts'

const alphabet = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/')
const PADDING = 0x3d
/** As either digit it makes a byte above 255. */
const INVALID = 0x100

/** Value of each hexadecimal digit, INVALID for other bytes. */
const hexValues = new Uint16Array(256).fill(INVALID)
for (let value = 0; value < 16; value++) {
  hexValues[value.toString(16).charCodeAt(0)] = value
  hexValues[value.toString(16).toUpperCase().charCodeAt(0)] = value
}

/**
 * Appends, in base64 with padding, the bytes whose hexadecimal digits are given. Returns false, with something wrong
 * written, when there is anything but pairs of digits.
 */
export function writeBase64OfHex(source: Buffer, start: number, end: number, into: Scratch): boolean {
  const digits = end - start
  if (digits % 2 !== 0) return false
  const bytes = into.room(Math.ceil(digits / 6) * 4)
  let at = into.length
  let from = start
  let seen = 0
  for (; end - from >= 6; from += 6) {
    const first = byteAt(source, from)
    const second = byteAt(source, from + 2)
    const third = byteAt(source, from + 4)
    seen |= first | second | third
    bytes[at++] = alphabet[(first >> 2) & 63]!
    bytes[at++] = alphabet[((first << 4) | (second >> 4)) & 63]!
    bytes[at++] = alphabet[((second << 2) | (third >> 6)) & 63]!
    bytes[at++] = alphabet[third & 63]!
  }
  into.length = at
  return seen <= 255 && (from === end || writeLastGroup(source, from, end, bytes, into))
}

/** One or two bytes that are left, padded to four characters. */
function writeLastGroup(source: Buffer, from: number, end: number, bytes: Buffer, into: Scratch): boolean {
  const two = end - from === 4
  const first = byteAt(source, from)
  const second = two ? byteAt(source, from + 2) : 0
  bytes[into.length++] = alphabet[(first >> 2) & 63]!
  bytes[into.length++] = alphabet[((first << 4) | (second >> 4)) & 63]!
  bytes[into.length++] = two ? alphabet[(second << 2) & 63]! : PADDING
  bytes[into.length++] = PADDING
  return (first | second) <= 255
}

/** Two digits as a byte; above 255 when they are no digits. */
function byteAt(source: Buffer, at: number): number {
  return (hexValues[source[at]!]! << 4) | hexValues[source[at + 1]!]!
}

/** Appends bytes in base64 with padding. */
export function writeBase64(source: Buffer, start: number, end: number, into: Scratch): void {
  const bytes = into.room(Math.ceil((end - start) / 3) * 4)
  let at = into.length
  for (let from = start; from < end; from += 3) {
    const first = source[from]!
    const second = from + 1 < end ? source[from + 1]! : 0
    const third = from + 2 < end ? source[from + 2]! : 0
    bytes[at++] = alphabet[first >> 2]!
    bytes[at++] = alphabet[((first << 4) | (second >> 4)) & 63]!
    bytes[at++] = from + 1 < end ? alphabet[((second << 2) | (third >> 6)) & 63]! : PADDING
    bytes[at++] = from + 2 < end ? alphabet[third & 63]! : PADDING
  }
  into.length = at
}
