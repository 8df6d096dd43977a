import { compressFrameSync, decompressFrameSync } from 'lz4-napi'

/*
 * LZ4 frame format 1.6 (lz4_Frame_format.md), as Kafka uses it since message format 2:
 *
 *   magic 04 22 4D 18, FLG, BD, [content size 8 bytes], [dictionary id 4 bytes], header checksum,
 *   then blocks: size uint32 LE (high bit: stored uncompressed), bytes, [block checksum 4 bytes]; size 0 ends them,
 *   then [content checksum 4 bytes]
 */
const MAGIC = 0x184d2204
const BLOCK_CHECKSUM = 0x10
const CONTENT_SIZE = 0x08
const DICTIONARY_ID = 0x01
const STORED = 0x8000_0000
/** LZ4 spends at least one byte on 255 bytes of output. */
const EXPANSION_MAX = 255

export function compressLz4(bytes: Buffer): Buffer {
  return compressFrameSync(bytes)
}

/**
 * Throws RangeError when the frame would become more than `bytesMax`, SyntaxError or the library's error when it is not
 * LZ4.
 */
export function decompressLz4(bytes: Buffer, bytesMax: number): Buffer {
  // The library takes no limit. What the blocks could become at most is known at once; what they do become costs a walk.
  if (sumOfBlocks(bytes, blockAtMost) > bytesMax && sumOfBlocks(bytes, blockExactly) > bytesMax) {
    throw new RangeError('LZ4 frame is above the limit')
  }
  return decompressFrameSync(bytes)
}

/** Uncompressed bytes of the block in [start, end), which the frame allows `blockBytesMax`. */
type BlockMeasure = (bytes: Buffer, start: number, end: number, blockBytesMax: number) => number

function blockAtMost(_bytes: Buffer, start: number, end: number, blockBytesMax: number): number {
  return Math.min(blockBytesMax, (end - start) * EXPANSION_MAX)
}

/** Walks the block's sequences (lz4_Block_format.md): token, literal length, literals, offset, match length. */
function blockExactly(bytes: Buffer, start: number, end: number): number {
  let length = 0
  let at = start
  const count = (nibble: number): number => {
    let sum = nibble
    let byte = nibble === 15 ? 255 : 0
    while (byte === 255) sum += byte = bytes[at++] ?? 0
    return sum
  }
  while (at < end) {
    const token = bytes[at++]!
    const literals = count(token >> 4)
    at += literals
    length += literals
    if (at >= end) break
    at += 2
    length += count(token & 15) + 4
  }
  return length
}

function sumOfBlocks(bytes: Buffer, measure: BlockMeasure): number {
  if (bytes.length < 11 || bytes.readUInt32LE(0) !== MAGIC) throw new SyntaxError('not an LZ4 frame')
  const flags = bytes[4]!
  const blockBytesMax = blockSize(bytes[5]!)
  const checksumBytes = flags & BLOCK_CHECKSUM ? 4 : 0
  let at = 7 + (flags & CONTENT_SIZE ? 8 : 0) + (flags & DICTIONARY_ID ? 4 : 0)
  let sum = 0
  while (at + 4 <= bytes.length) {
    const size = bytes.readUInt32LE(at)
    if (size === 0) return sum
    const stored = size >= STORED
    const end = at + 4 + (stored ? size - STORED : size)
    if (end > bytes.length) break
    sum += stored ? size - STORED : measure(bytes, at + 4, end, blockBytesMax)
    at = end + checksumBytes
  }
  throw new SyntaxError('LZ4 frame ends before its end mark')
}

function blockSize(descriptor: number): number {
  const exponent = (descriptor >> 4) & 7
  if (exponent < 4) throw new SyntaxError('LZ4 frame with an unknown block size')
  return 2 ** (2 * exponent + 8)
}
