import { reason, verbError } from '@tidemark/capture/mq/reason-codes.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'

/** Reason codes of MQPUT that mean something of their own ("API completion and reason codes" in IBM's reference). */
const putReason = {
  tooBigForQueue: 2030,
  tooBigForQueueManager: 2031,
  putInhibited: 2051,
  queueFull: 2053,
  noSpace: 2056,
  tooBigForChannel: 2218
} as const

/** Of an MQGET from the state queue, also one that browses. */
export function stateError(queue: string, reasonCode: number): TidemarkError {
  if (reasonCode !== reason.getInhibited) return verbError('MQGET', `queue ${queue}`, reasonCode)
  return new TidemarkError('MQ_CALL_FAILED', {
    message: `MQGET for queue ${queue} failed with reason ${reasonCode}: gets are inhibited`,
    place: `queue ${queue}`,
    cure: `ALTER QLOCAL(${queue}) GET(ENABLED), and start the sink again`
  })
}

/** Of an MQPUT to a queue. */
export function putError(queue: string, reasonCode: number): TidemarkError {
  const failed = `MQPUT for queue ${queue} failed with reason ${reasonCode}`
  const error = (code: ConstructorParameters<typeof TidemarkError>[0], cure: string) =>
    new TidemarkError(code, { message: failed, place: `queue ${queue}`, cure })
  switch (reasonCode) {
    case putReason.queueFull:
      return error(
        'MQ_QUEUE_FULL',
        `have ${queue} emptied, or ALTER QLOCAL(${queue}) MAXDEPTH(<more>); the sink tries again`
      )
    case putReason.noSpace:
      return error(
        'MQ_QUEUE_FULL',
        `the disk of the queue manager is full, or ${queue} has reached MAXFSIZE; the sink tries again`
      )
    case putReason.putInhibited:
      return error('MQ_PUT_INHIBITED', `ALTER QLOCAL(${queue}) PUT(ENABLED); the sink tries again`)
    case putReason.tooBigForQueue:
    case putReason.tooBigForQueueManager:
    case putReason.tooBigForChannel:
      return error('MQ_PUT_TOO_LARGE', `raise MAXMSGL of ${queue}, of the queue manager and of the channel`)
    case reason.syncpointLimit:
      return error('MQ_UNIT_TOO_LARGE', 'raise MAXUMSGS of the queue manager: ALTER QMGR MAXUMSGS(<n>)')
    default:
      return verbError('MQPUT', `queue ${queue}`, reasonCode)
  }
}
