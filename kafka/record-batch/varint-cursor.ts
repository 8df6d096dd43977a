/** Reads Kafka's zigzag varints (see varint.ts) out of `bytes` at `at`. Reading past the end gives a place past the end. */
export class VarintCursor {
  bytes: Buffer
  at = 0

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  /** A signed 32-bit integer. NaN when more than 5 bytes long or beyond 32 bits. */
  protected varint(): number {
    const first = this.bytes[this.at++]!
    return first < 0x80 ? (first >>> 1) ^ -(first & 1) : this.longerVarint(first)
  }

  /** A signed 64-bit integer: exact up to 2^53, the nearest double beyond. NaN when more than 10 bytes long. */
  protected varlong(): number {
    const start = this.at
    const short = this.varint()
    if (!Number.isNaN(short)) return short
    this.at = start
    return this.longestVarint()
  }

  private longerVarint(first: number): number {
    const { bytes } = this
    let zigzag = first & 0x7f
    for (let shift = 7; shift < 35; shift += 7) {
      const byte = bytes[this.at++]!
      if (shift === 28 && byte > 0x0f) return NaN
      zigzag |= (byte & 0x7f) << shift
      if (byte < 0x80) return (zigzag >>> 1) ^ -(zigzag & 1)
    }
    return NaN
  }

  private longestVarint(): number {
    let zigzag = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.bytes[this.at++] ?? 0
      zigzag |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return Number(BigInt.asIntN(64, (zigzag >> 1n) ^ -(zigzag & 1n)))
    }
    return NaN
  }
}
