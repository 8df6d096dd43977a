import type { HeaderBlock } from './record-sink.ts'
import { Scratch } from './scratch.ts'

const noValue = -1

/**
 * Headers being gathered, encoded as in a Kafka record (record format v2: zigzag varint of the key's length, key, zigzag
 * varint of the value's length or -1, value). Used again for each record: `clear` first.
 */
export class HeaderWriter implements HeaderBlock {
  count = 0
  readonly start = 0
  private readonly scratch = new Scratch()

  get bytes(): Buffer {
    return this.scratch.bytes
  }

  get end(): number {
    return this.scratch.length
  }

  clear(): void {
    this.count = 0
    this.scratch.length = 0
  }

  /** `key` in UTF-8. */
  add(key: Buffer, value: Buffer | null, valueStart = 0, valueEnd = value?.length ?? 0): void {
    this.lengthOf(key.length)
    this.scratch.append(key, 0, key.length)
    this.lengthOf(value === null ? noValue : valueEnd - valueStart)
    if (value !== null) this.scratch.append(value, valueStart, valueEnd)
    this.count++
  }

  /** `key` and `value` in UTF-8, without a buffer made of the value. */
  addText(key: Buffer, value: string): void {
    const length = Buffer.byteLength(value)
    this.lengthOf(key.length)
    this.scratch.append(key, 0, key.length)
    this.lengthOf(length)
    this.scratch.length += this.scratch.room(length).write(value, this.scratch.length)
    this.count++
  }

  /** All headers of another block, behind those already here. */
  addAll(block: HeaderBlock): void {
    this.scratch.append(block.bytes, block.start, block.end)
    this.count += block.count
  }

  private lengthOf(length: number): void {
    const bytes = this.scratch.room(5)
    let rest = ((length << 1) ^ (length >> 31)) >>> 0
    while (rest > 127) {
      bytes[this.scratch.length++] = (rest & 127) | 128
      rest >>>= 7
    }
    bytes[this.scratch.length++] = rest
  }
}

/** Headers that never change. */
export function fixedHeaders(headers: Readonly<Record<string, string>>): HeaderBlock {
  const writer = new HeaderWriter()
  for (const [name, value] of Object.entries(headers)) writer.add(Buffer.from(name), Buffer.from(value))
  const bytes = Buffer.from(writer.bytes.subarray(0, writer.end))
  return { count: writer.count, bytes, start: 0, end: bytes.length }
}
