import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { varintBytes, writeVarint } from './varint.ts'
import { VarintCursor } from './varint-cursor.ts'

/** Bytes of one header as it stands in a record; `valueBytes` -1 for null. */
export function headerBytes(keyBytes: number, valueBytes: number): number {
  return varintBytes(keyBytes) + keyBytes + varintBytes(valueBytes) + (valueBytes > 0 ? valueBytes : 0)
}

/** Writes one header as it stands in a record; returns the place after it. `target` must have room for `headerBytes`. */
export function writeHeader(target: Buffer, at: number, key: Buffer, value: Uint8Array | null): number {
  at = writeVarint(target, at, key.length)
  target.set(key, at)
  at = writeVarint(target, at + key.length, value === null ? -1 : value.length)
  if (value === null) return at
  target.set(value, at)
  return at + value.length
}

/**
 * The headers of a record as pairs in their order, values as slices; names may repeat. Throws RECORD_BATCH_INVALID when
 * they are not `count` headers that end at `end`.
 */
export function readHeaders(bytes: Buffer, start: number, end: number, count: number): [string, Buffer | null][] {
  const cursor = new HeaderCursor(bytes, start, end)
  const headers: [string, Buffer | null][] = []
  for (let left = count; left > 0; left--) {
    const key = cursor.part()
    if (key === null) throw malformed()
    headers.push([key.toString('utf8'), cursor.part()])
  }
  if (cursor.at !== end) throw malformed()
  return headers
}

class HeaderCursor extends VarintCursor {
  private readonly end: number

  constructor(bytes: Buffer, start: number, end: number) {
    super(bytes)
    this.at = start
    this.end = end
  }

  part(): Buffer | null {
    const length = this.varint()
    if (length === -1) return null
    const start = this.at
    if (!(length >= 0 && length <= this.end - start)) throw malformed()
    this.at = start + length
    return this.bytes.subarray(start, this.at)
  }
}

function malformed(): TidemarkError {
  return new TidemarkError('RECORD_BATCH_INVALID', {
    message: 'the headers of a record do not have the lengths they state'
  })
}
