import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { Feed, SinkRecord, SinkTransaction } from './feed.ts'
import type { MessageBuilder } from './message-builder.ts'
import { groupIdOf, MessageGroup } from './message-group.ts'
import type { PutMessage } from './put-message.ts'
import type { PutterLink } from './putter-link.ts'
import type { Place, SinkState } from './sink-state.ts'

/** How a transaction stands in the queue. */
export interface UnitRules {
  /** Messages of one transaction in one queue form a message group. */
  groups: boolean
  /** A transaction of more messages than a unit of work can hold: over several of them, or an error. */
  large: 'stop' | 'split'
  /** A unit takes no further transaction once it has so much. */
  messages: number
  bytes: number
  /** MAXUMSGS. */
  maxUncommitted: number
  /** A unit may be open so long. */
  openMsMax: number
}

export interface SessionParts {
  putter: Pick<PutterLink, 'put' | 'commit'>
  feed: Feed
  builder: MessageBuilder
  rules: UnitRules
  /** What the state message says. */
  state: SinkState
  /** Begins the names of which groups' ids are made; see groupIdOf. */
  namespace: string
  /** By index. */
  queues: readonly string[]
  stateText(state: SinkState): string
  after(ms: number, task: () => void): () => void
  /** Resolves when whatever is there already has had its turn. */
  turn(): Promise<void>
  onCommitted(done: { transactions: number; messages: number; place: Place }): void
}

interface Unit {
  transactions: number
  messages: number
  bytes: number
  place: Place
  /** Of the limit to how long it may take, from its first message to the word that it is committed. */
  stopTimer: (() => void) | null
}

/** The state is got and put in the same unit of work: both count. */
const stateMessages = 2
/** Units on their way to the queue manager that are not known to be committed. */
const outstandingMax = 4

/** Transactions into units of work, on one connection, until it fails or the feed ends. */
export class SinkSession {
  private readonly parts: SessionParts
  private readonly messagesMax: number
  private part: SinkState['part']
  private unit: Unit
  private readonly outstanding: Unit[] = []
  private failure: Error | null = null
  /** Ends what is waited for. */
  private interrupt: (error: Error) => void = () => {}
  private acknowledged: () => void = () => {}
  /** Of the transaction in hand; null: its messages are in no group. */
  private group: MessageGroup | null = null
  /** Of the transaction in hand: this record and those before it are put. */
  private covered: SinkRecord | null = null
  private previous: SinkRecord | null = null

  constructor(parts: SessionParts) {
    this.parts = parts
    this.messagesMax = parts.rules.maxUncommitted - stateMessages
    this.part = parts.state.part
    this.unit = emptyUnit(parts.state.place)
  }

  /** Resolves when the feed is closed and everything put is committed. Rejects with what `abort` was given, and others. */
  async run(): Promise<void> {
    try {
      for (;;) {
        const transaction = await this.next()
        if (transaction === null) break
        await this.take(transaction)
        const { messages, bytes } = this.parts.rules
        if (this.unit.messages >= messages || this.unit.bytes >= bytes) await this.commit()
      }
      if (this.unit.transactions > 0) await this.commit()
      while (this.outstanding.length > 0) await this.unlessFailed(this.acknowledgement())
    } finally {
      for (const unit of [this.unit, ...this.outstanding]) unit.stopTimer?.()
    }
  }

  /** The connection is lost. */
  abort(error: Error): void {
    this.failure ??= error
    this.interrupt(this.failure)
  }

  /** The oldest unit on its way is committed. */
  committed(): void {
    const unit = this.outstanding.shift()
    unit?.stopTimer?.()
    if (unit !== undefined) this.parts.onCommitted(unit)
    this.acknowledged()
  }

  /** Commits what is open as soon as nothing more waits; while a unit is being committed the next one gathers. */
  private async next(): Promise<SinkTransaction | null> {
    const next = this.parts.feed.next()
    next.catch(() => {})
    while (this.unit.transactions > 0) {
      const idle = this.outstanding.length === 0 ? this.parts.turn() : this.acknowledgement()
      const first = await this.unlessFailed(Promise.race([next, idle]))
      if (typeof first === 'object') return first
      if (this.outstanding.length === 0) await this.commit()
    }
    return this.unlessFailed(next)
  }

  private acknowledgement(): Promise<void> {
    return new Promise(resolve => (this.acknowledged = resolve))
  }

  /**
   * Of one promise at a time. A race against one promise that lives as long as the session would hold every message's
   * reaction until its end.
   */
  private unlessFailed<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.interrupt = reject
      promise.then(resolve, reject)
      if (this.failure !== null) reject(this.failure)
    })
  }

  private async take(transaction: SinkTransaction): Promise<void> {
    await this.makeRoom(transaction)
    this.begin(transaction)
    const records = transaction.records()
    if (Symbol.iterator in records) for (const record of records) await this.takeRecord(record, transaction)
    else await this.takeStreamed(records, transaction)
    if (this.group !== null) for (const message of this.group.end()) await this.put(message, transaction)
    this.part = null
    this.unit.transactions++
    this.unit.place = transaction.placeAfter(null)
  }

  private async takeStreamed(records: AsyncIterable<SinkRecord>, transaction: SinkTransaction): Promise<void> {
    const iterator = records[Symbol.asyncIterator]()
    for (;;) {
      const { done, value } = await this.unlessFailed(iterator.next())
      if (done === true) return
      await this.takeRecord(value, transaction)
    }
  }

  /** A transaction that does not fit with those before it begins a unit; so does one whose size is not known. */
  private async makeRoom({ size, name }: SinkTransaction): Promise<void> {
    if (this.unit.messages > 0 && (size === null || this.unit.messages + size > this.messagesMax)) await this.commit()
    if (size !== null && size > this.messagesMax) this.checkSplit(name)
  }

  private begin({ name }: SinkTransaction): void {
    this.covered = null
    this.previous = null
    if (!this.parts.rules.groups) return
    const { queues, namespace } = this.parts
    const begun = this.part?.transaction === name ? Object.entries(this.part.next) : []
    const next = new Map(begun.map(([queue, number]) => [queues.indexOf(queue), number]))
    this.group = new MessageGroup(groupIdOf(namespace, name), next)
  }

  private async takeRecord(record: SinkRecord, transaction: SinkTransaction): Promise<void> {
    const message = this.parts.builder.message(record, transaction)
    const now = message === null || this.group === null ? message : this.group.take(message)
    if (now !== null) {
      await this.put(now, transaction)
      this.covered = this.group === null ? record : this.previous
    }
    this.previous = record
  }

  private async put(message: PutMessage, transaction: SinkTransaction): Promise<void> {
    if (this.unit.messages >= this.messagesMax) await this.split(transaction, message)
    this.unit.stopTimer ??= this.parts.after(this.parts.rules.openMsMax, () => this.abort(this.tooSlow()))
    this.unit.messages++
    for (const part of message.body) this.unit.bytes += part.length
    await this.unlessFailed(this.parts.putter.put(message))
  }

  /** Commits a part of a transaction: what comes before `next`. */
  private async split(transaction: SinkTransaction, next: PutMessage): Promise<void> {
    this.checkSplit(transaction.name)
    if (this.group !== null) this.part = this.partBefore(transaction.name, next, this.group)
    this.unit.place = transaction.placeAfter(this.covered)
    await this.commit()
  }

  private partBefore(transaction: string, next: PutMessage, { heldBack, numbers }: MessageGroup): SinkState['part'] {
    const { queues } = this.parts
    // A message held back for one queue would be left behind by a place that later ones of others have reached.
    if (heldBack > 0 && queues.length > 1) throw this.tooLarge(transaction)
    const named = [...numbers].map(([queue, number]) => [queues[queue]!, number] as const)
    return { transaction, next: { ...Object.fromEntries(named), [queues[next.queue]!]: next.sequence } }
  }

  private async commit(): Promise<void> {
    while (this.outstanding.length >= outstandingMax) await this.unlessFailed(this.acknowledgement())
    const { unit, part } = this
    this.outstanding.push(unit)
    this.unit = emptyUnit(unit.place)
    await this.unlessFailed(this.parts.putter.commit(this.parts.stateText({ place: unit.place, part })))
  }

  private checkSplit(name: string): void {
    if (this.parts.rules.large === 'stop') throw this.tooLarge(name)
  }

  private tooLarge(name: string): TidemarkError {
    return new TidemarkError('MQ_UNIT_TOO_LARGE', {
      message: `transaction ${name} has more than ${this.messagesMax} messages, which is what a unit of work can hold`,
      cure:
        this.parts.rules.groups && this.parts.queues.length > 1
          ? 'raise MAXUMSGS of the queue manager: ALTER QMGR MAXUMSGS(<n>)'
          : 'raise MAXUMSGS of the queue manager: ALTER QMGR MAXUMSGS(<n>), or set `largeTransactions: split`'
    })
  }

  private tooSlow(): TidemarkError {
    return new TidemarkError('MQ_UNIT_TOO_SLOW', {
      message: `a unit of work was open for more than ${this.parts.rules.openMsMax} ms`
    })
  }
}

function emptyUnit(place: Place): Unit {
  return { transactions: 0, messages: 0, bytes: 0, place, stopTimer: null }
}
