/** Strings up to this length are tried as ASCII in a loop: a call into native code costs more (measured). */
const LOOP_TEXT_MAX = 24

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** What is wrong with the bytes; whoever knows the record's place makes the TidemarkError. */
export class AvroInvalid extends Error {
  override readonly name = 'AvroInvalid'
}

/**
 * Avro's binary encoding of the types the commit stream uses, read out of bytes that nobody vouches for: every length is
 * held against the bytes there are before anything is made of it. All throw AvroInvalid.
 */
export class AvroReader {
  private bytes: Buffer = Buffer.alloc(0)
  private at = 0

  reset(bytes: Buffer, at: number): void {
    this.bytes = bytes
    this.at = at
  }

  /** A zigzag varint in 0..2^53-1, in its shortest form. */
  long(): number {
    const { bytes } = this
    const first = bytes[this.at]
    if (first === undefined) throw cut()
    if (first < 0x80) {
      this.at++
      if (first & 1) throw new AvroInvalid('has a negative number')
      return first >>> 1
    }
    return this.longer()
  }

  /** As `long`, at most 2^31-1. */
  int(): number {
    const value = this.long()
    if (value > 0x7fff_ffff) throw new AvroInvalid('has an int above 2^31-1')
    return value
  }

  /** As `long`, at most 2^32-1. */
  uint32(): number {
    const value = this.long()
    if (value > 0xffff_ffff) throw new AvroInvalid('has a stream id above 2^32-1')
    return value
  }

  /** Index of a union's branch or an enum's symbol. */
  branch(count: number): number {
    const index = this.long()
    if (index >= count) throw new AvroInvalid('has a branch or symbol that its schema has not')
    return index
  }

  boolean(): boolean {
    const value = this.bytes[this.at++]
    if (value === undefined) throw cut()
    if (value > 1) throw new AvroInvalid('has a boolean that is neither 0 nor 1')
    return value === 1
  }

  /** A slice, not a copy. */
  fixed(length: number): Buffer {
    const start = this.at
    const end = start + length
    if (end > this.bytes.length) throw cut()
    this.at = end
    return this.bytes.subarray(start, end)
  }

  /** Passes over a byte string. */
  passBytes(): void {
    const length = this.long()
    if (length > this.bytes.length - this.at) throw cut()
    this.at += length
  }

  /** A slice, not a copy. */
  byteString(): Buffer {
    return this.fixed(this.long())
  }

  string(): string {
    const length = this.long()
    if (length <= LOOP_TEXT_MAX) {
      const text = this.asciiString(length)
      if (text !== null) return text
    }
    try {
      return strictUtf8.decode(this.fixed(length))
    } catch (error) {
      if (error instanceof AvroInvalid) throw error
      throw new AvroInvalid('has a string that is not UTF-8')
    }
  }

  nullableString(): string | null {
    return this.branch(2) === 0 ? null : this.string()
  }

  /**
   * Items of the next block of an array or map, 0 at its end. An item takes at least `itemBytesMin` bytes, which bounds
   * the count.
   */
  block(itemBytesMin: number): number {
    const first = this.bytes[this.at]
    if (first === 0) {
      this.at++
      return 0
    }
    const count = first !== undefined && first & 1 ? this.sizedBlock() : this.long()
    if (count * itemBytesMin > this.bytes.length - this.at) throw cut()
    return count
  }

  /** `empty` when there are no entries, so that nothing is made for most maps. */
  map(empty: ReadonlyMap<string, Uint8Array>): ReadonlyMap<string, Uint8Array> {
    let left = this.block(2)
    if (left === 0) return empty
    const entries = new Map<string, Uint8Array>()
    for (; left > 0; left = this.block(2)) {
      for (; left > 0; left--) {
        const key = this.string()
        if (entries.has(key)) throw new AvroInvalid('has the same key twice in a map')
        entries.set(key, this.byteString())
      }
    }
    return entries
  }

  finish(): void {
    if (this.at !== this.bytes.length) throw new AvroInvalid('goes on after its end')
  }

  /** A negative count is followed by the block's size in bytes (for those who skip blocks). */
  private sizedBlock(): number {
    const count = this.negated()
    const size = this.long()
    if (size > this.bytes.length - this.at) throw cut()
    return count
  }

  /** The negative number here, its sign taken off. */
  private negated(): number {
    let zigzag = 0
    for (let scale = 1; scale <= 0x10_0000_0000; scale *= 0x80) {
      const byte = this.bytes[this.at++]
      if (byte === undefined) throw cut()
      zigzag += (byte & 0x7f) * scale
      if (byte < 0x80) return (zigzag + 1) / 2
    }
    throw new AvroInvalid('has a block of impossible size')
  }

  /** Two halves of at most 28 bits: four varint bytes each, so bit operations are possible. */
  private longer(): number {
    const { bytes } = this
    let at = this.at
    let low = 0
    let high = 0
    let byte = 0x80
    for (let shift = 0; shift < 28 && byte > 0x7f; shift += 7) {
      byte = bytes[at++] ?? -1
      low |= (byte & 0x7f) << shift
    }
    // Without a detour by way of a double, which would cost memory wherever the number is kept.
    if (byte > 0 && byte <= 0x7f && (low & 1) === 0) {
      this.at = at
      return low >>> 1
    }
    for (let shift = 0; shift < 28 && byte > 0x7f; shift += 7) {
      byte = bytes[at++] ?? -1
      high |= (byte & 0x7f) << shift
    }
    if (byte < 0) throw cut()
    const value = high * 0x800_0000 + (low >>> 1)
    if (byte > 0x7f || value > Number.MAX_SAFE_INTEGER) throw new AvroInvalid('has a number above 2^53-1')
    if (low & 1) throw new AvroInvalid('has a negative number')
    if (byte === 0) throw new AvroInvalid('has a number that is not in its shortest form')
    this.at = at
    return value
  }

  private asciiString(length: number): string | null {
    const { bytes, at } = this
    if (at + length > bytes.length) throw cut()
    const end = at + length
    let text = ''
    let index = at
    for (; index + 4 <= end; index += 4) {
      const [one, two, three, four] = [bytes[index]!, bytes[index + 1]!, bytes[index + 2]!, bytes[index + 3]!]
      if ((one | two | three | four) > 0x7f) return null
      text += String.fromCharCode(one, two, three, four)
    }
    for (; index < end; index++) {
      const code = bytes[index]!
      if (code > 0x7f) return null
      text += String.fromCharCode(code)
    }
    this.at = end
    return text
  }
}

function cut(): AvroInvalid {
  return new AvroInvalid('ends before its end')
}
