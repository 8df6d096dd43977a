/*
 * Kafka's zigzag varints (org.apache.kafka.common.utils.ByteUtils): the sign moves to the lowest bit, then seven bits a
 * byte, lowest first, the high bit set on all but the last.
 */

/** Bytes of a signed 32-bit integer as zigzag varint: 1..5. */
export function varintBytes(value: number): number {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0
  if (zigzag < 0x80) return 1
  if (zigzag < 0x4000) return 2
  if (zigzag < 0x20_0000) return 3
  return zigzag < 0x1000_0000 ? 4 : 5
}

/** Writes a signed 32-bit integer; returns the place after it. */
export function writeVarint(bytes: Buffer, at: number, value: number): number {
  let zigzag = ((value << 1) ^ (value >> 31)) >>> 0
  while (zigzag > 0x7f) {
    bytes[at++] = (zigzag & 0x7f) | 0x80
    zigzag >>>= 7
  }
  bytes[at++] = zigzag
  return at
}

/** Bytes of an integer of at most 2^53 as zigzag varlong: 1..8. */
export function varlongBytes(value: number): number {
  if ((value | 0) === value) return varintBytes(value)
  let rest = zigzag64(value) >> 28n
  let bytes = 4
  while (rest > 0n) {
    rest >>= 7n
    bytes++
  }
  return bytes
}

/** Writes an integer of at most 2^53; returns the place after it. */
export function writeVarlong(bytes: Buffer, at: number, value: number): number {
  if ((value | 0) === value) return writeVarint(bytes, at, value)
  let zigzag = zigzag64(value)
  while (zigzag > 0x7fn) {
    bytes[at++] = Number(zigzag & 0x7fn) | 0x80
    zigzag >>= 7n
  }
  bytes[at++] = Number(zigzag)
  return at
}

/** Doubling is not exact in a double beyond 2^52; such timestamp deltas are so rare that a bigint may be made. */
function zigzag64(value: number): bigint {
  const long = BigInt(value)
  return BigInt.asUintN(64, (long << 1n) ^ (long >> 63n))
}
