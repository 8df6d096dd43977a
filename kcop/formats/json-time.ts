import type { Scratch } from '../scratch.ts'
import { writeQuoted } from './json-text.ts'

const SPACE = 0x20
const LETTER_T = 0x54
const LETTER_Z = 0x5a
const QUOTE = 0x22

/** `2024-02-29 12:00:00.5` as ISO 8601; infinity and years BC keep PostgreSQL's text (docs/types.md). */
export function writeTimestamp(source: Buffer, start: number, end: number, into: Scratch): void {
  const space = keepsText(source, end) ? -1 : separator(source, start, end)
  const from = into.length + 1
  writeQuoted(source, start, end, into)
  if (space >= 0) into.bytes[from + space - start] = LETTER_T
}

/** The same with the session's time zone at the end, which must be +00. Returns false when it is not. */
export function writeTimestamptz(source: Buffer, start: number, end: number, into: Scratch): boolean {
  if (keepsText(source, end)) {
    writeQuoted(source, start, end, into)
    return true
  }
  if (!endsInUtc(source, end)) return false
  writeTimestamp(source, start, end - 2, into)
  // What stands there is `+"`: the sign becomes Z.
  into.bytes[into.length - 2] = LETTER_Z
  into.bytes[into.length - 1] = QUOTE
  return true
}

/** `BC` or `infinity` at the end; nothing else ends in a letter. */
function keepsText(source: Buffer, end: number): boolean {
  return source[end - 1]! > 0x39
}

/** Place of the space between date and time; years have four digits or more. */
function separator(source: Buffer, start: number, end: number): number {
  for (let at = start + 10; at < end; at++) if (source[at] === SPACE) return at
  return -1
}

function endsInUtc(source: Buffer, end: number): boolean {
  return source[end - 3] === 0x2b && source[end - 2] === 0x30 && source[end - 1] === 0x30
}
