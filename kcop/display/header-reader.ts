import type { HeaderBlock } from '../record-sink.ts'

/** The headers of a block, as copies. Throws RangeError when the block is not whole. */
export function readHeaders(block: HeaderBlock): (readonly [name: string, value: Buffer | null])[] {
  const reader = { bytes: block.bytes, at: block.start }
  const headers: (readonly [string, Buffer | null])[] = []
  for (let index = 0; index < block.count; index++) {
    const name = field(reader)!.toString()
    headers.push([name, field(reader)])
  }
  if (reader.at !== block.end) throw new RangeError('a header block has bytes behind its headers')
  return headers
}

interface Reader {
  readonly bytes: Buffer
  at: number
}

function field(reader: Reader): Buffer | null {
  const length = varint(reader)
  if (length < 0) return null
  reader.at += length
  return Buffer.from(reader.bytes.subarray(reader.at - length, reader.at))
}

/** Zigzag, as in a Kafka record. */
function varint(reader: Reader): number {
  let value = 0
  for (let shift = 0; ; shift += 7) {
    const byte = reader.bytes[reader.at++]!
    value |= (byte & 127) << shift
    if (byte < 128) return (value >>> 1) ^ -(value & 1)
  }
}
