import type { RecordSink, TransactionPlace } from '@tidemark/kcop/record-sink.ts'
import type { ParkedOperation } from '@tidemark/schemas/commit-stream.ts'
import type { Operation, TransactionContext } from '@tidemark/schemas/operation.ts'
import type { PositionBytes } from '@tidemark/schemas/position.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { Delivery, type DeliveryOptions } from './delivery/delivery.ts'
import { HeldCalls } from './held-calls.ts'
import type { UnitReceiver } from './source.ts'

/** What turns operations into records; made anew for each ownership, around its open transaction. */
export interface OperationProcessor {
  schema(table: Table): void
  begin(transaction: TransactionContext): void
  process(operation: Operation): void
  /**
   * Asked after `process`. A promise: nothing more can be processed before it resolves, which also takes it away here;
   * what it rejects with ends the tenure.
   */
  readonly wait?: Promise<void> | null
  commit(transaction: TransactionContext): void
  refreshStart(table: Table): void
  refreshEnd(table: Table): void
  /** After `schema`: resolves when operations can be processed; null or absent: they can. */
  ready?(): Promise<void> | null
}

/** The open transaction, as processors write to it. */
export interface TransactionSink extends RecordSink {
  annotate(name: string, value: Uint8Array): void
  park(operation: ParkedOperation): void
  place(): TransactionPlace
}

export interface TenureOptions extends Omit<DeliveryOptions, 'onFailed' | 'onPressure' | 'onSettled'> {
  processorFor(sink: TransactionSink): OperationProcessor
  /** Entries belong to a first copy that is not finished. */
  refreshing: boolean
  onPressure(high: boolean): void
  onSettled(position: PositionBytes, transactions: number): void
}

/**
 * A broker that owes an answer for longer ends the ownership, and so the connection to the source: a server whose reader
 * answers but settles nothing cannot shut down (facts of PostgreSQL up to 18). The source keeps its log meanwhile.
 */
const owedMsMax = 60_000

/** Data of an open transaction is produced as it comes once this much was gathered. */
const flushBytes = 1_048_576
/** Of what a source hands over after it was paused: what it had read from its socket. More than that is no such rest. */
const heldBytesMax = 33_554_432

/**
 * One ownership from its first State entry to its end: takes operations, gives them to the processor, delivers what it
 * makes. Fails once, with the first error. While the processor is not ready the source is paused, and what it still hands
 * over is kept in order.
 */
export class Tenure implements UnitReceiver {
  readonly delivery: Delivery
  /** Rejects with the first error; never resolves. */
  readonly failed: Promise<never>
  readonly counters = { transactions: 0, operations: 0 }
  private readonly options: TenureOptions
  private readonly processor: OperationProcessor
  private context: TransactionContext | null = null
  private operations = 0
  /** Last position known to need no naming of its own. */
  private named: PositionBytes
  /** Everything at or before it was read; it may be ahead of what is named. */
  private passed: PositionBytes
  private held: HeldCalls | null = null
  /** Resolves when nothing is held back any more. */
  private released: Promise<void> | null = null
  private deliveryPressure = false
  private pressure = false
  private boundaryTask: (() => void) | null = null

  constructor(options: TenureOptions) {
    this.options = options
    this.named = this.passed = options.ownership.state.position
    let reject: (error: unknown) => void
    this.failed = new Promise<never>((_, rejected) => {
      reject = rejected
    })
    this.failed.catch(() => {})
    this.delivery = new Delivery({
      ...options,
      onFailed: error => reject(error),
      onPressure: high => {
        this.deliveryPressure = high
        this.feelPressure()
      },
      onSettled: (position, transactions) => {
        this.named = position
        options.onSettled(position, transactions)
      }
    })
    this.processor = options.processorFor(this.delivery.writer)
    this.nameState(this.passed)
  }

  schema(table: Table): void {
    if (this.holds(() => this.schema(table))) return
    this.guard(() => this.processor.schema(table))
    const wait = this.delivery.hasFailed ? null : (this.processor.ready?.() ?? null)
    if (wait !== null) this.hold(wait)
  }

  refreshStart(table: Table): void {
    if (this.holds(() => this.refreshStart(table))) return
    this.guard(() => this.processor.refreshStart(table))
  }

  refreshEnd(table: Table): void {
    if (this.holds(() => this.refreshEnd(table))) return
    this.guard(() => this.processor.refreshEnd(table))
  }

  /** Annotates the open transaction. */
  annotate(name: string, value: Uint8Array): void {
    if (this.holds(() => this.annotate(name, value))) return
    this.delivery.writer.annotate(name, value)
  }

  begin(transaction: TransactionContext): void {
    if (this.holds(() => this.begin(transaction))) return
    this.context = transaction
    this.operations = 0
    this.delivery.writer.begin(transaction)
    this.guard(() => this.processor.begin(transaction))
  }

  operation(operation: Operation): void {
    const { delivery } = this
    if (delivery.hasFailed) return
    if (this.held !== null) {
      this.held.keepOperation(operation, kept => this.operation(kept))
      this.boundHeld()
      return
    }
    this.operations++
    delivery.writer.at(operation.ordinal)
    try {
      this.processor.process(operation)
      const { wait } = this.processor
      if (wait) this.hold(wait)
    } catch (error) {
      delivery.fail(error)
    }
    if (delivery.writer.bytes > flushBytes) delivery.flushSoon()
  }

  commit(position: PositionBytes): void {
    if (this.holds(() => this.commit(position))) return
    const context = this.context
    if (context !== null) this.guard(() => this.processor.commit(context))
    this.context = null
    this.counters.transactions++
    this.counters.operations += this.operations
    if (position.length > 0) this.passed = position
    if (this.delivery.writer.commit(position, this.operations)) this.delivery.flushSoon()
    this.boundaryTask?.()
    this.boundaryTask = null
  }

  /** Ends a unit: a State entry with its position, in the same append as the unit's transactions. */
  unit(position: PositionBytes): void {
    if (this.holds(() => this.unit(position))) return
    if (this.delivery.hasFailed) return
    this.passed = position
    this.nameState(position)
  }

  idle(position: PositionBytes): void {
    if (this.holds(() => this.idle(position))) return
    if (this.context === null && Buffer.compare(position, this.passed) > 0) this.passed = position
  }

  /** Names the position reached by transactions without records or by silence, so that the source may forget. */
  heartbeat(): void {
    const { owedMs } = this.delivery
    if (owedMs > owedMsMax) {
      const seconds = Math.round(owedMs / 1000)
      this.delivery.fail(
        new TidemarkError('KAFKA_UNREACHABLE', { message: `no broker has taken records for ${seconds} s` })
      )
      return
    }
    if (this.context !== null || !this.delivery.isIdle) return
    if (Buffer.compare(this.passed, this.named) > 0) this.nameState(this.passed)
  }

  /** Something was read behind the state that the ownership began with. */
  get hasProgressed(): boolean {
    return Buffer.compare(this.passed, this.options.ownership.state.position) !== 0
  }

  /** Calls `task` while no transaction is open: now, or when the open one is committed. */
  betweenTransactions(task: () => void): void {
    if (this.context === null && this.held === null) task()
    else this.boundaryTask = task
  }

  /** Ends a first copy: the last State entry says that it is whole, and that mirroring begins after `position`. */
  finishRefresh(position: PositionBytes): void {
    if (this.holds(() => this.finishRefresh(position))) return
    this.delivery.writer.state(position, this.options.now() * 1000, false)
    this.delivery.flushSoon()
  }

  /** Resolves when everything committed so far is named and settled, what is held back included. */
  async drain(): Promise<void> {
    while (this.released !== null && !this.delivery.hasFailed) await this.released
    await this.delivery.drain()
  }

  /** Nothing is processed until `wait` resolves; what it rejects with ends the tenure. */
  private hold(wait: Promise<void>): void {
    const held = new HeldCalls()
    this.held = held
    this.feelPressure()
    this.released = wait.then(
      () => this.release(held),
      (error: unknown) => this.delivery.fail(error)
    )
  }

  /** A call that has to wait again, behind a second definition, is kept again by the method it calls. */
  private release(held: HeldCalls): void {
    this.held = null
    this.released = null
    if (this.delivery.hasFailed) return
    held.make()
    this.feelPressure()
  }

  private holds(call: () => void): boolean {
    if (this.held === null) return false
    if (this.delivery.hasFailed) return true
    this.held.keep(call)
    this.boundHeld()
    return true
  }

  private boundHeld(): void {
    if (this.held!.bytes <= heldBytesMax) return
    this.delivery.fail(
      new TidemarkError('REGISTRY_UNREACHABLE', {
        message: `more than ${heldBytesMax} bytes came from the source while operations had to wait`
      })
    )
  }

  private feelPressure(): void {
    const high = this.deliveryPressure || this.held !== null
    if (high === this.pressure) return
    this.pressure = high
    this.options.onPressure(high)
  }

  private nameState(position: PositionBytes): void {
    this.delivery.writer.state(position, this.options.now() * 1000, this.options.refreshing)
    this.delivery.flushSoon()
  }

  private guard(call: () => void): void {
    if (this.delivery.hasFailed) return
    try {
      call()
    } catch (error) {
      this.delivery.fail(error)
    }
  }
}
