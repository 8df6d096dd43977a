import type { CollectingSink } from '@tidemark/kcop/display/collecting-sink.ts'
import type { OperationRecorder } from '@tidemark/kcop/display/operation-recorder.ts'
import type { Producer } from '@tidemark/kcop/producer.ts'
import type { Operation, TransactionContext } from '@tidemark/schemas/operation.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import type { PositionBytes } from '@tidemark/schemas/position.ts'
import type { TransactionReceiver } from '../source.ts'
import type { PreviewPrinter } from './preview-printer.ts'
import { shownRecord, type RecordShow, type ShownRecord } from './shown-record.ts'

export interface PreviewReceiverOptions {
  producer: Producer
  sink: CollectingSink
  show: RecordShow
  printer: PreviewPrinter
  /** Writes the operations shown down as well; null: nobody does. */
  recorder: OperationRecorder | null
  /** File of the processor of a table or queue; null: none. */
  processorOf(operation: Operation): string | null
  /** Which operations are shown. */
  isWanted(operation: Operation): boolean
  /** Called once, with what stopped the producer; nothing is shown any more. */
  onFailed(error: unknown): void
  /** A transaction of which something was shown is whole. */
  onTransaction(position: PositionBytes): void
  /** What the source need not keep. */
  onPassed(position: PositionBytes): void
}

/** Takes what a source reads as the agent does, and shows the records instead of sending them. */
export class PreviewReceiver implements TransactionReceiver {
  private readonly options: PreviewReceiverOptions
  private context: TransactionContext | null = null
  private taken = 0
  private failed = false

  constructor(options: PreviewReceiverOptions) {
    this.options = options
  }

  schema(table: Table): void {
    this.guard(() => this.options.producer.schema(table))
  }

  begin(transaction: TransactionContext): void {
    this.context = transaction
    this.taken = 0
    this.guard(() => this.options.producer.begin(transaction))
  }

  operation(operation: Operation): void {
    const { isWanted, producer, printer, recorder, processorOf } = this.options
    if (!isWanted(operation)) return this.guard(() => producer.follow(operation))
    this.guard(() => {
      if (this.taken++ === 0) this.first(this.context!)
      // Before it is processed: what stops the producer is worth having.
      recorder?.operation(operation)
      producer.process(operation)
      printer.operation(operation, this.take(processorOf(operation)))
    })
  }

  commit(position: PositionBytes): void {
    const { producer, sink, printer, recorder, onTransaction, onPassed } = this.options
    this.guard(() => {
      producer.commit(this.context!)
      const annotations = sink.takeAnnotations()
      const parked = sink.takeParked()
      const records = this.take(null)
      if (this.taken > 0) printer.end(records, annotations, parked)
      onPassed(position)
      if (this.taken === 0) return
      recorder?.commit()
      onTransaction(position)
    })
  }

  idle(position: PositionBytes): void {
    this.options.onPassed(position)
  }

  private first(transaction: TransactionContext): void {
    this.options.printer.transaction(transaction)
    this.options.recorder?.begin(transaction)
  }

  private take(processor: string | null): ShownRecord[] {
    const { sink, show } = this.options
    return sink.take().map(record => shownRecord(record, processor, show))
  }

  private guard(act: () => void): void {
    if (this.failed) return
    try {
      act()
    } catch (error) {
      this.failed = true
      this.options.onFailed(error)
    }
  }
}
