import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { Source, SourceConnection } from '../source.ts'
import { atItsPlace, type ConfiguredPlaces } from './configured-places.ts'
import type { MqConnectionOptions, MqQueueOptions, ReaderOptions } from './connection-options.ts'
import { errorOf } from './failed-event.ts'
import { MqConnection } from './mq-connection.ts'
import { QueueRests } from './queue-rests.ts'
import type { ReaderEvent } from './reader-messages.ts'
import type { ReaderLink } from './reader-link.ts'
import { ReaderProcess } from './reader-process.ts'

export interface MqSourceOptions {
  connection: MqConnectionOptions
  queues: readonly MqQueueOptions[]
  applicationName: string
  besideFile: string
  /** For the reader's process. */
  environment: NodeJS.ProcessEnv
  /** Of one unit of work: it is settled at the next transaction's end once one is reached. */
  unitOfWork: { messages: number; bytes: number; ms: number }
  /** A unit that Kafka does not take is backed out after this. */
  unitMsMax: number
  messageBytesMax: number
  /** Whether messages set aside are handed over as transactions of their own; see set-aside-record.ts. */
  tellsSetAside?: boolean
  /** Between tries to open a queue that another program has open. */
  retryMs: number
  /** How long messages of a commit in doubt are looked out for; see docs/decisions/0020. */
  doubtMs: number
  /** Where errors are to point; null or absent: at what they name. */
  places?: ConfiguredPlaces | null
  /** Milliseconds, steady. */
  now(): number
  after(ms: number, task: () => void): () => void
  onEvent(event: ReaderEvent): void
  /** Absent: a process of its own. */
  startReader?: () => ReaderLink
  /** Told of each reader's process. */
  onReader?: (pid: number) => void
}

/** One wait for a message; MQGET with it keeps the process from hearing the agent. */
const waitMs = 500
/** 16 bytes for each of them in the unit's position: 640 kB of a record of the commit stream. */
const unitMessagesMax = 40_000
const unitsToGrow = 256
/** A queue whose records Kafka does not take is tried at least so often. */
const restMsMax = 600_000

/** Queues of one queue manager, read under syncpoint by one connection that opens them exclusively. */
export class MqSource implements Source {
  private readonly options: MqSourceOptions
  /** Messages to a unit of work; fewer after the queue manager backed one out. */
  private messages: number
  private committedUnits = 0
  private readonly rests: QueueRests

  constructor(options: MqSourceOptions) {
    this.options = options
    this.messages = options.unitOfWork.messages
    this.rests = new QueueRests(options.queues.length, options.unitMsMax, restMsMax)
  }

  /**
   * Resolves with every queue open for this connection alone, waiting aloud while another program has one. Throws
   * MQ_CLIENT_MISSING, MQ_UNREACHABLE, MQ_QUEUE_MANAGER_UNKNOWN, MQ_CHANNEL_UNSUITABLE, MQ_AUTHORIZATION,
   * MQ_QUEUE_MISSING, MQ_CALL_FAILED, and the signal's reason when aborted while waiting.
   */
  async open(signal: AbortSignal): Promise<SourceConnection> {
    signal.throwIfAborted()
    const { startReader, environment } = this.options
    const reader = startReader?.() ?? new ReaderProcess(environment)
    if (reader.pid !== undefined) this.options.onReader?.(reader.pid)
    try {
      const opened = await this.opened(reader, signal)
      return this.connectionOf(reader, opened)
    } catch (error) {
      await reader.close()
      throw error
    }
  }

  private opened(reader: ReaderLink, signal: AbortSignal): Promise<Extract<ReaderEvent, { type: 'opened' }>> {
    return new Promise((resolve, reject) => {
      const abort = () => reject(signal.reason as Error)
      const settled = (act: () => void) => {
        signal.removeEventListener('abort', abort)
        act()
      }
      signal.addEventListener('abort', abort)
      reader.listen(
        frame => {
          if (frame.kind !== 'event') return
          const event = JSON.parse(frame.text) as ReaderEvent
          if (event.type === 'opened') settled(() => resolve(event))
          else if (event.type === 'failed') settled(() => reject(this.placed(errorOf(event)) as Error))
          else this.options.onEvent(event)
        },
        error => settled(() => reject(error))
      )
      reader.send({ do: 'open', options: this.readerOptions(), retryMs: this.options.retryMs })
    })
  }

  private connectionOf(reader: ReaderLink, opened: Extract<ReaderEvent, { type: 'opened' }>): SourceConnection {
    const { queues, unitMsMax, after, onEvent } = this.options
    const connection = new MqConnection({
      reader,
      queues,
      system: opened.system,
      backout: opened.backout.map(({ threshold, backoutQueue }) => ({ threshold, queue: backoutQueue })),
      unitMsMax,
      tellsSetAside: this.options.tellsSetAside ?? false,
      after,
      onEvent,
      onCommitted: held => {
        this.rests.committed(held)
        this.grow()
      },
      onNotTaken: held => this.leaveAlone(held)
    })
    return this.watched(connection)
  }

  /** A unit of work that was too much for the queue manager is tried again with fewer messages. */
  private watched(connection: MqConnection): SourceConnection {
    const run = connection.run.bind(connection)
    connection.run = (receiver, from) =>
      run(receiver, from).catch((error: unknown) => {
        if (isTidemarkError(error) && error.code === 'MQ_UNIT_BACKED_OUT') this.shrink()
        throw this.placed(error)
      })
    return connection
  }

  private placed(error: unknown): unknown {
    return atItsPlace(error, this.options.places ?? null)
  }

  private leaveAlone(queues: ReadonlySet<number>): void {
    const rest = this.rests.notTaken(queues, this.options.now())
    if (rest === null) return
    const { name } = this.options.queues[rest.queue]!
    this.options.onEvent({ type: 'left-alone', queue: name, restMs: rest.restMs })
  }

  private shrink(): void {
    this.messages = Math.max(1, Math.floor(this.messages / 4))
    this.committedUnits = 0
  }

  private grow(): void {
    if (++this.committedUnits % unitsToGrow !== 0) return
    this.messages = Math.min(this.options.unitOfWork.messages, this.messages * 2)
  }

  private readerOptions(): ReaderOptions {
    const { apart, firstQueue } = this.rests
    const restsMs = this.rests.restsMs(this.options.now())
    return { ...readerOptions(this.options, this.messages), apart, firstQueue, restsMs }
  }
}

export type Readable = Omit<
  MqSourceOptions,
  'environment' | 'now' | 'after' | 'onEvent' | 'onReader' | 'startReader' | 'unitMsMax' | 'retryMs'
>

/** What a reader's process is told. */
export function readerOptions(options: Readable, messages: number): ReaderOptions {
  const { connection, queues, applicationName, besideFile, unitOfWork, messageBytesMax, doubtMs } = options
  return {
    connection,
    queues: [...queues],
    applicationName,
    besideFile,
    limits: { ...unitOfWork, messages, messagesMax: unitMessagesMax },
    messageBytesMax,
    waitMs,
    doubtMs,
    apart: false,
    firstQueue: 0,
    restsMs: []
  }
}

/**
 * The queues as they stand; reads and changes nothing. Throws as `open`, but what is wrong with single queues is in the
 * answer.
 */
export async function lookAtQueues(
  options: Readable,
  environment: NodeJS.ProcessEnv
): Promise<Extract<ReaderEvent, { type: 'looked' }>> {
  const reader = new ReaderProcess(environment)
  try {
    return await new Promise((resolve, reject) => {
      reader.listen(frame => {
        if (frame.kind !== 'event') return
        const event = JSON.parse(frame.text) as ReaderEvent
        if (event.type === 'looked') resolve(event)
        else if (event.type === 'failed') reject(atItsPlace(errorOf(event), options.places ?? null) as Error)
      }, reject)
      reader.send({ do: 'look', options: readerOptions(options, options.unitOfWork.messages) })
    })
  } finally {
    await reader.close()
  }
}
