import type { ErrorCode } from '@tidemark/schemas/error-codes.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { brokerErrorName, brokerErrors, forbiddenError, isForbidden, isPassing } from './broker-error.ts'
import type { ProduceAnswer } from './produce-wire.ts'

/**
 * What an answer means for its batch: `stored`; `again`: the same bytes must be sent again (the broker tells by the
 * sequence whether it has them); `refused`: the session is over.
 */
export type ProduceOutcome =
  | { kind: 'stored'; offset: number }
  | { kind: 'again'; cause: string; topicUnknown: boolean }
  | { kind: 'refused'; error: TidemarkError }

/** `producer` names the transactional id and epoch in errors. */
export function produceOutcome(answer: ProduceAnswer, producer: string): ProduceOutcome {
  const { error: code, baseOffset } = answer
  if (code === 0 && baseOffset >= 0) return { kind: 'stored', offset: baseOffset }
  if (code === brokerErrors.DUPLICATE_SEQUENCE_NUMBER && baseOffset >= 0) return { kind: 'stored', offset: baseOffset }
  if (isPassing(code)) {
    const topicUnknown = code === brokerErrors.UNKNOWN_TOPIC_OR_PARTITION || code === brokerErrors.UNKNOWN_TOPIC_ID
    return { kind: 'again', cause: brokerErrorName(code), topicUnknown }
  }
  return { kind: 'refused', error: refusal(answer, producer) }
}

function refusal(answer: ProduceAnswer, producer: string): TidemarkError {
  const { topic, partition, error: code, message } = answer
  if (isForbidden(code)) return forbiddenError(code, 'Write', `topic ${topic}`)
  const place = `${topic}/${partition}`
  const said = message === undefined ? '' : ` ("${message}")`
  return new TidemarkError(refusalCode(code), { message: `${place}, ${producer}: ${meaning(code)}${said}`, place })
}

function refusalCode(code: number): ErrorCode {
  switch (code) {
    case brokerErrors.MESSAGE_TOO_LARGE:
    case brokerErrors.RECORD_LIST_TOO_LARGE:
      return 'RECORD_TOO_LARGE'
    case brokerErrors.INVALID_PRODUCER_EPOCH:
    case brokerErrors.PRODUCER_FENCED:
      return 'PRODUCER_FENCED'
    case brokerErrors.INVALID_RECORD:
    case brokerErrors.INVALID_TIMESTAMP:
      return 'TOPIC_UNSUITABLE'
    default:
      return 'PRODUCE_FAILED'
  }
}

function meaning(code: number): string {
  const name = brokerErrorName(code)
  switch (code) {
    case 0:
      return 'the broker said it stored a batch, but not where'
    case brokerErrors.DUPLICATE_SEQUENCE_NUMBER:
      return `the broker has the batch, but no longer knows where: ${name}`
    case brokerErrors.MESSAGE_TOO_LARGE:
    case brokerErrors.RECORD_LIST_TOO_LARGE:
      return `the broker refused a batch larger than the topic's max.message.bytes: ${name}`
    case brokerErrors.INVALID_PRODUCER_EPOCH:
    case brokerErrors.PRODUCER_FENCED:
      return `a producer with a newer epoch has written: ${name}`
    case brokerErrors.OUT_OF_ORDER_SEQUENCE_NUMBER:
    case brokerErrors.UNKNOWN_PRODUCER_ID:
      return `the broker's memory of this producer does not end where ours does: ${name}`
    case brokerErrors.INVALID_RECORD:
      return `the broker refused a record, as a compacted topic does one without key: ${name}`
    case brokerErrors.INVALID_TIMESTAMP:
      return (
        `the broker refused the time of a record, by the topic's message.timestamp.before.max.ms or after.max.ms ` +
        `(a commit stream is dated by the source's commits, other topics by this machine's clock): ${name}`
      )
    default:
      return `the broker refused a batch for good: ${name}`
  }
}
