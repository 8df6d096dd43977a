/*
 * Unsigned LEB128: seven bits a byte, lowest first, the high bit set on all but the last byte. Here always minimal, of
 * integers in 0..2^53-1, so 1..8 bytes.
 */

/** Writes an integer in 0..2^53-1, minimal; returns the place after it. */
export function writeLeb128(target: Buffer, at: number, value: number): number {
  // Bit operations end at 32 bits: what is above goes by division.
  while (value > 0x7fff_ffff) {
    target[at++] = (value % 0x80) | 0x80
    value = Math.floor(value / 0x80)
  }
  while (value > 0x7f) {
    target[at++] = (value & 0x7f) | 0x80
    value >>>= 7
  }
  target[at++] = value
  return at
}

/** Reads one number after another from [at, end); what is wrong becomes an error of whoever extends it. */
export abstract class Leb128Cursor {
  protected at = 0
  protected end = 0

  protected abstract invalid(what: string): Error

  protected leb128(bytes: Buffer): number {
    if (this.at >= this.end) throw this.invalid('is cut')
    const first = bytes[this.at++]!
    return first < 0x80 ? first : this.longerLeb128(bytes, first)
  }

  /** Up to four bytes by bit operations, which keep the number a small integer; the rest by multiplication. */
  private longerLeb128(bytes: Buffer, first: number): number {
    let value = first & 0x7f
    for (let shift = 7; shift < 28; shift += 7) {
      const byte = this.further(bytes)
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    return this.longestLeb128(bytes, value)
  }

  private longestLeb128(bytes: Buffer, low: number): number {
    let value = low
    // The eighth byte begins at 2^49; no number here has a ninth.
    for (let scale = 0x1000_0000; scale <= 0x2_0000_0000_0000; scale *= 0x80) {
      const byte = this.further(bytes)
      value += (byte & 0x7f) * scale
      if (value > Number.MAX_SAFE_INTEGER) break
      if (byte < 0x80) return value
    }
    throw this.invalid('has a number above 2^53-1')
  }

  private further(bytes: Buffer): number {
    if (this.at >= this.end) throw this.invalid('is cut')
    const byte = bytes[this.at++]!
    if (byte === 0) throw this.invalid('has a number that is not in its shortest form')
    return byte
  }
}
