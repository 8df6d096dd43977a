import { compressSync, uncompressSync } from 'snappy'

/*
 * What Kafka's Java clients write: snappy-java's stream format (org.xerial.snappy.SnappyOutputStream).
 *
 *   magic 82 'SNAPPY' 00, version int32 BE, lowest compatible version int32 BE,
 *   then chunks: length int32 BE, one raw snappy block of that length
 *
 * Some clients write one raw snappy block with no frame; Java reads both, and so do we.
 */
const magic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])
const frameHead = Buffer.concat([magic, Buffer.from([0, 0, 0, 1, 0, 0, 0, 1])])
/** As snappy-java: no chunk holds more than this. */
const chunkBytesMax = 32 * 1024

export function compressSnappy(bytes: Buffer): Buffer {
  const pieces: Buffer[] = [frameHead]
  for (let start = 0; start < bytes.length; start += chunkBytesMax) {
    const block = compressSync(bytes.subarray(start, start + chunkBytesMax))
    const length = Buffer.allocUnsafe(4)
    length.writeInt32BE(block.length)
    pieces.push(length, block)
  }
  return Buffer.concat(pieces)
}

/** Throws RangeError above `bytesMax`, SyntaxError or the library's error on bytes that are not snappy. */
export function decompressSnappy(bytes: Buffer, bytesMax: number): Buffer {
  if (bytes.length < frameHead.length || bytes.compare(magic, 0, magic.length, 0, magic.length) !== 0) {
    return uncompressBlock(bytes, bytesMax)
  }
  const pieces: Buffer[] = []
  let left = bytesMax
  for (let at = frameHead.length; at < bytes.length;) {
    const end = chunkEnd(bytes, at)
    const piece = uncompressBlock(bytes.subarray(at + 4, end), left)
    pieces.push(piece)
    left -= piece.length
    at = end
  }
  return Buffer.concat(pieces)
}

function chunkEnd(bytes: Buffer, at: number): number {
  if (at + 4 > bytes.length) throw new SyntaxError('snappy stream ends inside a chunk length')
  const length = bytes.readInt32BE(at)
  if (length < 0 || length > bytes.length - at - 4) throw new SyntaxError('snappy chunk runs past the end')
  return at + 4 + length
}

function uncompressBlock(block: Buffer, bytesMax: number): Buffer {
  const length = uncompressedBytes(block)
  if (length > bytesMax) throw new RangeError(`snappy block of ${length} bytes is above the limit`)
  return uncompressSync(block, { asBuffer: true }) as Buffer
}

/** A raw snappy block begins with its uncompressed length as unsigned LEB128, at most 32 bits. */
function uncompressedBytes(block: Buffer): number {
  let length = 0
  for (let index = 0; index < 5 && index < block.length; index++) {
    const byte = block[index]!
    length += (byte & 0x7f) * 2 ** (7 * index)
    if (byte < 0x80) return length
  }
  throw new SyntaxError('snappy block without a length')
}
