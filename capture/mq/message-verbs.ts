import type { QueueMessage } from './message.ts'

/** How messages of a queue become transactions. */
export type TransactionUnit = 'group' | 'message' | 'batch'

export interface GetRequest {
  /** Index of the queue. */
  queue: number
  waitMs: number
  /** In logical order, groups only when all of their messages are there. */
  groups: boolean
  /** Outside any unit of work, and the message stays; the first one, or the next of this handle. */
  browse?: 'first' | 'next'
}

export type Got =
  | { type: 'message'; message: QueueMessage }
  /** 2033, or 2016: none now. */
  | { type: 'none'; inhibited: boolean }
  /** 2024: the unit of work has as many messages as the queue manager allows. */
  | { type: 'unit-full' }

/**
 * The verbs the reader needs, on one connection, each done when it returns. Every one but `get`'s own answers throws a
 * TidemarkError (reason-codes.ts).
 */
export interface MessageVerbs {
  /** MQGET under syncpoint. */
  get(request: GetRequest): Got
  /**
   * MQPUT under syncpoint of a message got, to the queue's backout queue; it counts in the unit of work as the get does.
   * `unit-full`: 2024, and it was not put.
   */
  setAside(queue: number, message: QueueMessage): 'moved' | 'unit-full'
  /** MQCMIT. Throws MQ_COMMIT_IN_DOUBT, MQ_UNIT_BACKED_OUT. */
  commit(): void
  /** MQBACK. */
  back(): void
}
