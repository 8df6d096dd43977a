import { hash } from 'node:crypto'
import { idBytes, inGroup, lastInGroup, type PutMessage } from './put-message.ts'

/**
 * Messages of one transaction as a message group in each queue. Which message is the last is known only at the end, so one
 * of each queue is held back. Numbers and id are set here, not by MQPMO_LOGICAL_ORDER: a group may go on after a lost
 * connection.
 */
export class MessageGroup {
  private readonly id: Buffer
  private readonly next: Map<number, number>
  private readonly held = new Map<number, PutMessage>()

  /** `next`: by index of queue, where some of the group is put already. */
  constructor(id: Buffer, next: ReadonlyMap<number, number>) {
    this.id = id
    this.next = new Map(next)
  }

  /** Returns the message to be put now: the one before it in its queue. */
  take(message: PutMessage): PutMessage | null {
    const before = this.held.get(message.queue)
    this.held.set(message.queue, message)
    return before === undefined ? null : this.placed(before, inGroup)
  }

  /** What was held back, each the last in its queue. */
  *end(): Generator<PutMessage> {
    for (const [queue, message] of this.held) {
      this.held.delete(queue)
      yield this.placed(message, inGroup | lastInGroup)
    }
  }

  /** Messages that are not put while later ones of other queues are. */
  get heldBack(): number {
    return this.held.size
  }

  /** The number of the next message of each queue, by index. */
  get numbers(): ReadonlyMap<number, number> {
    return this.next
  }

  private placed(message: PutMessage, flags: number): PutMessage {
    const sequence = this.next.get(message.queue) ?? 1
    this.next.set(message.queue, sequence + 1)
    return { ...message, groupId: this.id, sequence, flags }
  }
}

/** The same whenever the transaction comes again. */
export function groupIdOf(namespace: string, transaction: string): Buffer {
  return hash('sha256', `${namespace} ${transaction}`, 'buffer').subarray(0, idBytes)
}
