import type { MessageDescriptor } from './message.ts'
import type { TransactionUnit } from './message-verbs.ts'

/** A message as it stands on its queue. */
export interface BrowsedMessage {
  readonly descriptor: MessageDescriptor
  readonly body: Buffer
}

export interface BrowsedTransactions {
  readonly transactions: readonly (readonly BrowsedMessage[])[]
  /** Messages of groups that are not whole among those browsed: the agent waits for the rest of them. */
  readonly incomplete: number
}

/** MQMF_MSG_IN_GROUP, MQMF_LAST_MSG_IN_GROUP ("MsgFlags (MQLONG)"): the last message may have its flag alone. */
const inGroup = 8
const lastInGroup = 16

/** The transactions that messages would become, in the order of their first messages. Pure. */
export function browsedTransactions(
  messages: readonly BrowsedMessage[],
  { unit, batchMessages }: { unit: TransactionUnit; batchMessages: number }
): BrowsedTransactions {
  switch (unit) {
    case 'message':
      return { transactions: messages.map(message => [message]), incomplete: 0 }
    case 'batch':
      return { transactions: inBatches(messages, batchMessages), incomplete: 0 }
    case 'group':
      return inGroups(messages)
  }
}

function inBatches(messages: readonly BrowsedMessage[], size: number): BrowsedMessage[][] {
  const count = Math.ceil(messages.length / size)
  return Array.from({ length: count }, (_, index) => messages.slice(index * size, (index + 1) * size))
}

function inGroups(messages: readonly BrowsedMessage[]): BrowsedTransactions {
  const groups = Map.groupBy(messages, message =>
    isGrouped(message) ? message.descriptor.groupId.toString('hex') : message
  )
  const ordered = [...groups.values()].map(group =>
    group.toSorted((a, b) => a.descriptor.sequence - b.descriptor.sequence)
  )
  const transactions = ordered.filter(isWhole)
  const shown = transactions.reduce((sum, group) => sum + group.length, 0)
  return { transactions, incomplete: messages.length - shown }
}

function isGrouped({ descriptor: { flags } }: BrowsedMessage): boolean {
  return (flags & (inGroup | lastInGroup)) !== 0
}

function isWhole(group: readonly BrowsedMessage[]): boolean {
  const last = group.at(-1)!
  if (!isGrouped(last)) return true
  return (last.descriptor.flags & lastInGroup) !== 0 && last.descriptor.sequence === group.length
}
