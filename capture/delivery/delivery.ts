import type { BatchBuilder } from '@tidemark/kafka/record-batch/batch-builder.ts'
import type { PositionBytes } from '@tidemark/schemas/position.ts'
import type { Ownership } from '../ownership/take-over.ts'
import { CommitsPacker } from './commits-packer.ts'
import type { DataBatch, DataTopic } from './data-topic.ts'
import type { NamedFact } from './open-transaction.ts'
import type { TopicDirectory } from './topic-directory.ts'
import { TransactionWriter } from './transaction-writer.ts'

/** Places where a crash matters; tests have the process killed at them. */
export type FaultPoint = 'data-stored' | 'commit-next' | 'commit-stored' | 'settle-next'

export interface DeliveryOptions {
  ownership: Ownership
  topics: TopicDirectory
  /** Milliseconds since the Unix epoch. */
  now(): number
  /** Runs `task` soon, after what is being read now: a flush gathers until then. */
  schedule(task: () => void): void
  /** Gathered or in flight: above it `onPressure(true)` is called, below half of it `onPressure(false)`. */
  budgetBytes: number
  batchBytesMax: number
  onPressure(high: boolean): void
  /** The source may forget everything at or before `position`: its commit record is known valid. */
  onSettled(position: PositionBytes, transactions: number): void
  /** Asked before each flush, after all that is in it was read: rejects when it must not be produced, and so never named. */
  verify?: (() => Promise<void>) | undefined
  /** Told each time a fault point is reached. */
  onReached?: ((point: FaultPoint) => void) | undefined
  /** Delivery cannot go on: nothing is written or settled any more. Called once. */
  onFailed(error: unknown): void
}

/** Facts waiting for their commit record: the next data flush may be in flight meanwhile. */
const namedFactsMax = 65_536
const namedBytesMax = 33_554_432
/** What a fact and each of its parts take in memory, about. */
const factBytes = 64
const partBytes = 100
/** Facts named by one append: their commit records stay below the smallest usual max.message.bytes. */
const factsPerAppendMax = 4_096
const appendBytesMax = 786_432
/**
 * What is gathered of a unit that has not ended is produced in steps of so much: nobody can have it before the unit ends,
 * and each request costs agent and broker more than the bytes in it.
 */
const unitStepBytes = 262_144
/** They must fit a Commits of 16 kB. */
const annotationBytesMax = 8_192

/**
 * Group commit in two stages, each with one flush in flight: data batches, then the commit records that name them, then
 * the source is told. While one flush is in flight the next gathers.
 */
export class Delivery {
  readonly writer: TransactionWriter
  private readonly options: DeliveryOptions
  private readonly ownership: Ownership
  private named: NamedFact[] = []
  private namedBytes = 0
  private unknownTopics: DataTopic[] = []
  private inFlightBytes = 0
  private scheduled = false
  private producing = false
  private naming = false
  private pressure = false
  private failed = false
  /** When the step under way in each stage began, ms; null while there is none. */
  private readonly began: { data: number | null; name: number | null } = { data: null, name: null }
  private drained: (() => void)[] = []

  constructor(options: DeliveryOptions) {
    this.options = options
    this.ownership = options.ownership
    this.writer = new TransactionWriter({
      stream: options.ownership.state.stream,
      epoch: options.ownership.epoch,
      sequence: options.ownership.state.sequence,
      named: options.ownership.state.named,
      batchBytesMax: options.batchBytesMax,
      annotationBytesMax,
      now: options.now,
      ownOffset: () => options.ownership.own.lastOffset,
      onUnknownTopic: topic => {
        this.unknownTopics.push(topic)
        this.flushSoon()
      }
    })
  }

  /** Call after writing records or committing a transaction: gathers a little, then flushes. */
  flushSoon(): void {
    this.feelPressure()
    if (this.scheduled || this.producing || this.failed) return
    this.scheduled = true
    this.options.schedule(() => {
      this.scheduled = false
      void this.pump()
    })
  }

  get hasFailed(): boolean {
    return this.failed
  }

  /** Nothing gathered, nothing in flight, no open transaction: a position may be named as it is. */
  get isIdle(): boolean {
    return (
      !this.producing && !this.naming && this.writer.bytes === 0 && !this.writer.hasFacts && this.named.length === 0
    )
  }

  /** How long the broker has owed an answer, in milliseconds. */
  get owedMs(): number {
    const now = this.options.now()
    return Math.max(0, now - (this.began.data ?? now), now - (this.began.name ?? now))
  }

  /** Resolves when everything committed so far is named and settled. Records of an open transaction are left. */
  async drain(): Promise<void> {
    while (!this.failed && !this.isDrained()) {
      await new Promise<void>(resolve => {
        this.drained.push(resolve)
        this.flushSoon()
      })
    }
  }

  /** Stops for good: nothing further is settled. What is in flight may still arrive, void or not. */
  abandon(): void {
    this.failed = true
    this.wakeDrained()
  }

  /** Stops with an error, such as a processor's. */
  fail(error: unknown): void {
    if (this.failed) return
    this.failed = true
    this.options.onFailed(error)
    this.wakeDrained()
  }

  private isDrained(): boolean {
    return !this.producing && !this.naming && !this.writer.hasFacts && this.named.length === 0
  }

  private async pump(): Promise<void> {
    if (this.producing || this.failed) return
    this.producing = true
    try {
      while (!this.failed && this.hasWork() && !this.isFarAhead) await this.flush()
    } catch (error) {
      this.fail(error)
    } finally {
      this.producing = false
    }
    this.wakeDrained()
  }

  /** Data is not produced any further ahead of what names it. */
  private get isFarAhead(): boolean {
    return this.named.length >= namedFactsMax || this.namedBytes >= namedBytesMax
  }

  private hasWork(): boolean {
    const { writer, unknownTopics } = this
    if (unknownTopics.length > 0) return true
    // Never more than the budget, above which the source is paused.
    if (writer.insideUnit && writer.bytes < Math.min(unitStepBytes, this.options.budgetBytes / 2)) return false
    return writer.bytes > 0 || writer.hasFacts
  }

  private async flush(): Promise<void> {
    this.began.data = this.options.now()
    if (this.unknownTopics.length > 0) await this.findTopics()
    const { batches, facts, bytes } = this.writer.take()
    this.inFlightBytes = bytes
    if (this.options.verify !== undefined) {
      await this.options.verify()
      if (this.failed) return
    }
    if (batches.length > 0) await this.produce(batches)
    this.inFlightBytes = 0
    this.began.data = null
    this.options.onReached?.('data-stored')
    if (this.failed) return
    for (const fact of facts) {
      this.named.push(fact)
      this.namedBytes += bytesOf(fact)
    }
    this.feelPressure()
    void this.name()
  }

  private async findTopics(): Promise<void> {
    while (this.unknownTopics.length > 0) {
      const topic = this.unknownTopics[0]!
      topic.settle(await this.options.topics.find(topic.name), this.options.batchBytesMax)
      this.writer.placeAll(topic)
      this.unknownTopics.shift()
    }
  }

  private async produce(batches: DataBatch[]): Promise<void> {
    const offsets = await this.ownership.session.produce(batches)
    const recycled: BatchBuilder[] = []
    for (let index = 0; index < batches.length; index++) {
      batches[index]!.stored.baseOffset = offsets[index]!
      recycled.push(batches[index]!.batch)
    }
    for (const batch of recycled) this.writer.recycle(batch)
  }

  /** Facts up to the last that has a position of its own; those after it wait for the end of their unit. */
  private get settleable(): number {
    let count = this.named.length
    while (count > 0 && !endsUnit(this.named[count - 1])) count--
    return count
  }

  /** Names what is safe: one append in flight, in sequence order. */
  private async name(): Promise<void> {
    if (this.naming || this.failed) return
    this.naming = true
    try {
      while (!this.failed && this.settleable > 0) await this.nameOnce()
    } catch (error) {
      this.fail(error)
    } finally {
      this.naming = false
    }
    if (!this.producing && this.hasWork()) this.flushSoon()
    this.wakeDrained()
  }

  private async nameOnce(): Promise<void> {
    const { writer, own, epoch } = this.ownership
    const packer = new CommitsPacker(epoch, own.known)
    const { settleable } = this
    let count = 0
    // A unit is not cut: an append that names part of it would leave the stream without the unit's position.
    while (count < settleable && (!isFull(packer, count) || !endsUnit(this.named[count - 1]))) {
      packer.add(this.named[count++]!)
    }
    const facts = this.named.splice(0, count)
    for (const fact of facts) this.namedBytes -= bytesOf(fact)
    const records = packer.finish()
    this.options.onReached?.('commit-next')
    this.began.name = this.options.now()
    const base = await writer.append(records, this.timeOf(facts))
    this.options.onReached?.('commit-stored')
    await own.confirm(base, records.length)
    this.began.name = null
    if (this.failed) return
    const last = facts[facts.length - 1]!
    this.options.onReached?.('settle-next')
    this.options.onSettled(last.position, countTransactions(facts))
  }

  /** max(previous, min(now, last commit time named)); the writer keeps it from falling. */
  private timeOf(facts: readonly NamedFact[]): number {
    const now = this.options.now()
    const last = facts[facts.length - 1]!
    const time = last.type === 'transaction' ? last.transaction.commitTime : last.time
    return Math.min(now, time / 1000)
  }

  private feelPressure(): void {
    const held = this.writer.bytes + this.inFlightBytes
    const high = this.pressure
      ? held > this.options.budgetBytes / 2 || this.unknownTopics.length > 0
      : held > this.options.budgetBytes || this.unknownTopics.length > 0
    if (high === this.pressure) return
    this.pressure = high
    this.options.onPressure(high)
  }

  private wakeDrained(): void {
    if (!this.failed && !this.isDrained()) return
    const waiting = this.drained
    this.drained = []
    for (const wake of waiting) wake()
  }
}

function bytesOf(fact: NamedFact): number {
  if (fact.type === 'state') return factBytes
  return factBytes + fact.transaction.annotationBytes + fact.transaction.parts.length * partBytes
}

function isFull(packer: CommitsPacker, count: number): boolean {
  return count >= factsPerAppendMax || packer.bytesUpperBound >= appendBytesMax
}

/** A transaction without a position of its own is settled by the State that ends its unit. */
function endsUnit(fact: NamedFact | undefined): boolean {
  return fact === undefined || fact.position.length > 0
}

function countTransactions(facts: readonly NamedFact[]): number {
  let count = 0
  for (const fact of facts) if (fact.type === 'transaction') count++
  return count
}
