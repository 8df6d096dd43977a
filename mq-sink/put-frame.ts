import { idBytes, type PutMessage } from './put-message.ts'

// From the sink to its process that puts, integers little-endian: length of what follows (4), kind (1), then
//   M  queue (1), numbers (4 each), correlation and group id, texts, body
//   C  the state to put before the commit
//   J  JSON: a command

export type PutFrame =
  { kind: 'message'; message: PutMessage } | { kind: 'commit'; state: Buffer } | { kind: 'command'; text: string }

const numbers = [
  'persistence',
  'priority',
  'expiry',
  'type',
  'feedback',
  'ccsid',
  'encoding',
  'flags',
  'sequence'
] as const
const ids = ['correlId', 'groupId'] as const
const texts = [
  ['format', 8],
  ['replyToQueue', 48],
  ['replyToQueueManager', 48]
] as const
const headBytes = 2 + numbers.length * 4 + ids.length * idBytes + texts.reduce((sum, [, width]) => sum + width, 0)
const kinds = { message: 77, commit: 67, command: 74 } as const
/** A message, at most, and its descriptor: MQ's own limit. */
const frameBytesMax = 104_857_600 + 65_536

export function messageFrame(message: PutMessage): Buffer {
  const bodyBytes = message.body.reduce((sum, part) => sum + part.length, 0)
  const frame = Buffer.allocUnsafe(4 + headBytes + bodyBytes)
  frame.writeUInt32LE(headBytes + bodyBytes, 0)
  frame[4] = kinds.message
  frame[5] = message.queue
  let at = 6
  for (const name of numbers) at = frame.writeInt32LE(message[name], at)
  for (const name of ids) at += message[name].copy(frame, at, 0, idBytes)
  for (const [name, width] of texts) {
    frame.fill(0, at, at + width)
    frame.write(message[name], at, width, 'latin1')
    at += width
  }
  for (const part of message.body) at += part.copy(frame, at)
  return frame
}

export function bytesFrame(kind: 'commit' | 'command', bytes: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(5 + bytes.length)
  frame.writeUInt32LE(1 + bytes.length, 0)
  frame[4] = kinds[kind]
  frame.set(bytes, 5)
  return frame
}

/** Splits what comes into frames; bodies are views of what came. */
export class PutFrameReader {
  /** Of a frame that is not complete: joined once, when it is. */
  private held: Buffer[] = []
  private heldBytes = 0
  private wantedBytes = 0

  /** Throws RangeError on what is no frame. */
  take(chunk: Buffer): PutFrame[] {
    this.held.push(chunk)
    this.heldBytes += chunk.length
    if (this.heldBytes < this.wantedBytes) return []
    const bytes = this.held.length === 1 ? chunk : Buffer.concat(this.held)
    const frames: PutFrame[] = []
    let at = 0
    let wanted = this.wantedAt(bytes, at)
    while (bytes.length - at >= wanted) {
      frames.push(frameOf(bytes.subarray(at + 4, at + wanted)))
      at += wanted
      wanted = this.wantedAt(bytes, at)
    }
    this.held = at === bytes.length ? [] : [bytes.subarray(at)]
    this.heldBytes = bytes.length - at
    this.wantedBytes = wanted
    return frames
  }

  /** Bytes of the frame that begins there, as far as is known; never less than a whole head. */
  private wantedAt(bytes: Buffer, at: number): number {
    if (bytes.length - at < 4) return 5
    const length = bytes.readUInt32LE(at)
    if (length === 0 || length > frameBytesMax) throw new RangeError(`a frame of ${length} bytes`)
    return 4 + length
  }
}

function frameOf(bytes: Buffer): PutFrame {
  switch (bytes[0]) {
    case kinds.message:
      return { kind: 'message', message: messageOf(bytes) }
    case kinds.commit:
      return { kind: 'commit', state: bytes.subarray(1) }
    case kinds.command:
      return { kind: 'command', text: bytes.toString('utf8', 1) }
    default:
      throw new RangeError(`a frame of kind ${bytes[0]}`)
  }
}

function messageOf(bytes: Buffer): PutMessage {
  const fields: Record<string, unknown> = { queue: bytes[1] }
  let at = 2
  for (const name of numbers) {
    fields[name] = bytes.readInt32LE(at)
    at += 4
  }
  for (const name of ids) {
    fields[name] = bytes.subarray(at, at + idBytes)
    at += idBytes
  }
  for (const [name, width] of texts) {
    fields[name] = bytes.toString('latin1', at, at + width).replace(/\0+$/, '')
    at += width
  }
  fields['body'] = [bytes.subarray(at)]
  return fields as unknown as PutMessage
}
