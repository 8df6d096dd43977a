import type { MessageContent, Operation, TransactionContext } from '@tidemark/schemas/operation.ts'
import { withUnit } from '../source.ts'
import { idText, putTimeOf, type MessageDescriptor } from './message.ts'
import { describe } from './message-properties.ts'
import type { TransactionUnit } from './message-verbs.ts'

/** A message as an operation; one object serves all. */
export class MessageOperation implements Operation {
  readonly kind = 'message'
  readonly table = null
  readonly before = null
  readonly after = null
  readonly oldTuple = null
  readonly newTuple = null
  readonly beforeIsKeyOnly = false
  readonly truncated = []
  readonly lsnBytes = null
  readonly lsnStart = 0
  ordinal = 0
  transaction: TransactionContext = { sourceId: '', commitTime: 0, position: withUnit, kind: 'mirror' }
  message: MessageContent | null = null

  /** A transaction begins with the message shown next. Returns what is known of it. */
  begin(descriptor: MessageDescriptor, unit: TransactionUnit): TransactionContext {
    this.ordinal = -1
    this.transaction = {
      sourceId: sourceIdOf(descriptor, unit),
      commitTime: putTimeOf(descriptor),
      position: withUnit,
      kind: 'mirror'
    }
    return this.transaction
  }

  show(queue: string, descriptor: MessageDescriptor, body: Buffer): Operation {
    const { content, properties } = describe(descriptor, body)
    this.ordinal++
    this.message = { prefix: queue, bytes: content, properties }
    return this
  }
}

/** The group's id, else the id of the transaction's first message. */
function sourceIdOf({ groupId, msgId }: MessageDescriptor, unit: TransactionUnit): string {
  const isGroup = unit === 'group' && groupId.some(byte => byte !== 0)
  return idText(isGroup ? groupId : msgId)
}
