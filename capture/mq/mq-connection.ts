import type { PositionBytes } from '@tidemark/schemas/position.ts'
import { isTidemarkError, TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { withUnit, type SourceConnection, type SourceIdentity, type UnitReceiver } from '../source.ts'
import type { BackoutPolicy } from './backout-policy.ts'
import type { MqQueueOptions } from './connection-options.ts'
import { errorOf } from './failed-event.ts'
import type { Frame } from './frame.ts'
import { MessageOperation } from './message-operation.ts'
import type { ReaderEvent } from './reader-messages.ts'
import type { ReaderLink } from './reader-link.ts'
import { tellSetAside, type SetAsideEvent } from './set-aside-record.ts'

export interface MqConnectionParts {
  reader: ReaderLink
  queues: readonly MqQueueOptions[]
  system: string
  backout: readonly BackoutPolicy[]
  /** A unit of work may be open so long; then it is backed out. */
  unitMsMax: number
  /** Whether messages set aside are handed over as transactions of their own. */
  tellsSetAside: boolean
  after(ms: number, task: () => void): () => void
  onEvent(event: ReaderEvent): void
  /** Indexes of the queues whose messages were in the unit. */
  onCommitted(queues: ReadonlySet<number>): void
  /** Kafka did not take a unit in time. */
  onNotTaken(queues: ReadonlySet<number>): void
}

/** Faults of a message rather than of a system: reading it again, it is set aside when BOTHRESH is reached. */
const faultsOfMessages: ReadonlySet<string> = new Set([
  'OUTPUT_TOO_LARGE',
  'PROCESSOR_FAILED',
  'RECORD_INVALID',
  'RECORD_TOO_LARGE',
  'ROW_UNSUITABLE'
])

/** A connection that holds its queues exclusively, seen from the agent: frames in, leave to commit out. */
export class MqConnection implements SourceConnection {
  readonly identity: SourceIdentity
  private readonly parts: MqConnectionParts
  private readonly operation = new MessageOperation()
  private receiver: UnitReceiver | null = null
  /** Of the unit that waits for leave to commit. */
  private pending: PositionBytes | null = null
  private stopTimer: (() => void) | null = null
  /** Whose messages are in the open unit. */
  private readonly unitQueues = new Set<number>()
  /** In the open unit, not told yet: it may have happened in the midst of a transaction. */
  private setAside: SetAsideEvent[] = []
  private rested: () => void = () => {}
  private ended: ((error: Error | null) => void) | null = null

  constructor(parts: MqConnectionParts) {
    this.parts = parts
    this.identity = { system: parts.system, timeline: 1 }
  }

  /** A queue has no position of its own. */
  confirmed(): Promise<null> {
    return Promise.resolve(null)
  }

  /**
   * Hands over every message that `from` does not name. Rejects with MQ_UNREACHABLE, MQ_COMMIT_IN_DOUBT,
   * MQ_UNIT_BACKED_OUT, MQ_UNIT_TOO_SLOW, MQ_UNIT_TOO_LARGE, MQ_POISON_MESSAGE, MQ_MESSAGE_TOO_LARGE, MQ_CALL_FAILED.
   */
  run(receiver: UnitReceiver, from: PositionBytes): Promise<void> {
    this.receiver = receiver
    return new Promise((resolve, reject) => {
      this.ended = error => (error === null ? resolve() : reject(error))
      const { reader } = this.parts
      reader.listen(
        frame => this.take(frame),
        error => this.end(error)
      )
      reader.send({ do: 'run', from: Buffer.from(from).toString('base64') })
    })
  }

  pause(): void {
    this.parts.reader.pause()
  }

  resume(): void {
    this.parts.reader.resume()
  }

  rest(): Promise<void> {
    this.parts.reader.send({ do: 'rest' })
    return new Promise(resolve => {
      this.rested = resolve
    })
  }

  settle(position: PositionBytes): void {
    if (this.pending === null || Buffer.compare(this.pending, position) !== 0) return
    this.pending = null
    this.parts.reader.send({ do: 'commit' })
  }

  /** With BOTHRESH and BOQNAME on every queue, a message that cannot be carried is set aside after some tries. */
  mends(error: unknown): boolean {
    if (!isTidemarkError(error) || !faultsOfMessages.has(error.code)) return false
    return this.parts.backout.every(({ threshold, queue }) => threshold > 0 && queue !== '')
  }

  async close(): Promise<void> {
    this.receiver = null
    this.stopTimer?.()
    await this.parts.reader.close()
    this.end(null)
  }

  private take(frame: Frame): void {
    const { receiver } = this
    if (receiver === null) return
    switch (frame.kind) {
      case 'message':
        return this.message(frame, receiver)
      case 'transaction-end':
        return receiver.commit(withUnit)
      case 'unit':
        this.startTimer()
        this.pending = frame.position
        for (const event of this.setAside.splice(0)) tellSetAside(event, receiver)
        return receiver.unit(frame.position)
      case 'committed':
        return this.committed()
      case 'event':
        return this.event(JSON.parse(frame.text) as ReaderEvent)
    }
  }

  private message({ queue, first, descriptor, body }: Extract<Frame, { kind: 'message' }>, to: UnitReceiver): void {
    const { name, unit } = this.parts.queues[queue]!
    this.startTimer()
    this.unitQueues.add(queue)
    if (first) to.begin(this.operation.begin(descriptor, unit))
    to.operation(this.operation.show(name, descriptor, body))
  }

  private committed(): void {
    this.stopTimer?.()
    this.stopTimer = null
    this.parts.onCommitted(this.unitQueues)
    this.unitQueues.clear()
  }

  /** Runs while a unit is open, one of dropped messages alone too. */
  private startTimer(): void {
    this.stopTimer ??= this.parts.after(this.parts.unitMsMax, () => this.tooSlow())
  }

  private event(event: ReaderEvent): void {
    if (event.type === 'failed') this.end(errorOf(event))
    else if (event.type === 'rested') this.rested()
    else this.parts.onEvent(event)
    if (event.type === 'set-aside' && this.parts.tellsSetAside) this.setAside.push(event)
  }

  private tooSlow(): void {
    this.parts.onNotTaken(this.unitQueues)
    this.end(
      new TidemarkError('MQ_UNIT_TOO_SLOW', {
        message: `a unit of work was open for more than ${this.parts.unitMsMax} ms`
      })
    )
  }

  private end(error: Error | null): void {
    this.receiver = null
    this.rested()
    this.ended?.(error)
    this.ended = null
  }
}
