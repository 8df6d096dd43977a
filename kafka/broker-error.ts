import { findErrorBy, GenericError, protocolErrorsCodesById, ResponseError } from '@platformatic/kafka'
import type { ErrorCode } from '@tidemark/schemas/error-codes.ts'
import { isTidemarkError, TidemarkError } from '@tidemark/schemas/tidemark-error.ts'

/** Error codes of the Kafka protocol that Tidemark decides by (kafka.apache.org/protocol#protocol_error_codes). */
export const brokerErrors = {
  UNKNOWN_SERVER_ERROR: -1,
  OFFSET_OUT_OF_RANGE: 1,
  CORRUPT_MESSAGE: 2,
  UNKNOWN_TOPIC_OR_PARTITION: 3,
  LEADER_NOT_AVAILABLE: 5,
  NOT_LEADER_OR_FOLLOWER: 6,
  REQUEST_TIMED_OUT: 7,
  BROKER_NOT_AVAILABLE: 8,
  REPLICA_NOT_AVAILABLE: 9,
  MESSAGE_TOO_LARGE: 10,
  OFFSET_METADATA_TOO_LARGE: 12,
  NETWORK_EXCEPTION: 13,
  COORDINATOR_LOAD_IN_PROGRESS: 14,
  COORDINATOR_NOT_AVAILABLE: 15,
  NOT_COORDINATOR: 16,
  INVALID_TOPIC_EXCEPTION: 17,
  RECORD_LIST_TOO_LARGE: 18,
  NOT_ENOUGH_REPLICAS: 19,
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: 20,
  ILLEGAL_GENERATION: 22,
  INCONSISTENT_GROUP_PROTOCOL: 23,
  UNKNOWN_MEMBER_ID: 25,
  REBALANCE_IN_PROGRESS: 27,
  TOPIC_AUTHORIZATION_FAILED: 29,
  GROUP_AUTHORIZATION_FAILED: 30,
  CLUSTER_AUTHORIZATION_FAILED: 31,
  INVALID_TIMESTAMP: 32,
  UNSUPPORTED_VERSION: 35,
  TOPIC_ALREADY_EXISTS: 36,
  NOT_CONTROLLER: 41,
  OUT_OF_ORDER_SEQUENCE_NUMBER: 45,
  DUPLICATE_SEQUENCE_NUMBER: 46,
  INVALID_PRODUCER_EPOCH: 47,
  CONCURRENT_TRANSACTIONS: 51,
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: 53,
  KAFKA_STORAGE_ERROR: 56,
  UNKNOWN_PRODUCER_ID: 59,
  LISTENER_NOT_FOUND: 72,
  FENCED_LEADER_EPOCH: 74,
  UNKNOWN_LEADER_EPOCH: 75,
  OFFSET_NOT_AVAILABLE: 78,
  MEMBER_ID_REQUIRED: 79,
  INVALID_RECORD: 87,
  THROTTLING_QUOTA_EXCEEDED: 89,
  PRODUCER_FENCED: 90,
  UNKNOWN_TOPIC_ID: 100,
  INCONSISTENT_TOPIC_ID: 103
} as const

/** A leader moved, is being elected, is starting or behind: asking again, after fresh metadata, is right. */
const passing: ReadonlySet<number> = new Set([
  brokerErrors.UNKNOWN_SERVER_ERROR,
  brokerErrors.UNKNOWN_TOPIC_OR_PARTITION,
  brokerErrors.LEADER_NOT_AVAILABLE,
  brokerErrors.NOT_LEADER_OR_FOLLOWER,
  brokerErrors.REQUEST_TIMED_OUT,
  brokerErrors.BROKER_NOT_AVAILABLE,
  brokerErrors.REPLICA_NOT_AVAILABLE,
  brokerErrors.NETWORK_EXCEPTION,
  brokerErrors.COORDINATOR_LOAD_IN_PROGRESS,
  brokerErrors.COORDINATOR_NOT_AVAILABLE,
  brokerErrors.NOT_COORDINATOR,
  brokerErrors.NOT_ENOUGH_REPLICAS,
  brokerErrors.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
  brokerErrors.NOT_CONTROLLER,
  brokerErrors.CONCURRENT_TRANSACTIONS,
  brokerErrors.KAFKA_STORAGE_ERROR,
  brokerErrors.LISTENER_NOT_FOUND,
  brokerErrors.FENCED_LEADER_EPOCH,
  brokerErrors.UNKNOWN_LEADER_EPOCH,
  brokerErrors.OFFSET_NOT_AVAILABLE,
  brokerErrors.THROTTLING_QUOTA_EXCEEDED,
  brokerErrors.UNKNOWN_TOPIC_ID,
  brokerErrors.INCONSISTENT_TOPIC_ID
])

const forbidden: ReadonlySet<number> = new Set([
  brokerErrors.TOPIC_AUTHORIZATION_FAILED,
  brokerErrors.GROUP_AUTHORIZATION_FAILED,
  brokerErrors.CLUSTER_AUTHORIZATION_FAILED,
  brokerErrors.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
])

export function isPassing(code: number): boolean {
  return passing.has(code)
}

export function isForbidden(code: number): boolean {
  return forbidden.has(code)
}

/** As Kafka's documentation writes it: `NOT_LEADER_OR_FOLLOWER (6)`. */
export function brokerErrorName(code: number): string {
  return `${protocolErrorsCodesById[String(code) as never] ?? 'error'} (${code})`
}

/** The Kafka error code in what the connection library rejected with; null when the broker did not answer one. */
export function brokerErrorCode(error: unknown): number | null {
  if (!(error instanceof ResponseError)) return null
  const first = error.errors[0] as { apiCode?: unknown } | undefined
  return typeof first?.apiCode === 'number' ? first.apiCode : null
}

/**
 * The answer, although some of its parts carry error codes: the connection library rejects the whole answer for one
 * part's error. Everything else stays a rejection.
 */
export async function wholeAnswer<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof ResponseError && error['response'] !== undefined) return error['response'] as T
    throw error
  }
}

/** KAFKA_AUTHORIZATION: `operation` as in the ACL (`Write`), `resource` as `topic bank.commits`. */
export function forbiddenError(code: number, operation: string, resource: string): TidemarkError {
  return new TidemarkError('KAFKA_AUTHORIZATION', {
    message: `the broker refused ${operation} on ${resource}: ${brokerErrorName(code)}`,
    place: resource,
    cure: `grant the user of \`kafka.sasl\` (or of the TLS certificate) the ACL ${operation} on ${resource}`
  })
}

/**
 * What a lost or refused connection means, as KAFKA_UNREACHABLE or KAFKA_AUTHENTICATION. `where` names the broker,
 * `what` what was being done. TidemarkErrors pass unchanged.
 */
export function connectionError(error: unknown, where: string, what: string): TidemarkError {
  if (isTidemarkError(error)) return error
  const [code, cure] = diagnosis(error)
  return new TidemarkError(code, {
    message: `${where}: ${what} failed: ${innermostMessage(error)}`,
    place: where,
    ...(cure === undefined ? {} : { cure }),
    cause: error
  })
}

function diagnosis(error: unknown): [ErrorCode, string?] {
  const chain = causes(error)
  if (chain.some(isAuthenticationError)) return ['KAFKA_AUTHENTICATION']
  const texts = chain.map(cause => (cause instanceof Error ? cause.message : String(cause))).join('\n')
  if (texts.includes('requires TLS')) return ['KAFKA_UNREACHABLE', 'set `kafka.tls`: this port speaks TLS only']
  if (/TLS handshake|wrong version number|packet length too long/i.test(texts)) {
    return ['KAFKA_UNREACHABLE', 'leave `kafka.tls` out: this port does not speak TLS; or use the TLS port']
  }
  if (/certificate|altname|CERT_/i.test(texts)) {
    return [
      'KAFKA_UNREACHABLE',
      'give the authority of the broker’s certificate in `kafka.tls.ca`, or its name in `serverName`'
    ]
  }
  return ['KAFKA_UNREACHABLE']
}

function isAuthenticationError(error: unknown): boolean {
  if (!(error instanceof Error) || !GenericError.isGenericError(error)) return false
  return (
    error.code === 'PLT_KFK_AUTHENTICATION' ||
    findErrorBy(error, 'apiId', 'SASL_AUTHENTICATION_FAILED') !== null ||
    findErrorBy(error, 'apiId', 'UNSUPPORTED_SASL_MECHANISM') !== null
  )
}

function causes(error: unknown): unknown[] {
  const found: unknown[] = []
  const open = [error]
  while (open.length > 0 && found.length < 50) {
    const next = open.shift()
    if (next === undefined || next === null) continue
    found.push(next)
    if (next instanceof AggregateError) open.push(...(next.errors as unknown[]))
    if (next instanceof Error) open.push(next.cause)
  }
  return found
}

function innermostMessage(error: unknown): string {
  const last = causes(error).at(-1)
  return last instanceof Error ? last.message || last.name : String(last)
}
