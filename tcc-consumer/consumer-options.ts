import { systemClock, type Clock } from '@tidemark/kafka/clock.ts'
import type { KafkaConnection } from '@tidemark/kafka/connection-options.ts'
import type { LogReader } from '@tidemark/kafka/log-reader.ts'
import { parseBookmark } from '@tidemark/schemas/bookmark.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { KafkaJs } from './kafkajs-cluster.ts'
import type { SequenceGap } from './sequence-gap.ts'
import type { From } from './start-rules.ts'

export interface ConsumerOptions extends Partial<KafkaConnection> {
  /** An instance of kafkajs, instead of `brokers`: its connections, TLS and SASL are used. */
  kafka?: KafkaJs
  /** Instead of both: where partitions are read from. For tests and simulations. */
  reader?: LogReader
  commitStream: string
  /** Only records of these topics, as the commit stream names them; transactions without any are passed over. */
  topics?: readonly string[]
  /**
   * Where to begin: `earliest` (default), `latest`, a bookmark, or a time (Date, or milliseconds since the Unix epoch):
   * the first commit-stream record of that time or later, so up to 63 transactions before it may come again.
   */
  from?: 'earliest' | 'latest' | (string & {}) | { time: Date | number }
  /** Keeps the bookmark as the group's offset on the commit stream; a second member stands by. Goes before `from`. */
  groupId?: string
  /** Bytes fetched ahead over all partitions; each may have 64 kB of it at least. Default 16 MiB. */
  bufferBytes?: number
  /** A transaction of more bytes is not held whole: read it with `stream()`. Default 16 MiB. */
  wholeUpToBytes?: number
  /** For compacted topics: hands over transactions that lack records, marked `incomplete`. */
  allowIncomplete?: boolean
  /** The cluster is a mirror. Default: whether `topicNames` is given. */
  mirrored?: boolean
  /** Names of topics here by their name in the origin, where they differ; the commit stream's as well. */
  topicNames?: Readonly<Record<string, string>>
  /** How long records on a mirror may come later than their entry. Default 60,000. */
  lateAfterMs?: number
  /** How long a partition must end before a count that is named, until records are called missing. Default 3,000. */
  missingAfterMs?: number
  /** How long the commit stream may be missing, empty, or without a bookmark's transaction at the start. Default 30,000. */
  startAfterMs?: number
  /** How long brokers may stay away before it is KAFKA_UNREACHABLE. Default 30,000. */
  unreachableAfterMs?: number
  /** How long one fetch waits at the brokers. Default 500. */
  fetchWaitMs?: number
  /** Called for every gap when it is passed, before the transaction that carries it in `gapsBefore`. */
  onGap?: (gap: SequenceGap) => void
  clock?: Clock
}

/** Checked, complete and frozen. */
export interface ConsumerSettings {
  /** As the broker names it. */
  readonly commitStream: string
  readonly topics: ReadonlySet<string> | null
  readonly from: From
  readonly groupId: string | null
  readonly bufferBytes: number
  readonly wholeUpToBytes: number
  readonly allowIncomplete: boolean
  readonly mirrored: boolean
  readonly topicNames: ReadonlyMap<string, string>
  readonly lateAfterMs: number
  readonly missingAfterMs: number
  readonly startAfterMs: number
  readonly unreachableAfterMs: number
  readonly fetchWaitMs: number
  readonly onGap: (gap: SequenceGap) => void
  readonly clock: Clock
}

const known: ReadonlySet<string> = new Set<keyof ConsumerOptions>([
  'brokers',
  'clientId',
  'tls',
  'sasl',
  'timeouts',
  'kafka',
  'reader',
  'commitStream',
  'topics',
  'from',
  'groupId',
  'bufferBytes',
  'wholeUpToBytes',
  'allowIncomplete',
  'mirrored',
  'topicNames',
  'lateAfterMs',
  'missingAfterMs',
  'startAfterMs',
  'unreachableAfterMs',
  'fetchWaitMs',
  'onGap',
  'clock'
])

/** Throws CONFIG_INVALID naming the option, BOOKMARK_INVALID. */
export function consumerSettings(options: ConsumerOptions): ConsumerSettings {
  const unknown = Object.keys(options).find(name => !known.has(name))
  if (unknown !== undefined) throw invalid(unknown, 'there is no such option', `options are ${[...known].join(', ')}`)
  checkSource(options)
  const topicNames = new Map(Object.entries(options.topicNames ?? {}))
  const commitStream = text(options.commitStream, 'commitStream')
  return Object.freeze({
    commitStream: topicNames.get(commitStream) ?? commitStream,
    topics: options.topics === undefined ? null : topicSet(options.topics),
    from: fromOf(options.from ?? 'earliest'),
    groupId: options.groupId === undefined ? null : text(options.groupId, 'groupId'),
    bufferBytes: count(options.bufferBytes, 'bufferBytes', 16 << 20, 65_536),
    wholeUpToBytes: count(options.wholeUpToBytes, 'wholeUpToBytes', 16 << 20, 0),
    allowIncomplete: options.allowIncomplete === true,
    mirrored: options.mirrored ?? options.topicNames !== undefined,
    topicNames,
    lateAfterMs: count(options.lateAfterMs, 'lateAfterMs', 60_000, 0),
    missingAfterMs: count(options.missingAfterMs, 'missingAfterMs', 3_000, 0),
    startAfterMs: count(options.startAfterMs, 'startAfterMs', 30_000, 0),
    unreachableAfterMs: count(options.unreachableAfterMs, 'unreachableAfterMs', 30_000, 0),
    fetchWaitMs: count(options.fetchWaitMs, 'fetchWaitMs', 500, 1),
    onGap: options.onGap ?? (() => undefined),
    clock: options.clock ?? systemClock
  })
}

function checkSource({ brokers, kafka, reader }: ConsumerOptions): void {
  const given = [brokers, kafka, reader].filter(source => source !== undefined).length
  if (given === 1) return
  throw invalid('brokers', 'exactly one of `brokers`, `kafka` and `reader` must be given', 'give `brokers: [...]`')
}

function topicSet(topics: readonly string[]): ReadonlySet<string> {
  if (!Array.isArray(topics) || topics.length === 0) {
    throw invalid('topics', 'must name at least one topic', 'leave it out to read all topics')
  }
  return new Set(topics.map((topic, index) => text(topic, `topics[${index}]`)))
}

function fromOf(from: NonNullable<ConsumerOptions['from']>): From {
  if (from === 'earliest' || from === 'latest') return { type: from }
  if (typeof from === 'string') return { type: 'bookmark', bookmark: parseBookmark(from) }
  const timeMs = Number(from?.time)
  if (Number.isSafeInteger(timeMs) && timeMs >= 0) return { type: 'time', timeMs }
  throw invalid('from', 'is not a place to begin at', "write 'earliest', 'latest', a bookmark or {time: new Date(...)}")
}

function count(value: number | undefined, name: string, standard: number, least: number): number {
  if (value === undefined) return standard
  if (Number.isSafeInteger(value) && value >= least) return value
  throw invalid(name, 'is not a number it can be', `write a whole number from ${least} on`)
}

function text(value: string | undefined, name: string): string {
  if (typeof value === 'string' && value !== '') return value
  throw invalid(name, 'must be a text that is not empty', `give ${name} a text`)
}

function invalid(name: string, message: string, cure: string): TidemarkError {
  return new TidemarkError('CONFIG_INVALID', { message: `${name}: ${message}`, place: `option ${name}`, cure })
}
