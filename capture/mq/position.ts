import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { PositionBytes } from '@tidemark/schemas/position.ts'

// A place in a queue is no number: messages leave from anywhere. A position is the identities of the messages that may
// come again although they were named (commit stream, section 5.6): all got in the unit of work, and older ones of which
// it is not known whether their commit was done.
//   1 byte   version, 1
//   8 bytes  number of the unit of work, big-endian: no two positions of one owner are equal
//   16 bytes for each identity (message-identity.ts), those of the unit last

export const identityBytes = 16
const version = 1
const headBytes = 9

export interface MqPosition {
  unit: number
  /** Identities one after the other. */
  identities: Buffer
}

/** Before the first message. */
export const originPosition: PositionBytes = encodePosition({ unit: 0, identities: Buffer.alloc(0) })

export function encodePosition({ unit, identities }: MqPosition): PositionBytes {
  const bytes = Buffer.alloc(headBytes + identities.length)
  bytes[0] = version
  bytes.writeBigUInt64BE(BigInt(unit), 1)
  identities.copy(bytes, headBytes)
  return bytes
}

/** Throws COMMIT_STREAM_INVALID on anything `encodePosition` does not make. */
export function decodePosition(position: PositionBytes): MqPosition {
  const bytes = Buffer.from(position.buffer, position.byteOffset, position.length)
  if (bytes.length < headBytes || bytes[0] !== version || (bytes.length - headBytes) % identityBytes !== 0) {
    throw new TidemarkError('COMMIT_STREAM_INVALID', {
      message: `a position of ${bytes.length} bytes is not one of a queue`,
      cure: 'the commit stream belongs to another kind of source: choose another `commitStream`'
    })
  }
  return { unit: Number(bytes.readBigUInt64BE(1)), identities: Buffer.from(bytes.subarray(headBytes)) }
}

/** For people. */
export function positionText(position: PositionBytes): string {
  const { unit, identities } = decodePosition(position)
  return `unit of work ${unit} (${identities.length / identityBytes} messages)`
}
