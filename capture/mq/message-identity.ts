import { hash } from 'node:crypto'
import type { QueueMessage } from './message.ts'
import { identityBytes } from './position.ts'

/**
 * What a message is known by when it comes again: a digest of what stays the same over a back-out. Its MsgId alone would
 * not do: applications may set it, and two messages of one MsgId are two messages.
 */
export function identityOf({ descriptor, body }: QueueMessage): Buffer {
  const { msgId, correlId, groupId, sequence, putDate, putTime } = descriptor
  const place = `${sequence} ${putDate}${putTime}`
  return hash('sha256', Buffer.concat([msgId, correlId, groupId, Buffer.from(place), body]), 'buffer').subarray(
    0,
    identityBytes
  )
}
