import { copyRange, type Scratch } from '../scratch.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c

/**
 * For each byte what follows the backslash when JSON must escape it (RFC 8259, section 7), 0 when it stands for itself,
 * `u` for \u00XX. UTF-8 beyond ASCII stands for itself.
 */
const escapes = escapeTable()

const hexDigits = Buffer.from('0123456789abcdef')
const escapedBytesMax = 6
/** So much is escaped at a time, so that the room asked for stays near what is needed. */
const chunkBytes = 4096

/** Up to here copying and looking are one loop; above it a look first, then one native copy. */
const oneLoopBytesMax = 64

/** Appends UTF-8 bytes as a JSON string with its quotes. */
export function writeJsonString(source: Buffer, start: number, end: number, into: Scratch): void {
  if (end - start > oneLoopBytesMax) {
    writeLong(source, start, end, into)
    return
  }
  const bytes = into.room(end - start + 2)
  let at = into.length
  bytes[at++] = QUOTE
  for (let index = start; index < end; index++) {
    const byte = source[index]!
    if (escapes[byte] !== 0) {
      into.length = at
      writeEscaped(source, index, end, into)
      return
    }
    bytes[at++] = byte
  }
  bytes[at++] = QUOTE
  into.length = at
}

/** Appends bytes that hold nothing to escape (digits, ISO times, hex) with quotes around. */
export function writeQuoted(source: Buffer, start: number, end: number, into: Scratch): void {
  const bytes = into.room(end - start + 2)
  const at = into.length
  bytes[at] = QUOTE
  copyRange(source, start, end, bytes, at + 1)
  bytes[at + 1 + end - start] = QUOTE
  into.length = at + 2 + end - start
}

function writeLong(source: Buffer, start: number, end: number, into: Scratch): void {
  let clean = start
  while (clean < end && escapes[source[clean]!] === 0) clean++
  if (clean === end) {
    writeQuoted(source, start, end, into)
    return
  }
  const bytes = into.room(clean - start + 1)
  bytes[into.length++] = QUOTE
  copyRange(source, start, clean, bytes, into.length)
  into.length += clean - start
  writeEscaped(source, clean, end, into)
}

/** The rest of a string from its first byte that needs an escape, and the closing quote. */
function writeEscaped(source: Buffer, start: number, end: number, into: Scratch): void {
  for (let from = start; from < end; from += chunkBytes) {
    escapeChunk(source, from, Math.min(end, from + chunkBytes), into)
  }
  into.room(1)[into.length++] = QUOTE
}

function escapeChunk(source: Buffer, start: number, end: number, into: Scratch): void {
  const bytes = into.room((end - start) * escapedBytesMax)
  let at = into.length
  for (let index = start; index < end; index++) {
    const byte = source[index]!
    const escape = escapes[byte]!
    if (escape === 0) {
      bytes[at++] = byte
      continue
    }
    bytes[at++] = BACKSLASH
    bytes[at++] = escape
    if (escape !== 0x75) continue
    bytes[at++] = 0x30
    bytes[at++] = 0x30
    bytes[at++] = hexDigits[byte >> 4]!
    bytes[at++] = hexDigits[byte & 15]!
  }
  into.length = at
}

function escapeTable(): Uint8Array {
  const table = new Uint8Array(256)
  table.fill('u'.charCodeAt(0), 0, 0x20)
  const short: [number, string][] = [
    [0x08, 'b'],
    [0x09, 't'],
    [0x0a, 'n'],
    [0x0c, 'f'],
    [0x0d, 'r'],
    [QUOTE, '"'],
    [BACKSLASH, '\\']
  ]
  for (const [byte, letter] of short) table[byte] = letter.charCodeAt(0)
  return table
}
