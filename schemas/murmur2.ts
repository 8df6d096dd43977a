const SEED = 0x9747b28c
const MULTIPLIER = 0x5bd1e995

/**
 * murmur2 of the bytes in [start, end), a signed 32-bit integer, as in the Java client
 * (org.apache.kafka.common.utils.Utils.murmur2).
 */
export function murmur2(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start
  const wholeEnd = start + (length & ~3)
  let hash = SEED ^ length
  for (let at = start; at < wholeEnd; at += 4) {
    const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    const mixed = Math.imul(word, MULTIPLIER)
    hash = Math.imul(hash, MULTIPLIER) ^ Math.imul(mixed ^ (mixed >>> 24), MULTIPLIER)
  }
  const rest = length & 3
  if (rest === 3) hash ^= bytes[wholeEnd + 2]! << 16
  if (rest >= 2) hash ^= bytes[wholeEnd + 1]! << 8
  if (rest >= 1) hash = Math.imul(hash ^ bytes[wholeEnd]!, MULTIPLIER)
  hash = Math.imul(hash ^ (hash >>> 13), MULTIPLIER)
  return hash ^ (hash >>> 15)
}
