import type { Duplex } from 'node:stream'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'

/** Type byte and length; the length counts itself but not the type (manual, "Message Formats"). */
const headerBytes = 5
const copyData = 0x64
/** PostgreSQL builds a message in one allocation, at most 1 GB (MaxAllocSize). */
const messageBytesMax = 0x4000_0000
/** A carry buffer up to this size is kept for the next message that spans chunks. */
const carryKeptBytesMax = 0x10_0000

export interface FrameHandler {
  /** Payload of one CopyData message. The bytes are valid, and may be overwritten, until the call returns. */
  copyData(buffer: Buffer, start: number, end: number): void
  /** Any other message, whole, with its type and length. */
  other(message: Buffer): void
}

/**
 * Splits what a PostgreSQL server sends into messages, in the order sent. Makes no object per CopyData message that
 * lies within a chunk. A message over several chunks is gathered; memory is bounded by what of it has arrived (twice).
 * A chunk may be overwritten once `feed` has returned. `feed` and `release` throw PROTOCOL_INVALID, and whatever the
 * handler throws; the reader is of no use afterwards.
 */
export class FrameReader {
  private readonly handler: FrameHandler
  private held = false
  private splitting = false
  /** Copies of what is not yet split. Only a held reader keeps any. */
  private waiting: Buffer[] = []
  private carry: Buffer = Buffer.allocUnsafe(0x1_0000)
  private carried = 0

  constructor(handler: FrameHandler) {
    this.handler = handler
  }

  feed(chunk: Buffer): void {
    if (this.held) this.waiting.push(Buffer.from(chunk))
    else this.split(chunk)
  }

  /** Stops before the next message, also when called by the handler: the rest waits for `release`. */
  hold(): void {
    this.held = true
  }

  /** Goes on with what waited. Called by the handler it only takes back a `hold`. */
  release(): void {
    this.held = false
    while (!this.splitting && !this.held && this.waiting.length > 0) this.split(this.waiting.shift()!)
  }

  private split(chunk: Buffer): void {
    this.splitting = true
    let offset = this.carried > 0 ? this.completeCarried(chunk) : 0
    while (!this.held && chunk.length - offset >= headerBytes) {
      const end = offset + messageBytes(chunk, offset)
      if (end > chunk.length) break
      this.deliver(chunk, offset, end)
      offset = end
    }
    this.splitting = false
    if (offset === chunk.length) return
    // The rest goes before what came while the reader was held.
    if (this.held) this.waiting.unshift(Buffer.from(chunk.subarray(offset)))
    else this.carryOver(chunk, offset, chunk.length)
  }

  private deliver(buffer: Buffer, start: number, end: number): void {
    if (buffer[start] === copyData) this.handler.copyData(buffer, start + headerBytes, end)
    else this.handler.other(buffer.subarray(start, end))
  }

  /** Adds to the carried message; hands it on when it is whole. Returns the offset behind what was taken. */
  private completeCarried(chunk: Buffer): number {
    let offset = 0
    if (this.carried < headerBytes) offset = this.carryOver(chunk, 0, headerBytes - this.carried)
    if (this.carried < headerBytes) return offset
    const total = messageBytes(this.carry, 0)
    offset = this.carryOver(chunk, offset, offset + total - this.carried)
    if (this.carried < total) return offset
    const message = this.carry
    this.carried = 0
    if (message.length > carryKeptBytesMax) this.carry = Buffer.allocUnsafe(0x1_0000)
    this.deliver(message, 0, total)
    return offset
  }

  private carryOver(chunk: Buffer, start: number, wanted: number): number {
    const end = Math.min(wanted, chunk.length)
    this.reserve(this.carried + end - start)
    chunk.copy(this.carry, this.carried, start, end)
    this.carried += end - start
    return end
  }

  /** Grows by doubling, not to the length announced: a length is only believed as far as its bytes have come. */
  private reserve(bytes: number): void {
    if (bytes <= this.carry.length) return
    const grown = Buffer.allocUnsafe(Math.max(bytes, Math.min(this.carry.length * 2, messageBytesMax + 1)))
    this.carry.copy(grown, 0, 0, this.carried)
    this.carry = grown
  }
}

/** Length of the whole message at `offset`, its type byte included. */
function messageBytes(buffer: Buffer, offset: number): number {
  const length = buffer.readInt32BE(offset + 1)
  if (length < 4 || length > messageBytesMax) {
    throw new TidemarkError('PROTOCOL_INVALID', { message: `the server sent a message of length ${length}` })
  }
  return length + 1
}

/**
 * Takes over the 'data' of a connection that `pg` has opened and that is idle (pg's parser holds no part of a message):
 * CopyData goes to `onCopyData`, everything else to pg's own listener, so its queries, errors and events work as ever.
 * Errors thrown while splitting or by `onCopyData` reject nothing by themselves: they go to `onError`, then nothing
 * more is split.
 */
export function takeOver(
  stream: Duplex,
  onCopyData: FrameHandler['copyData'],
  onError: (error: unknown) => void
): FrameReader {
  const original = stream.listeners('data') as ((chunk: Buffer) => void)[]
  const reader = new FrameReader({
    copyData: onCopyData,
    other: message => {
      for (const listener of original) listener.call(stream, message)
    }
  })
  let failed = false
  stream.on('data', (chunk: Buffer) => {
    if (failed) return
    try {
      reader.feed(chunk)
    } catch (error) {
      failed = true
      onError(error)
    }
  })
  for (const listener of original) stream.removeListener('data', listener)
  return reader
}
