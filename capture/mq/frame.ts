import type { MessageDescriptor } from './message.ts'

// From the reader's process to the agent, integers little-endian: length of what follows (4), kind (1), then
//   M  queue (1), first of a transaction (1), descriptor (descriptorBytes), body
//   T  end of a transaction
//   U  position of the unit of work: it waits for leave to commit
//   C  the unit is committed
//   J  JSON: an event

export type Frame =
  | { kind: 'message'; queue: number; first: boolean; descriptor: MessageDescriptor; body: Buffer }
  | { kind: 'transaction-end' }
  | { kind: 'unit'; position: Buffer }
  | { kind: 'committed' }
  | { kind: 'event'; text: string }

const ids = ['msgId', 'correlId', 'groupId'] as const
const idLength = 24
const numbers = [
  'sequence',
  'flags',
  'ccsid',
  'encoding',
  'priority',
  'persistence',
  'expiry',
  'msgType',
  'feedback',
  'report',
  'backoutCount'
] as const
const texts = [
  ['format', 8],
  ['putDate', 8],
  ['putTime', 8],
  ['replyToQueue', 48],
  ['replyToQueueManager', 48],
  ['userIdentifier', 12],
  ['putApplication', 28]
] as const
const textBytes = texts.reduce((sum, [, width]) => sum + width, 0)
const descriptorBytes = ids.length * idLength + numbers.length * 4 + textBytes
const letters = { message: 'M', 'transaction-end': 'T', unit: 'U', committed: 'C', event: 'J' } as const
/** A message, at most, and its descriptor: MQ's own limit. */
const frameBytesMax = 104_857_600 + 65_536
/** The length that each frame begins with. */
const headBytes = 4

/** Gathers frames until they are worth a write. */
export class FrameWriter {
  private buffer: Buffer
  private length = 0
  private readonly write: (bytes: Buffer) => void
  private readonly worthBytes: number

  /** `write` is done with the bytes when it returns. */
  constructor(write: (bytes: Buffer) => void, worthBytes = 65_536) {
    this.write = write
    this.worthBytes = worthBytes
    this.buffer = Buffer.allocUnsafe(worthBytes * 2)
  }

  message(queue: number, first: boolean, descriptor: MessageDescriptor, body: Buffer): void {
    let at = this.begin('message', 2 + descriptorBytes + body.length)
    const { buffer } = this
    buffer[at] = queue
    buffer[at + 1] = first ? 1 : 0
    at += 2
    for (const name of ids) at += descriptor[name].copy(buffer, at, 0, idLength)
    for (const name of numbers) at = buffer.writeInt32LE(descriptor[name], at)
    buffer.fill(0, at, at + textBytes)
    for (const [name, width] of texts) {
      const text = descriptor[name]
      if (text !== '') buffer.write(text, at, width, 'latin1')
      at += width
    }
    body.copy(buffer, at)
    this.end()
  }

  mark(kind: 'transaction-end' | 'committed'): void {
    this.begin(kind, 0)
    this.end()
  }

  bytes(kind: 'unit' | 'event', bytes: Uint8Array): void {
    const at = this.begin(kind, bytes.length)
    this.buffer.set(bytes, at)
    this.end()
  }

  flush(): void {
    if (this.length === 0) return
    this.write(this.buffer.subarray(0, this.length))
    this.length = 0
    if (this.buffer.length > this.worthBytes * 8) this.buffer = Buffer.allocUnsafe(this.worthBytes * 2)
  }

  private begin(kind: Frame['kind'], payload: number): number {
    const needed = this.length + 5 + payload
    if (needed > this.buffer.length) {
      this.flush()
      if (5 + payload > this.buffer.length) this.buffer = Buffer.allocUnsafe(5 + payload)
    }
    this.buffer.writeUInt32LE(1 + payload, this.length)
    this.buffer[this.length + 4] = letters[kind].charCodeAt(0)
    const at = this.length + 5
    this.length = at + payload
    return at
  }

  private end(): void {
    if (this.length >= this.worthBytes) this.flush()
  }
}

/** Splits what comes into frames; a message's body is a view of what came. */
export class FrameReader {
  private parts: Buffer[] = []
  private bytes = 0
  /** What the parts must hold before it is worth joining them: a large frame comes in many. */
  private neededBytes = headBytes

  /** Throws RangeError on what is no frame. */
  take(chunk: Buffer): Frame[] {
    this.parts.push(chunk)
    this.bytes += chunk.length
    if (this.bytes < this.neededBytes) return []
    const held = this.parts.length === 1 ? chunk : Buffer.concat(this.parts)
    const frames: Frame[] = []
    let at = 0
    this.neededBytes = headBytes
    while (held.length - at >= headBytes) {
      const length = held.readUInt32LE(at)
      if (length === 0 || length > frameBytesMax) throw new RangeError(`a frame of ${length} bytes`)
      if (held.length - at - headBytes < length) {
        this.neededBytes = headBytes + length
        break
      }
      frames.push(frameOf(held.subarray(at + headBytes, at + headBytes + length)))
      at += headBytes + length
    }
    this.parts = at === held.length ? [] : [held.subarray(at)]
    this.bytes = held.length - at
    return frames
  }
}

function frameOf(bytes: Buffer): Frame {
  const letter = String.fromCharCode(bytes[0]!)
  switch (letter) {
    case 'M':
      return messageOf(bytes)
    case 'T':
      return { kind: 'transaction-end' }
    case 'U':
      return { kind: 'unit', position: Buffer.from(bytes.subarray(1)) }
    case 'C':
      return { kind: 'committed' }
    case 'J':
      return { kind: 'event', text: bytes.toString('utf8', 1) }
    default:
      throw new RangeError(`a frame of kind ${letter}`)
  }
}

function messageOf(bytes: Buffer): Frame {
  const descriptor: Record<string, unknown> = {}
  let at = 3
  for (const name of ids) {
    descriptor[name] = bytes.subarray(at, at + idLength)
    at += idLength
  }
  for (const name of numbers) {
    descriptor[name] = bytes.readInt32LE(at)
    at += 4
  }
  for (const [name, width] of texts) {
    descriptor[name] = textAt(bytes, at, width)
    at += width
  }
  return {
    kind: 'message',
    queue: bytes[1]!,
    first: bytes[2] === 1,
    descriptor: descriptor as unknown as MessageDescriptor,
    body: bytes.subarray(at)
  }
}

/** A text padded with zero bytes. */
function textAt(bytes: Buffer, at: number, width: number): string {
  let end = at + width
  while (end > at && bytes[end - 1] === 0) end--
  return end === at ? '' : bytes.toString('latin1', at, end)
}
