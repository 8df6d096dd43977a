import type { LogReader } from '@tidemark/kafka/log-reader.ts'
import type { BatchProducer } from './ownership/batch-producer.ts'
import type { ErrorCode } from '@tidemark/schemas/error-codes.ts'
import type { PositionBytes } from '@tidemark/schemas/position.ts'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { FaultPoint } from './delivery/delivery.ts'
import type { TopicDirectory } from './delivery/topic-directory.ts'
import { CommitStreamLog } from './ownership/commit-stream-log.ts'
import type { Extensions } from '@tidemark/schemas/commit-stream.ts'
import type { StreamState } from './ownership/stream-state.ts'
import { takeOver, type Ownership } from './ownership/take-over.ts'
import { trim, type Trimming } from './ownership/trimming.ts'
import type { Source, SourceConnection } from './source.ts'
import { Tenure, type OperationProcessor, type TransactionSink } from './tenure.ts'

/** Time, chance and the event loop, so that a simulation can hold them. */
export interface Surroundings {
  /** Milliseconds since the Unix epoch. */
  now(): number
  randomBytes(length: number): Uint8Array
  /** Runs `task` after what is being read now. */
  schedule(task: () => void): void
  /** Resolves after `ms`; rejects when the signal is aborted. */
  delay(ms: number, signal: AbortSignal): Promise<void>
  /** Calls `task` every `ms` until the returned function is called. */
  every(ms: number, task: () => void): () => void
}

/** Rows of captured tables that processors look values up in, for each ownership anew. */
export interface LookupSource {
  /** Before a claim: what it says of the tables' definitions. Throws what forbids to go on from that state. */
  claim(before: StreamState): Promise<Extensions>
  /** Before the first operation: the rows as they were at `position`. */
  load(position: PositionBytes, signal: AbortSignal): Promise<void>
  /** Before operations are produced, after they were read: throws when the rows were not what they should have been. */
  verify(): Promise<void>
}

export type AgentEvent =
  | { type: 'waiting'; for: 'lock' }
  | { type: 'owner'; epoch: number; sequence: number; position: PositionBytes }
  | { type: 'settled'; position: PositionBytes; transactions: number }
  | { type: 'pressure'; high: boolean }
  | { type: 'interrupted'; error: unknown; retryInMs: number }
  | { type: 'drained' }
  /** The ownership ends, and the next begins with a claim to which the stream can be trimmed later. */
  | { type: 'renewal' }
  /** The commit stream begins at `offset` now. */
  | { type: 'trimmed'; offset: number }
  | { type: 'trim-failed'; error: unknown }

export interface AgentOptions {
  subscription: string
  agent: string
  commitStream: string
  source: Source
  reader: LogReader
  openSession(stream: number, signal: AbortSignal): Promise<BatchProducer>
  topics: TopicDirectory
  processorFor(sink: TransactionSink): OperationProcessor
  /** Absent: nothing is looked up in captured tables. */
  lookups?: LookupSource | undefined
  surroundings: Surroundings
  onEvent(event: AgentEvent): void
  budgetBytes: number
  batchBytesMax: number
  heartbeatMs: number
  /** For tests: told each time a fault point is reached. */
  onReached?: ((point: FaultPoint) => void) | undefined
  /** How long a stopping agent waits for what it has committed to be named. */
  drainMs: number
  /** null: the commit stream is kept for ever. */
  trimming: Trimming | null
}

/** Errors that pass by themselves or are mended by claiming again; all others stop the agent. */
const passing: ReadonlySet<ErrorCode> = new Set([
  'POSTGRES_UNREACHABLE',
  'KAFKA_UNREACHABLE',
  'PRODUCE_FAILED',
  'PRODUCER_FENCED',
  'SUPERSEDED',
  // Another owner has trimmed what was being read.
  'STREAM_TRIMMED',
  'SLOT_IN_USE',
  'REGISTRY_UNREACHABLE',
  'MQ_UNREACHABLE',
  'MQ_QUEUE_IN_USE',
  'MQ_COMMIT_IN_DOUBT',
  'MQ_UNIT_BACKED_OUT',
  'MQ_UNIT_TOO_SLOW',
  'LOOKUP_BUSY'
])

const retryMsFirst = 200
const retryMsMax = 30_000

/** The agent of one subscription: holds the lock, claims, delivers; after every interruption all of it anew. */
export class Agent {
  private readonly options: AgentOptions
  private readonly log: CommitStreamLog
  private interruptions = 0
  /** Told to stop: what is under way is brought to its end, and nothing more is read. */
  private resting = false
  /** The last error is one that its source mends by being read again. */
  private mending = false

  constructor(options: AgentOptions) {
    this.options = options
    this.log = new CommitStreamLog(options.commitStream, options.reader)
  }

  /** Runs until the signal is aborted and all is drained, or rejects with the error that no retry mends. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.own(signal)
      } catch (error) {
        if (signal.aborted) return
        await this.interrupted(error, signal)
      }
    }
  }

  private async interrupted(error: unknown, signal: AbortSignal): Promise<void> {
    const passes = isTidemarkError(error) && (passing.has(error.code) || this.mending)
    this.mending = false
    if (!passes) throw error
    const retryInMs = Math.min(retryMsMax, retryMsFirst * 2 ** this.interruptions++)
    this.options.onEvent({ type: 'interrupted', error, retryInMs })
    await this.options.surroundings.delay(retryInMs, signal).catch(() => {})
  }

  /** Every new connection to the source, and every failed producer, is followed by a new claim. */
  private async own(signal: AbortSignal): Promise<void> {
    this.options.onEvent({ type: 'waiting', for: 'lock' })
    // Without Kafka the source is left alone: a connection that settles nothing would only hold its server up.
    await this.log.bounds()
    const connection = await this.options.source.open(signal)
    const session = new AbortController()
    try {
      const ownership = await this.claim(connection, session.signal)
      const { epoch, state } = ownership
      this.options.onEvent({ type: 'owner', epoch, sequence: state.sequence, position: state.position })
      await this.options.lookups?.load(state.position, signal)
      await this.work(connection, ownership, { stop: signal, session: session.signal })
    } catch (error) {
      this.mending = connection.mends?.(error) ?? false
      throw error
    } finally {
      session.abort()
      await connection.close()
    }
  }

  private claim(source: SourceConnection, signal: AbortSignal): Promise<Ownership> {
    const { subscription, agent, openSession, surroundings } = this.options
    const { now, randomBytes } = surroundings
    const { lookups } = this.options
    const extensions = lookups && ((before: StreamState) => lookups.claim(before))
    return takeOver({ subscription, agent, log: this.log, source, openSession, signal, now, randomBytes, extensions })
  }

  private async work(connection: SourceConnection, ownership: Ownership, signals: Signals): Promise<void> {
    const { surroundings, heartbeatMs } = this.options
    this.resting = false
    const tenure = this.tenure(connection, ownership, signals.session)
    const renewal = Promise.withResolvers<'renewal'>()
    const stopHeartbeat = surroundings.every(heartbeatMs, () => tenure.heartbeat())
    const stopRenewals = this.renewals(tenure, ownership, signals.session, () => renewal.resolve('renewal'))
    const stop = abortion(signals.stop)
    try {
      const end = connection.run(tenure, ownership.state.position)
      end.catch(() => {})
      const stopped = stop.happened.then(() => 'stop' as const)
      const why = await Promise.race([end.then(() => 'closed' as const), tenure.failed, stopped, renewal.promise])
      if (why === 'renewal') this.options.onEvent({ type: 'renewal' })
      if (why !== 'closed') await this.drain(connection, tenure)
    } finally {
      stop.forget()
      stopHeartbeat()
      stopRenewals()
      tenure.delivery.abandon()
    }
  }

  /**
   * Calls `renew`, more than once, between transactions, when the ownership is so old that the next one is to follow it. Its
   * age counts from the first progress: a server may read its log for long before, to come back to where the stream stands,
   * and would have to begin that again. Without progress the stream does not grow, and is only trimmed.
   */
  private renewals(tenure: Tenure, ownership: Ownership, session: AbortSignal, renew: () => void): () => void {
    const { surroundings, heartbeatMs, trimming } = this.options
    if (trimming === null) return () => {}
    let since = surroundings.now()
    let progressing = false
    return surroundings.every(Math.min(heartbeatMs, trimming.renewMs), () => {
      const now = surroundings.now()
      if (!progressing && tenure.hasProgressed) {
        progressing = true
        since = now
      }
      if (now - since < trimming.renewMs) return
      if (progressing) return tenure.betweenTransactions(renew)
      since = now
      // Idle: the first State is known valid too.
      if (tenure.delivery.isIdle) void this.trim(ownership, session)
    })
  }

  private tenure(connection: SourceConnection, ownership: Ownership, session: AbortSignal): Tenure {
    const { topics, surroundings, budgetBytes, batchBytesMax, processorFor, onEvent } = this.options
    const since = surroundings.now()
    let settled = false
    return new Tenure({
      ownership,
      topics,
      now: surroundings.now,
      schedule: surroundings.schedule,
      budgetBytes,
      batchBytesMax,
      processorFor,
      refreshing: false,
      verify: this.verify,
      onReached: this.options.onReached,
      onPressure: high => {
        if (high) connection.pause()
        // One that rests by itself has to hand over the end of what is open.
        else if (!this.resting || connection.rest !== undefined) connection.resume()
        onEvent({ type: 'pressure', high })
      },
      onSettled: (position, transactions) => {
        // An owner's first State is settled in any case: what fails behind it each time must be tried ever more rarely.
        if (transactions > 0 || surroundings.now() - since > retryMsMax) this.interruptions = 0
        connection.settle(position)
        onEvent({ type: 'settled', position, transactions })
        // Only behind a State of one's own may the stream begin with one's own claim.
        if (!settled) void this.trim(ownership, session)
        settled = true
      }
    })
  }

  /** A stream that cannot be trimmed only grows: its owner goes on, and tries again later. */
  private async trim({ own }: Ownership, session: AbortSignal): Promise<void> {
    const { trimming, surroundings, onEvent } = this.options
    if (trimming === null) return
    try {
      const offset = await trim(this.log, own, trimming, surroundings.now())
      if (offset !== null && !session.aborted) onEvent({ type: 'trimmed', offset })
    } catch (error) {
      if (!session.aborted) onEvent({ type: 'trim-failed', error })
    }
  }

  private get verify(): (() => Promise<void>) | undefined {
    const { lookups } = this.options
    return lookups && (() => lookups.verify())
  }

  private async drain(connection: SourceConnection, tenure: Tenure): Promise<void> {
    const { surroundings, drainMs, onEvent } = this.options
    this.resting = true
    const rested = connection.rest?.() ?? connection.pause()
    const limit = new AbortController()
    const tooLong = surroundings.delay(drainMs, limit.signal).catch(() => {})
    const drained = Promise.resolve(rested).then(() => tenure.delivery.drain())
    await Promise.race([drained, tooLong, tenure.failed])
    limit.abort()
    onEvent({ type: 'drained' })
  }
}

interface Signals {
  /** The agent is to end. */
  stop: AbortSignal
  /** The ownership has ended. */
  session: AbortSignal
}

function abortion(signal: AbortSignal): { happened: Promise<void>; forget(): void } {
  let heard: () => void = () => {}
  const happened = new Promise<void>(resolve => {
    heard = () => resolve()
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', heard)
  })
  return { happened, forget: () => signal.removeEventListener('abort', heard) }
}
