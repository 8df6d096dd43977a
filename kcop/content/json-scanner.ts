// JSON (RFC 8259) as bytes: is it, and where do its values end. Nothing is made of it: what a queue brings may be large and
// hostile, and JSON.parse would need many times its size.

/** Arrays and objects within each other. */
export const jsonDepthMax = 200

const none = -1
const byteOf = (character: string) => character.charCodeAt(0)
const quote = byteOf('"')
const backslash = byteOf('\\')
const comma = byteOf(',')
const colon = byteOf(':')
const minus = byteOf('-')
const zero = byteOf('0')
const openBracket = byteOf('[')
const openBrace = byteOf('{')
/** `]` and `}` stand two places behind what they close. */
const closes = 2
const escapes = new Set(Array.from('"\\/bfnrt', byteOf))
const literals = ['true', 'false', 'null'].map(text => Buffer.from(text))
/** What is open around the place; one scan runs at a time. */
const around = new Uint8Array(jsonDepthMax)

/** Place of the first byte from `at` that is no white space; -1 for -1. */
export function afterSpace(bytes: Uint8Array, at: number): number {
  for (;;) {
    const byte = bytes[at]
    if (byte !== 32 && byte !== 10 && byte !== 13 && byte !== 9) return at
    at++
  }
}

/** Place after the value that begins at `at`; -1: there is none, or one that is nested deeper than `jsonDepthMax`. */
export function afterValue(bytes: Uint8Array, at: number): number {
  let depth = 0
  for (;;) {
    const byte = bytes[at]!
    if (byte === openBrace || byte === openBracket) {
      if (depth === jsonDepthMax) return none
      const inside = afterSpace(bytes, at + 1)
      if (bytes[inside] === byte + closes) at = inside + 1
      else {
        around[depth++] = byte
        at = byte === openBrace ? afterName(bytes, inside) : inside
        if (at === none) return none
        continue
      }
    } else at = afterScalar(bytes, at)
    while (depth > 0 && at !== none) {
      at = afterSpace(bytes, at)
      if (bytes[at] === comma) break
      if (bytes[at] !== around[depth - 1]! + closes) return none
      depth--
      at++
    }
    if (depth === 0 || at === none) return at
    at = afterSpace(bytes, at + 1)
    if (around[depth - 1] === openBrace) at = afterName(bytes, at)
    if (at === none) return none
  }
}

/** Place after the string that begins at `at`; -1: there is none. */
export function afterString(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== quote) return none
  for (at++; at < bytes.length; at++) {
    const byte = bytes[at]!
    if (byte === quote) return at + 1
    if (byte < 32) return none
    if (byte === backslash && (at = escaped(bytes, at + 1)) === none) return none
  }
  return none
}

/** Place of the value of a member whose name begins at `at`; -1: there is no name and colon. */
export function afterName(bytes: Uint8Array, at: number): number {
  const end = afterSpace(bytes, afterString(bytes, at))
  return bytes[end] === colon ? afterSpace(bytes, end + 1) : none
}

/** Place of the last byte of what follows a backslash; -1: it is no escape. */
function escaped(bytes: Uint8Array, at: number): number {
  const byte = bytes[at]!
  if (escapes.has(byte)) return at
  if (byte !== byteOf('u')) return none
  for (let digit = 1; digit <= 4; digit++) if (!isHexadecimal(bytes[at + digit])) return none
  return at + 4
}

function afterScalar(bytes: Uint8Array, at: number): number {
  const byte = bytes[at]
  if (byte === quote) return afterString(bytes, at)
  if (byte === minus || isDigit(byte)) return afterNumber(bytes, at)
  const literal = literals.find(text => text.every((wanted, index) => bytes[at + index] === wanted))
  return literal === undefined ? none : at + literal.length
}

function afterNumber(bytes: Uint8Array, at: number): number {
  if (bytes[at] === minus) at++
  at = bytes[at] === zero ? at + 1 : afterDigits(bytes, at)
  if (at !== none && bytes[at] === byteOf('.')) at = afterDigits(bytes, at + 1)
  if (at === none || (bytes[at]! | 32) !== byteOf('e')) return at
  const sign = bytes[at + 1]
  return afterDigits(bytes, sign === minus || sign === byteOf('+') ? at + 2 : at + 1)
}

/** At least one. */
function afterDigits(bytes: Uint8Array, from: number): number {
  let at = from
  while (isDigit(bytes[at])) at++
  return at === from ? none : at
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= zero && byte <= zero + 9
}

function isHexadecimal(byte: number | undefined): boolean {
  if (byte === undefined) return false
  return isDigit(byte) || ((byte | 32) >= byteOf('a') && (byte | 32) <= byteOf('f'))
}
