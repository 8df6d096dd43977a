import type { RecordSink } from '@tidemark/kcop/record-sink.ts'
import type { ParkedOperation } from '@tidemark/schemas/commit-stream.ts'
import type { Operation, TransactionContext } from '@tidemark/schemas/operation.ts'
import type { PositionBytes } from '@tidemark/schemas/position.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { Delivery, type DeliveryOptions } from './delivery/delivery.ts'
import type { Ownership } from './ownership/take-over.ts'
import type { UnitReceiver } from './source.ts'

/** What turns operations into records; made anew for each ownership, around its open transaction. */
export interface OperationProcessor {
  schema(table: Table): void
  begin(transaction: TransactionContext): void
  process(operation: Operation): void
  commit(transaction: TransactionContext): void
  refreshStart(table: Table): void
  refreshEnd(table: Table): void
}

/** The open transaction, as processors write to it. */
export interface TransactionSink extends RecordSink {
  annotate(name: string, value: Uint8Array): void
  park(operation: ParkedOperation): void
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

/**
 * One ownership from its first State entry to its end: takes operations, gives them to the processor, delivers what it
 * makes. Fails once, with the first error.
 */
export class Tenure implements UnitReceiver {
  readonly delivery: Delivery
  /** Rejects with the first error; never resolves. */
  readonly failed: Promise<never>
  readonly counters = { transactions: 0, operations: 0 }
  private readonly ownership: Ownership
  private readonly options: TenureOptions
  private readonly processor: OperationProcessor
  private context: TransactionContext | null = null
  private operations = 0
  /** Last position known to need no naming of its own. */
  private named: PositionBytes
  /** Everything at or before it was read; it may be ahead of what is named. */
  private passed: PositionBytes

  constructor(options: TenureOptions) {
    this.options = options
    this.ownership = options.ownership
    this.named = this.passed = options.ownership.state.position
    let reject: (error: unknown) => void
    this.failed = new Promise<never>((_, rejected) => {
      reject = rejected
    })
    this.failed.catch(() => {})
    this.delivery = new Delivery({
      ...options,
      onFailed: error => reject(error),
      onSettled: (position, transactions) => {
        this.named = position
        options.onSettled(position, transactions)
      }
    })
    this.processor = options.processorFor(this.delivery.writer)
    this.nameState(this.passed)
  }

  schema(table: Table): void {
    this.guard(() => this.processor.schema(table))
  }

  refreshStart(table: Table): void {
    this.guard(() => this.processor.refreshStart(table))
  }

  refreshEnd(table: Table): void {
    this.guard(() => this.processor.refreshEnd(table))
  }

  begin(transaction: TransactionContext): void {
    this.context = transaction
    this.operations = 0
    this.delivery.writer.begin(transaction)
    this.guard(() => this.processor.begin(transaction))
  }

  operation(operation: Operation): void {
    const { delivery } = this
    if (delivery.hasFailed) return
    this.operations++
    delivery.writer.at(operation.ordinal)
    try {
      this.processor.process(operation)
    } catch (error) {
      delivery.fail(error)
    }
    if (delivery.writer.bytes > flushBytes) delivery.flushSoon()
  }

  commit(position: PositionBytes): void {
    const context = this.context
    if (context !== null) this.guard(() => this.processor.commit(context))
    this.context = null
    this.counters.transactions++
    this.counters.operations += this.operations
    if (position.length > 0) this.passed = position
    if (this.delivery.writer.commit(position, this.operations)) this.delivery.flushSoon()
  }

  /** Ends a unit: a State entry with its position, in the same append as the unit's transactions. */
  unit(position: PositionBytes): void {
    if (this.delivery.hasFailed) return
    this.passed = position
    this.nameState(position)
  }

  idle(position: PositionBytes): void {
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

  /** Ends a first copy: the last State entry says that it is whole, and that mirroring begins after `position`. */
  finishRefresh(position: PositionBytes): void {
    this.delivery.writer.state(position, this.options.now() * 1000, false)
    this.delivery.flushSoon()
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

  get epoch(): number {
    return this.ownership.epoch
  }
}
