import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'

const firstBytes = 16_384
/** A scratch that one large row made bigger than this is given back at the end of its transaction. */
const keptBytes = 4_194_304
/** PostgreSQL's largest value is 1 GB, Kafka's largest record 2 GB; nothing near that should be one record. */
const defaultBytesMax = 268_435_456

/** A growing buffer that is filled anew for each record. Whoever appends asks for `room` first and moves `length`. */
export class Scratch {
  bytes = Buffer.allocUnsafeSlow(firstBytes)
  length = 0
  private readonly bytesMax: number

  constructor(bytesMax = defaultBytesMax) {
    this.bytesMax = bytesMax
  }

  /** Makes sure that `more` bytes fit behind `length`; `bytes` may be another buffer afterwards. Throws RECORD_TOO_LARGE. */
  room(more: number): Buffer {
    if (this.bytes.length - this.length < more) this.grow(this.length + more)
    return this.bytes
  }

  /** Appends a range of bytes as they are. Throws RECORD_TOO_LARGE. */
  append(source: Buffer, start: number, end: number): void {
    const bytes = this.room(end - start)
    copyRange(source, start, end, bytes, this.length)
    this.length += end - start
  }

  /** A new buffer with the content. */
  copy(): Buffer {
    return Buffer.from(this.bytes.subarray(0, this.length))
  }

  /** Gives back what an exceptionally large record needed. */
  trim(): void {
    this.length = 0
    if (this.bytes.length > keptBytes) this.bytes = Buffer.allocUnsafeSlow(firstBytes)
  }

  private grow(needed: number): void {
    if (needed > this.bytesMax) {
      throw new TidemarkError('RECORD_TOO_LARGE', {
        message: `a record needs more than ${this.bytesMax} bytes`,
        cure: 'leave the large column out, or send it elsewhere'
      })
    }
    const larger = Buffer.allocUnsafeSlow(Math.min(this.bytesMax, Math.max(needed, this.bytes.length * 2)))
    this.bytes.copy(larger, 0, 0, this.length)
    this.bytes = larger
  }
}

/** Below it a loop is faster than the call into native code (measured with Node 24). */
const loopBytesMax = 24

export function copyRange(source: Buffer, start: number, end: number, target: Buffer, at: number): void {
  if (end - start > loopBytesMax) {
    source.copy(target, at, start, end)
    return
  }
  for (let index = start; index < end; index++) target[at++] = source[index]!
}
