import type { Operation, TransactionContext } from '@tidemark/schemas/operation.ts'
import { withUnit, type UnitReceiver } from '../source.ts'
import type { ReaderEvent } from './reader-messages.ts'

export type SetAsideEvent = Extract<ReaderEvent, { type: 'set-aside' }>

/** Prefix of the operations that tell of messages set aside; no queue has such a name. */
export const setAsidePrefix = 'tidemark: set aside'

/**
 * Hands over, as a transaction of its own, that a message was moved to its backout queue. It is settled with the unit of
 * work that moves it. Were that unit to be done anew after a commit in doubt, it would be told again.
 */
export function tellSetAside(event: SetAsideEvent, to: UnitReceiver): void {
  const { msgId: sourceId, putTime } = event
  const transaction: TransactionContext = { sourceId, commitTime: putTime, position: withUnit, kind: 'mirror' }
  to.begin(transaction)
  to.operation(operationOf(event, transaction))
  to.commit(withUnit)
}

function operationOf(event: SetAsideEvent, transaction: TransactionContext): Operation {
  return {
    kind: 'message',
    table: null,
    ordinal: 0,
    transaction,
    lsnBytes: null,
    lsnStart: 0,
    before: null,
    after: null,
    oldTuple: null,
    newTuple: null,
    beforeIsKeyOnly: false,
    truncated: [],
    message: {
      prefix: setAsidePrefix,
      bytes: Buffer.from(JSON.stringify(event)),
      properties: new Map([['mq.MsgId', event.msgId]])
    }
  }
}
