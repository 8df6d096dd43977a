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
const descriptorBytes = ids.length * idLength + numbers.length * 4 + texts.reduce((sum, [, width]) => sum + width, 0)
const letters = { message: 'M', 'transaction-end': 'T', unit: 'U', committed: 'C', event: 'J' } as const
/** A message, at most, and its descriptor: MQ's own limit. */
const frameBytesMax = 104_857_600 + 65_536

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
    for (const [name, width] of texts) {
      buffer.fill(0, at, at + width)
      buffer.write(descriptor[name], at, width, 'latin1')
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
  private held: Buffer = Buffer.alloc(0)

  /** Throws RangeError on what is no frame. */
  take(chunk: Buffer): Frame[] {
    this.held = this.held.length === 0 ? chunk : Buffer.concat([this.held, chunk])
    const frames: Frame[] = []
    let at = 0
    while (this.held.length - at >= 4) {
      const length = this.held.readUInt32LE(at)
      if (length === 0 || length > frameBytesMax) throw new RangeError(`a frame of ${length} bytes`)
      if (this.held.length - at - 4 < length) break
      frames.push(frameOf(this.held.subarray(at + 4, at + 4 + length)))
      at += 4 + length
    }
    this.held = this.held.subarray(at)
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
    descriptor[name] = bytes.toString('latin1', at, at + width).replace(/\0+$/, '')
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
