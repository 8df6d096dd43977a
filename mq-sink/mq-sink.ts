import type { ErrorCode } from '@tidemark/schemas/error-codes.ts'
import { isTidemarkError, TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { Feed } from './feed.ts'
import { MessageBuilder } from './message-builder.ts'
import type { PutterLink } from './putter-link.ts'
import { PutterProcess } from './putter-process.ts'
import type { PutterCommand, PutterEvent } from './putter-messages.ts'
import type { QueueTarget } from './queue-target.ts'
import type { PutterOptions } from './sink-options.ts'
import { SinkSession, type UnitRules } from './sink-session.ts'
import { parseState, stateText, type Place, type SinkState } from './sink-state.ts'

export type SinkEvent =
  | { type: 'standby'; queue: string }
  | { type: 'opened'; place: Place; pid: number | undefined }
  | { type: 'committed'; transactions: number; messages: number; place: Place }
  | { type: 'interrupted'; error: unknown; retryInMs: number }
  | { type: 'drained' }

export interface MqSinkOptions {
  /** Name of the sink. */
  sink: string
  /** What it reads, as the state message names it. */
  source: string
  putter: PutterOptions
  targets: readonly QueueTarget[]
  rules: Omit<UnitRules, 'maxUncommitted'>
  openFeed(place: Place): Feed
  /** For the process that puts. */
  environment: NodeJS.ProcessEnv
  /** Between tries to open a state queue that another has open. */
  retryMs: number
  after(ms: number, task: () => void): () => void
  /** Resolves after `ms`; rejects when the signal is aborted. */
  delay(ms: number, signal: AbortSignal): Promise<void>
  /** Resolves when whatever is there already has had its turn. */
  turn(): Promise<void>
  /** Absent: a process of its own. */
  startPutter?: (onEvent: (event: PutterEvent) => void) => PutterLink
  onEvent(event: SinkEvent): void
}

/** Errors that pass by themselves or are mended by an operator elsewhere; all others stop the sink. */
const passing: ReadonlySet<ErrorCode> = new Set([
  'KAFKA_UNREACHABLE',
  'MQ_UNREACHABLE',
  'MQ_QUEUE_IN_USE',
  'MQ_COMMIT_IN_DOUBT',
  'MQ_UNIT_BACKED_OUT',
  'MQ_UNIT_TOO_SLOW',
  'MQ_QUEUE_FULL',
  'MQ_PUT_INHIBITED'
])
/** More than the queue manager could take. */
const overloads: ReadonlySet<ErrorCode> = new Set(['MQ_UNIT_BACKED_OUT', 'MQ_UNIT_TOO_LARGE'])

const retryMsFirst = 200
const retryMsMax = 30_000
const unitsToGrow = 256
/** A sink that is to stop waits so long for the queue manager to commit what was put. */
const drainMsMax = 10_000

/**
 * Transactions from Kafka into queues of one queue manager, each once. Every failure ends the connection, which backs out
 * what is open; the next one begins where the state message says, and never where memory says.
 */
export class MqSink {
  private readonly options: MqSinkOptions
  private readonly builder: MessageBuilder
  private interruptions = 0
  /** Messages to a unit of work; one transaction alone after one was too much. */
  private messages: number
  private committedUnits = 0
  private feed: Feed | null = null

  constructor(options: MqSinkOptions) {
    this.options = options
    this.builder = new MessageBuilder(options.targets)
    this.messages = options.rules.messages
  }

  /** Runs until the signal is aborted and what is open is committed, or rejects with the error that no retry mends. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.hold(signal)
      } catch (error) {
        if (signal.aborted) return
        await this.interrupted(error, signal)
      }
    }
    this.options.onEvent({ type: 'drained' })
  }

  /** How far it is behind Kafka, as far as is known. */
  lag(): { records: number; ms: number } {
    return this.feed?.lag() ?? { records: 0, ms: 0 }
  }

  private async interrupted(error: unknown, signal: AbortSignal): Promise<void> {
    if (!isTidemarkError(error) || !this.passes(error)) throw error
    const retryInMs = Math.min(retryMsMax, retryMsFirst * 2 ** this.interruptions++)
    this.options.onEvent({ type: 'interrupted', error, retryInMs })
    await this.options.delay(retryInMs, signal).catch(() => {})
  }

  private passes({ code }: TidemarkError): boolean {
    const wasAlone = this.messages === 1
    if (overloads.has(code)) {
      this.messages = 1
      this.committedUnits = 0
    }
    return passing.has(code) || (code === 'MQ_UNIT_TOO_LARGE' && !wasAlone)
  }

  /** One connection, from its start to its end. */
  private async hold(signal: AbortSignal): Promise<void> {
    let session: SinkSession | null = null
    const opening = this.opening()
    const putter = this.startPutter(event => {
      if (event.type === 'committed') session?.committed()
      else opening.take(event)
    })
    let stopTimer = () => {}
    const stop = () => {
      opening.reject(signal.reason as Error)
      stopTimer = this.boundDrain(error => session?.abort(error))
      void this.feed?.close()
    }
    try {
      putter.failed = opening.reject
      signal.addEventListener('abort', stop)
      signal.throwIfAborted()
      putter.command(this.openCommand())
      const opened = await opening.opened
      const state = this.stateOf(opened.state)
      this.options.onEvent({ type: 'opened', place: state.place, pid: putter.pid })
      this.feed = this.options.openFeed(state.place)
      session = this.session(putter, this.feed, state, opened.maxUncommitted)
      putter.failed = error => session!.abort(error)
      await session.run()
    } finally {
      stopTimer()
      signal.removeEventListener('abort', stop)
      await Promise.all([putter.close(), this.feed?.close()])
      this.feed = null
    }
  }

  private startPutter(onEvent: (event: PutterEvent) => void): PutterLink {
    return this.options.startPutter?.(onEvent) ?? new PutterProcess(this.options.environment, onEvent)
  }

  private openCommand(): PutterCommand {
    return { do: 'open', options: this.options.putter, retryMs: this.options.retryMs }
  }

  private opening() {
    let resolve!: (event: Extract<PutterEvent, { type: 'opened' }>) => void
    let reject!: (error: Error) => void
    const opened = new Promise<Extract<PutterEvent, { type: 'opened' }>>((...settle) => ([resolve, reject] = settle))
    opened.catch(() => {})
    const take = (event: PutterEvent) => {
      if (event.type === 'opened') resolve(event)
      else if (event.type === 'waiting') this.options.onEvent({ type: 'standby', queue: event.queue })
    }
    return { opened, take, reject }
  }

  private boundDrain(abort: (error: Error) => void): () => void {
    return this.options.after(drainMsMax, () =>
      abort(new TidemarkError('MQ_UNREACHABLE', { message: 'the queue manager did not commit in time' }))
    )
  }

  private stateOf(text: string | null): SinkState {
    const { sink, source, putter } = this.options
    if (text !== null) return parseState(text, sink, source, putter.stateQueue)
    const { stateQueue } = putter
    throw new TidemarkError('MQ_STATE_MISSING', {
      message: `the state queue ${stateQueue} holds no state`,
      place: `queue ${stateQueue}`
    })
  }

  private session(putter: PutterLink, feed: Feed, state: SinkState, maxUncommitted: number): SinkSession {
    const { sink, source, rules, after, turn } = this.options
    return new SinkSession({
      putter,
      feed,
      builder: this.builder,
      rules: { ...rules, messages: this.messages, maxUncommitted },
      state,
      namespace: `${sink} ${source} ${this.options.putter.stateQueue}`,
      queues: this.options.putter.queues,
      stateText: next => stateText(sink, source, next),
      after,
      turn,
      onCommitted: unit => this.committed(unit)
    })
  }

  private committed({ transactions, messages, place }: { transactions: number; messages: number; place: Place }): void {
    this.interruptions = 0
    if (++this.committedUnits % unitsToGrow === 0) {
      this.messages = Math.min(this.options.rules.messages, this.messages * 2)
    }
    this.options.onEvent({ type: 'committed', transactions, messages, place })
  }
}

/** One question to the queue manager: begins the state, or looks. Rejects as the verbs it takes. */
export async function askPutter<T extends PutterEvent['type']>(
  command: PutterCommand,
  wanted: T,
  environment: NodeJS.ProcessEnv,
  onWaiting: (queue: string) => void = () => {}
): Promise<Extract<PutterEvent, { type: T }>> {
  let resolve!: (event: Extract<PutterEvent, { type: T }>) => void
  let reject!: (error: Error) => void
  const answer = new Promise<Extract<PutterEvent, { type: T }>>((...settle) => ([resolve, reject] = settle))
  const putter = new PutterProcess(environment, event => {
    if (event.type === wanted) resolve(event as Extract<PutterEvent, { type: T }>)
    else if (event.type === 'waiting') onWaiting(event.queue)
  })
  putter.failed = reject
  putter.command(command)
  try {
    return await answer
  } finally {
    await putter.close()
  }
}
