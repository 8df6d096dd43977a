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

/** Throws RangeError when the frame could become more than `bytesMax`, SyntaxError or the library's error when it is not LZ4. */
export function decompressLz4(bytes: Buffer, bytesMax: number): Buffer {
  // The library takes no limit, so the frame's blocks are added up first: each is bounded by the frame's block size.
  if (uncompressedBytesMax(bytes) > bytesMax) throw new RangeError('LZ4 frame is above the limit')
  const uncompressed = decompressFrameSync(bytes)
  if (uncompressed.length > bytesMax) throw new RangeError('LZ4 frame is above the limit')
  return uncompressed
}

function uncompressedBytesMax(bytes: Buffer): number {
  if (bytes.length < 11 || bytes.readUInt32LE(0) !== MAGIC) throw new SyntaxError('not an LZ4 frame')
  const flags = bytes[4]!
  const blockBytesMax = blockSize(bytes[5]!)
  const checksumBytes = flags & BLOCK_CHECKSUM ? 4 : 0
  let at = 7 + (flags & CONTENT_SIZE ? 8 : 0) + (flags & DICTIONARY_ID ? 4 : 0)
  let most = 0
  while (at + 4 <= bytes.length) {
    const size = bytes.readUInt32LE(at)
    if (size === 0) return most
    const stored = size >= STORED
    const packed = stored ? size - STORED : size
    most += Math.min(blockBytesMax, stored ? packed : packed * EXPANSION_MAX)
    at += 4 + packed + checksumBytes
  }
  throw new SyntaxError('LZ4 frame ends before its end mark')
}

function blockSize(descriptor: number): number {
  const exponent = (descriptor >> 4) & 7
  if (exponent < 4) throw new SyntaxError('LZ4 frame with an unknown block size')
  return 2 ** (2 * exponent + 8)
}
