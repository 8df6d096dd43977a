import type { PositionBytes } from '@tidemark/schemas/position.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { backoutVerdict, type BackoutPolicy, type BackoutVerdict } from './backout-policy.ts'
import type { QueueMessage } from './message.ts'
import { identityOf } from './message-identity.ts'
import type { MessageVerbs, TransactionUnit } from './message-verbs.ts'
import { UnitLedger, type UnitLimits } from './unit-ledger.ts'

export interface ReadQueue {
  name: string
  unit: TransactionUnit
  /** Of one transaction, where `unit` is batch. */
  batchMessages: number
  /** How long an open batch waits for a further message. */
  batchMs: number
  backout: BackoutPolicy
  /** It is left alone for so long first. */
  restMs?: number
}

/** Takes what the reader reads, in the order of reading. */
export interface UnitOutput {
  /** `first`: it begins a transaction. */
  message(queue: number, first: boolean, message: QueueMessage): void
  transactionEnd(): void
  setAside(queue: number, message: QueueMessage): void
  /** A queue has gets inhibited: it is asked again. */
  inhibited(queue: number): void
  /** Resolves when everything handed over is safe, so that the unit may be committed; rejects to have it backed out. */
  unit(position: PositionBytes): Promise<void>
  committed(): void
  /** Lets the world in (commands, an end); called often. Rejects to have the unit backed out. */
  breathe(): Promise<void>
  /** The same, and resolves after `ms`. */
  pause(ms: number): Promise<void>
  /** No further transaction is to be begun. */
  readonly resting: boolean
}

export interface QueueReaderOptions {
  queues: readonly ReadQueue[]
  /** A unit of work holds messages of one queue only. */
  apart?: boolean
  /** Index of the queue that has its turn first. */
  firstQueue?: number
  limits: UnitLimits
  verbs: MessageVerbs
  output: UnitOutput
  /** Milliseconds, steady. */
  now(): number
  /** One wait for a message when all queues are empty. */
  waitMs: number
  /** After so long, with the queues read to their end, messages in doubt come no more. */
  doubtMs: number
}

/** Gets between two breaths: each takes a network's round trip. */
const getsPerBreath = 16
const inhibitedPauseMs = 1_000

/**
 * Reads queues in units of work: whole transactions, then the word that all is safe, then MQCMIT. At most one unit of
 * work is open, and none while nothing was got.
 */
export class QueueReader {
  private readonly options: QueueReaderOptions
  private readonly ledger: UnitLedger
  private readonly begunMs: number
  private gets = 0
  private turn: number
  /** What the unit held when the turn began. */
  private turnFrom = { messages: 0, bytes: 0 }
  /** What the unit held when the open transaction began, messages set aside among them. */
  private messagesBefore = 0
  /** Of each queue, when to ask again. */
  private readonly asleepUntilMs: number[]
  /** Of each queue, whether it said that there was nothing on it when it was asked last. */
  private readonly isEmpty: boolean[]

  /** Throws COMMIT_STREAM_INVALID. */
  constructor(from: PositionBytes, options: QueueReaderOptions) {
    this.options = options
    this.ledger = new UnitLedger(from, options.limits)
    this.begunMs = options.now()
    this.turn = (options.firstQueue ?? 0) - 1
    this.asleepUntilMs = options.queues.map(({ restMs = 0 }) => this.begunMs + restMs)
    this.isEmpty = options.queues.map(() => false)
  }

  /** Reads until `output` rejects or a verb throws; the caller backs out. Resolves when it rests with nothing open. */
  async run(): Promise<void> {
    while (!this.options.output.resting) {
      await this.fill()
      if (!this.ledger.isEmpty) await this.settle()
    }
  }

  /** Whole transactions, until the unit is full or the queues are empty. */
  private async fill(): Promise<void> {
    const { output, now, queues, apart = false } = this.options
    let empty = 0
    // The next queue first: one that is never empty shall not keep the others waiting.
    this.nextTurn()
    while (!output.resting && !this.ledger.isFull(now())) {
      if (!apart && this.hadItsShare) this.nextTurn()
      const queue = this.turn % queues.length
      // A further empty queue is waited for only when there is nothing to settle.
      const wait = this.ledger.isEmpty && empty >= queues.length
      const got = await this.transaction(queue, wait ? this.options.waitMs / queues.length : 0)
      if (got === 'full') return
      if (got === 'none') {
        if (apart && !this.ledger.isEmpty) return
        this.nextTurn()
        empty++
        if (!this.ledger.isEmpty && empty >= queues.length) return
        if (empty % queues.length === 0) this.forget()
      } else empty = 0
    }
  }

  private nextTurn(): void {
    this.turn++
    this.turnFrom = { messages: this.ledger.messages, bytes: this.ledger.size }
  }

  /** Of what a unit holds, by messages or bytes: one queue of huge messages, or of many, leaves room for the others. */
  private get hadItsShare(): boolean {
    const { ledger, turnFrom, options } = this
    const { messages, bytes } = options.limits
    const queues = options.queues.length
    return ledger.messages - turnFrom.messages >= messages / queues || ledger.size - turnFrom.bytes >= bytes / queues
  }

  private forget(): void {
    const { now, doubtMs } = this.options
    // What a queue holds that could not be asked is not known.
    if (!this.isEmpty.every(Boolean)) return
    if (this.ledger.doubts > 0 && now() - this.begunMs >= doubtMs) this.ledger.forgetDoubts()
  }

  private async settle(): Promise<void> {
    const { output, verbs } = this.options
    await output.unit(this.ledger.end())
    verbs.commit()
    this.ledger.committed()
    output.committed()
  }

  /** One transaction of a queue, or one message that is none of its own. */
  private async transaction(queue: number, waitMs: number): Promise<'some' | 'none' | 'full'> {
    this.messagesBefore = this.ledger.messages
    const first = await this.get(queue, waitMs)
    if (typeof first === 'string') return first
    const { unit } = this.options.queues[queue]!
    if (unit === 'group') await this.group(queue, first)
    else if (unit === 'batch') await this.batch(queue, first)
    else if (this.take(queue, first, true)) this.endTransaction()
    return 'some'
  }

  /**
   * A group is handed over or set aside as a whole: its first message says which, for it was got whenever another was, so
   * that none was backed out more often.
   */
  private async group(queue: number, first: QueueMessage): Promise<void> {
    const verdict = this.verdictOn(queue, first)
    let begun = this.take(queue, first, true, verdict)
    let { group } = first
    while (group === 'member') {
      const next = await this.get(queue, 0)
      if (typeof next === 'string') throw this.incompleteGroup(queue, next)
      if (this.take(queue, next, !begun, verdict)) begun = true
      group = next.group
    }
    if (begun) this.endTransaction()
  }

  private async batch(queue: number, first: QueueMessage): Promise<void> {
    const { now, output } = this.options
    const { batchMessages, batchMs } = this.options.queues[queue]!
    const untilMs = now() + batchMs
    let count = this.take(queue, first, true) ? 1 : 0
    while (count < batchMessages && !this.ledger.isFull(now()) && !output.resting) {
      const next = await this.get(queue, Math.min(this.options.waitMs, Math.max(0, untilMs - now())))
      if (next === 'full' || (next === 'none' && now() >= untilMs)) break
      if (next !== 'none' && this.take(queue, next, count === 0)) count++
    }
    if (count > 0) this.endTransaction()
  }

  private endTransaction(): void {
    this.options.output.transactionEnd()
  }

  private async get(queue: number, waitMs: number): Promise<QueueMessage | 'none' | 'full'> {
    const { verbs, output, now } = this.options
    this.isEmpty[queue] = false
    if (waitMs > 0 || ++this.gets % getsPerBreath === 0) await output.breathe()
    if (this.asleepUntilMs[queue]! > now()) {
      if (waitMs > 0) await output.pause(waitMs)
      return 'none'
    }
    const groups = this.options.queues[queue]!.unit === 'group'
    const got = verbs.get({ queue, waitMs: Math.round(waitMs), groups })
    if (got.type === 'message') return got.message
    if (got.type === 'unit-full') return 'full'
    if (got.inhibited) {
      this.asleepUntilMs[queue] = now() + inhibitedPauseMs
      output.inhibited(queue)
    } else this.isEmpty[queue] = true
    return 'none'
  }

  /** Hands a message over, unless it was named before or is set aside. Returns whether it was handed over. */
  private take(
    queue: number,
    message: QueueMessage,
    first: boolean,
    verdict = this.verdictOn(queue, message)
  ): boolean {
    const { output, verbs, now, queues } = this.options
    const from = queues[queue]!
    const { backout, name } = from
    const size = message.body.length
    if (this.ledger.take(identityOf(message), size, now()) === 'named') return false
    if (this.ledger.isBeyondMax) throw this.tooLarge(from)
    if (verdict === 'stop') throw poison(name, message.descriptor.backoutCount, backout)
    if (verdict === 'set-aside') {
      if (verbs.setAside(queue, message) === 'unit-full') throw this.tooLarge(from)
      this.ledger.setAside()
      output.setAside(queue, message)
      return false
    }
    if (verdict === 'alone') this.ledger.endSoon()
    output.message(queue, first, message)
    return true
  }

  private verdictOn(queue: number, { descriptor }: QueueMessage): BackoutVerdict {
    return backoutVerdict(descriptor.backoutCount, this.options.queues[queue]!.backout)
  }

  private incompleteGroup(queue: number, why: 'none' | 'full'): TidemarkError {
    const from = this.options.queues[queue]!
    const { name } = from
    if (why === 'full') return this.tooLarge(from)
    return new TidemarkError('MQ_UNIT_BACKED_OUT', {
      message: `a group on queue ${name} ended before its last message: its rest expired or was taken by another program`
    })
  }

  /** With others in the unit it may yet fit, and a batch may be shorter: the source reads it again in smaller units. */
  private tooLarge({ name, unit }: ReadQueue): TidemarkError {
    if (this.messagesBefore > 0 || (unit === 'batch' && this.ledger.messages > 1)) {
      return new TidemarkError('MQ_UNIT_BACKED_OUT', {
        message: `a transaction of queue ${name} did not fit a unit of work that holds others`,
        place: name
      })
    }
    return new TidemarkError('MQ_UNIT_TOO_LARGE', {
      message: `a transaction of queue ${name} has more messages than one unit of work takes (${this.ledger.messages} were got; those moved to a backout queue count twice)`,
      place: name
    })
  }
}

function poison(queue: string, backoutCount: number, backout: BackoutPolicy): TidemarkError {
  const { threshold, isDeadLetterQueue = false } = backout
  const empty = isDeadLetterQueue ? 'BOQNAME and DEADQ of the queue manager are empty' : 'BOQNAME is empty'
  return new TidemarkError('MQ_POISON_MESSAGE', {
    message: `a message of queue ${queue} was backed out ${backoutCount} times, its BOTHRESH is ${threshold}, and ${empty}`,
    place: queue
  })
}
