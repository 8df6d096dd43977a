import { createHash } from 'node:crypto'
import type { Scratch } from '../scratch.ts'
import type { ColumnProtector } from './column-protector.ts'

/** `hash`: SHA-256 of the salt's bytes and the value's, as 64 hexadecimal digits. */
export class HashProtector implements ColumnProtector {
  private readonly salt: Buffer

  constructor(salt: string) {
    this.salt = Buffer.from(salt)
  }

  write(source: Buffer, start: number, end: number, into: Scratch): void {
    const digest = createHash('sha256').update(this.salt).update(source.subarray(start, end)).digest('hex')
    const bytes = into.room(digest.length)
    into.length += bytes.write(digest, into.length, 'latin1')
  }
}

/** `mask`: each character but the last ones becomes a mask character; a value not longer than those is masked whole. */
export class MaskProtector implements ColumnProtector {
  private readonly keepLast: number
  private readonly character: Buffer

  constructor(keepLast: number, character: string) {
    this.keepLast = keepLast
    this.character = Buffer.from(character)
  }

  write(source: Buffer, start: number, end: number, into: Scratch): void {
    const characters = countCharacters(source, start, end)
    const kept = characters > this.keepLast ? this.keepLast : 0
    for (let masked = characters - kept; masked > 0; masked--) into.append(this.character, 0, this.character.length)
    into.append(source, startOfLast(source, start, end, kept), end)
  }
}

/** UTF-8: every byte but 10xxxxxx begins a character. */
function begins(byte: number): boolean {
  return (byte & 0xc0) !== 0x80
}

function countCharacters(source: Buffer, start: number, end: number): number {
  let count = 0
  for (let at = start; at < end; at++) if (begins(source[at]!)) count++
  return count
}

function startOfLast(source: Buffer, start: number, end: number, characters: number): number {
  let at = end
  for (let left = characters; left > 0 && at > start;) if (begins(source[--at]!)) left--
  return at
}
