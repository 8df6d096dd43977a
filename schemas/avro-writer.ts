import { TidemarkError } from './tidemark-error.ts'

/** Strings up to this length are tried as ASCII in a loop: a call into native code costs more (measured). */
const LOOP_TEXT_MAX = 40
const firstBytes = 65_536
/** Memory grown beyond this by one record is given back. */
const keptBytesMax = 1_048_576

/** Avro's binary encoding (specification 1.12, "Binary Encoding") of the types the commit stream uses, into memory that grows. */
export class AvroWriter {
  bytes = Buffer.allocUnsafeSlow(firstBytes)
  end = 0

  reset(): void {
    this.end = 0
    if (this.bytes.length > keptBytesMax) this.bytes = Buffer.allocUnsafeSlow(firstBytes)
  }

  /** An integer in 0..2^53-1 as zigzag varint: doubled, as it has no sign. Throws INTERNAL on other numbers. */
  long(value: number): void {
    this.reserve(8)
    if (value >= 0 && value < 0x4000_0000 && (value | 0) === value) {
      this.end = writeVarint(this.bytes, this.end, value * 2)
      return
    }
    if (!Number.isSafeInteger(value) || value < 0) throw outOfRange(value)
    // 28 bits are four whole varint bytes: below and above them bit operations are possible.
    const low = (value % 0x800_0000) * 2
    for (let shift = 0; shift < 28; shift += 7) this.bytes[this.end++] = (low >>> shift) | 0x80
    this.end = writeVarint(this.bytes, this.end, Math.floor(value / 0x800_0000))
  }

  /** An Avro `int` that is no sign's: 0..2^31-1. Throws INTERNAL on other numbers. */
  int(value: number): void {
    if (value > 0x7fff_ffff) throw outOfRange(value)
    this.long(value)
  }

  /** Index of a union's branch or an enum's symbol, 0..63. */
  branch(index: number): void {
    this.reserve(1)
    this.bytes[this.end++] = index << 1
  }

  boolean(value: boolean): void {
    this.reserve(1)
    this.bytes[this.end++] = value ? 1 : 0
  }

  fixed(value: Uint8Array): void {
    this.reserve(value.length)
    if (value.length > 16) this.bytes.set(value, this.end)
    else for (let index = 0; index < value.length; index++) this.bytes[this.end + index] = value[index]!
    this.end += value.length
  }

  byteString(value: Uint8Array): void {
    this.long(value.length)
    this.fixed(value)
  }

  string(value: string): void {
    if (value.length <= LOOP_TEXT_MAX && this.asciiString(value)) return
    const length = Buffer.byteLength(value)
    this.long(length)
    this.reserve(length)
    this.end += this.bytes.write(value, this.end, 'utf8')
  }

  nullableString(value: string | null): void {
    this.branch(value === null ? 0 : 1)
    if (value !== null) this.string(value)
  }

  /** One block of all entries, in the map's order. */
  map(entries: ReadonlyMap<string, Uint8Array>): void {
    if (entries.size > 0) {
      this.long(entries.size)
      for (const [key, value] of entries) {
        this.string(key)
        this.byteString(value)
      }
    }
    this.long(0)
  }

  private asciiString(value: string): boolean {
    const { length } = value
    this.reserve(length + 1)
    const { bytes } = this
    const start = this.end + 1
    for (let index = 0; index < length; index++) {
      const code = value.charCodeAt(index)
      if (code > 0x7f) return false
      bytes[start + index] = code
    }
    bytes[this.end] = length << 1
    this.end = start + length
    return true
  }

  private reserve(bytes: number): void {
    if (this.end + bytes > this.bytes.length) this.grow(this.end + bytes)
  }

  private grow(needed: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2))
    this.bytes.copy(larger, 0, 0, this.end)
    this.bytes = larger
  }
}

/** Seven bits a byte, lowest first; `value` in 0..2^31-1. */
function writeVarint(bytes: Buffer, at: number, value: number): number {
  while (value > 0x7f) {
    bytes[at++] = (value & 0x7f) | 0x80
    value >>>= 7
  }
  bytes[at++] = value
  return at
}

function outOfRange(value: number): TidemarkError {
  return new TidemarkError('INTERNAL', {
    message: `${value} was to be written to the commit stream, not an integer in range`
  })
}
