import type { ErrorCode } from '@tidemark/schemas/error-codes.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'

/** Reason codes ("API completion and reason codes" in IBM's reference) that mean something of their own here. */
export const reason = {
  backedOut: 2003,
  connectionBroken: 2009,
  getInhibited: 2016,
  syncpointLimit: 2024,
  noMessage: 2033,
  objectInUse: 2042,
  truncated: 2080,
  outcomeUnknown: 2549
} as const

/**
 * Warnings of MQGET with MQGMO_CONVERT: the message was got all the same, as it was put, and CodedCharSetId, Encoding and
 * Format say what it is in.
 */
export const gotUnconverted: ReadonlySet<number> = new Set([
  2110, 2111, 2112, 2113, 2114, 2115, 2116, 2117, 2118, 2119, 2120, 2145, 2146, 2150, 2190
])

const codes: Readonly<Record<number, ErrorCode>> = {
  2003: 'MQ_UNIT_BACKED_OUT',
  2009: 'MQ_UNREACHABLE',
  2018: 'MQ_UNREACHABLE',
  2035: 'MQ_AUTHORIZATION',
  2042: 'MQ_QUEUE_IN_USE',
  2045: 'MQ_QUEUE_UNSUITABLE',
  2058: 'MQ_QUEUE_MANAGER_UNKNOWN',
  2059: 'MQ_UNREACHABLE',
  2082: 'MQ_QUEUE_MISSING',
  2085: 'MQ_QUEUE_MISSING',
  2161: 'MQ_UNREACHABLE',
  2162: 'MQ_UNREACHABLE',
  2195: 'MQ_UNREACHABLE',
  2202: 'MQ_UNREACHABLE',
  2203: 'MQ_UNREACHABLE',
  2241: 'MQ_UNIT_BACKED_OUT',
  2381: 'MQ_CHANNEL_UNSUITABLE',
  2393: 'MQ_CHANNEL_UNSUITABLE',
  2394: 'MQ_QUEUE_UNSUITABLE',
  2397: 'MQ_CHANNEL_UNSUITABLE',
  2398: 'MQ_CHANNEL_UNSUITABLE',
  2537: 'MQ_CHANNEL_UNSUITABLE',
  2538: 'MQ_UNREACHABLE',
  2539: 'MQ_CHANNEL_UNSUITABLE',
  2540: 'MQ_CHANNEL_UNSUITABLE',
  2548: 'MQ_UNREACHABLE',
  2549: 'MQ_UNREACHABLE'
}

const encryption =
  'compare `mq.connection.tls` with the channel: SSLCIPH, the certificates in the key repository, SSLPEER'

/** Further words where the code alone would leave one guessing. */
const cures: Readonly<Record<number, string>> = {
  2030: 'the message, with a header of 172 bytes on a dead-letter queue, is larger than MAXMSGL of that queue: raise it',
  2031: 'the message, with a header of 172 bytes on a dead-letter queue, is larger than MAXMSGL of the queue manager: raise it',
  2045: 'the name stands for a remote queue or another object that cannot be opened so: name a local queue, or an alias of one',
  2051: 'puts to the backout queue are inhibited: ALTER QLOCAL(<backout queue>) PUT(ENABLED)',
  2053: 'the backout queue is full: empty it, or raise its MAXDEPTH',
  2082: 'the alias queue names a queue that is not there: ALTER QALIAS(<queue>) TARGET(<local queue>)',
  2245: 'gets of one group have to be under syncpoint all or none: an API exit or a proxy changes what the agent asks for',
  2381: encryption,
  2393: encryption,
  2394: 'on z/OS a queue read by groups needs ALTER QLOCAL(<queue>) INDXTYPE(GROUPID)',
  2397: encryption,
  2398: encryption,
  2417: 'the name stands for a topic, where groups cannot be put: name a queue',
  2500: 'a callback is active on the connection; the agent has none: look for an API exit that registers one',
  2537: 'the channel is stopped or its instances are used up: START CHANNEL(<name>), or raise MAXINST',
  2547: 'the connection is made reconnectable, which groups do not allow: take DefRecon out of the CCDT or mqclient.ini'
}

/** The reason codes that have a code or a cure of their own. */
export const namedReasons: readonly number[] = Object.keys({ ...codes, ...cures }).map(Number)

/** `verb`: as MQGET; `what`: the object it was for. */
export function verbError(verb: string, what: string, reasonCode: number): TidemarkError {
  const code = codes[reasonCode] ?? 'MQ_CALL_FAILED'
  const cure = cures[reasonCode]
  return new TidemarkError(code, {
    message: `${verb} for ${what} failed with reason ${reasonCode}`,
    place: what,
    ...(cure === undefined ? {} : { cure })
  })
}

/**
 * Of MQCMIT. A unit of work that the queue manager says it backed out (2003) is read again; after a broken connection
 * (2009, 2549 and their like) it may have been committed or not.
 */
export function commitError(queueManager: string, reasonCode: number): TidemarkError {
  if (reasonCode === reason.backedOut) return verbError('MQCMIT', queueManager, reasonCode)
  return new TidemarkError('MQ_COMMIT_IN_DOUBT', {
    message: `MQCMIT on ${queueManager} ended with reason ${reasonCode}: whether it was done is not known`,
    place: queueManager
  })
}
