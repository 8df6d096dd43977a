import type { Operation } from '@tidemark/schemas/operation.ts'
import type { Tuple } from '@tidemark/schemas/tuple.ts'
import type { TableFormat } from '../format.ts'
import type { BuiltInProcessor, SinkOutput } from '../processor.ts'
import { TableProcessor } from '../table-processor.ts'
import type { HeaderBlock } from '../record-sink.ts'
import { keyDiffers } from '../table-key.ts'
import { AlteredOperation } from './altered-operation.ts'
import type { PlacingSink } from './placing-sink.ts'
import type { Enrichment } from '../enrichment/enrichment.ts'
import type { Projection } from './projection.ts'
import type { RowCondition } from './row-condition.ts'

export interface TableOutputOptions {
  processor: BuiltInProcessor
  /** Writes keys of this output; null: its records have none. */
  keyFormat: TableFormat | null
  enrichment: Enrichment | null
  condition: RowCondition | null
  projection: Projection | null
  placing: PlacingSink | null
  /** Columns, as formats see them, that decide topic, partition or a header. */
  placeColumns: readonly number[]
  /** Outputs of one table with the same text make the same bytes, whatever their topic; null: no other output does. */
  sameBytes: string | null
}

/** One record stream of a table's operations: which rows, which columns, in which format, to which place. */
export class TableOutput {
  readonly keyFormat: TableFormat | null
  private readonly options: TableOutputOptions
  private readonly out: SinkOutput | null
  private readonly part = new AlteredOperation()

  constructor(options: TableOutputOptions) {
    this.options = options
    this.keyFormat = options.keyFormat
    this.out = options.placing === null ? null : { sink: options.placing }
  }

  /** Whether nothing but the processor is between operation and records. */
  get isPlain(): boolean {
    const { enrichment, condition, projection, placing } = this.options
    return enrichment === null && condition === null && projection === null && placing === null
  }

  /** What readers with keys need to know of the operation shaped last; null: nothing. */
  get protectionHeaders(): HeaderBlock | null {
    return this.options.placing?.protectionHeaders ?? null
  }

  get processor(): BuiltInProcessor {
    return this.options.processor
  }

  /** Sends its records to the topic of `other` as well, where they are the same bytes; false when they are not. */
  absorb(other: TableOutput): boolean {
    const { sameBytes, processor } = this.options
    if (sameBytes === null || sameBytes !== other.options.sameBytes) return false
    if (!(processor instanceof TableProcessor && other.processor instanceof TableProcessor)) return false
    processor.alsoTo(other.processor.topic)
    return true
  }

  /** What makes its records: an output that changes nothing about the operation needs no step of its own. */
  get step(): Pick<BuiltInProcessor, 'process'> {
    return this.isPlain ? this.options.processor : this
  }

  /** The operation as this output's format sees it; null when its row is not meant. Valid until the next call. */
  shape(operation: Operation): Operation | null {
    const { enrichment, condition, projection } = this.options
    const whole = enrichment === null ? operation : enrichment.of(operation)
    const meant = condition === null ? whole : condition.of(whole)
    if (meant === null || projection === null) return meant
    return projection.of(meant)
  }

  process(operation: Operation, out: SinkOutput): void {
    const shaped = this.shape(operation)
    if (shaped === null) return
    if (this.movesPlace(shaped)) {
      // What is at the old place would stay there for ever: the row leaves it and arrives at the new one.
      this.send(this.part.asDelete(shaped), out)
      this.send(this.part.asInsert(shaped), out)
    } else this.send(shaped, out)
  }

  private movesPlace(operation: Operation): boolean {
    const { placeColumns } = this.options
    if (placeColumns.length === 0 || operation.kind !== 'update') return false
    const { oldTuple, newTuple } = operation
    return (
      oldTuple !== null && knows(oldTuple, operation, placeColumns) && keyDiffers(placeColumns, oldTuple, newTuple!)
    )
  }

  private send(operation: Operation, out: SinkOutput): void {
    this.options.placing?.enter(operation)
    this.options.processor.process(operation, this.out ?? out)
  }
}

/** An image of the identity's columns alone does not tell the others. */
function knows(old: Tuple, operation: Operation, columns: readonly number[]): boolean {
  return !operation.beforeIsKeyOnly || columns.every(index => old.lengths[index]! >= 0)
}

/** A table with more than one output, or with one that is not plain. */
export class OutputsProcessor implements BuiltInProcessor {
  readonly name = 'outputs'
  private readonly processors: readonly Pick<BuiltInProcessor, 'process'>[]

  constructor(processors: readonly Pick<BuiltInProcessor, 'process'>[]) {
    this.processors = processors
  }

  process(operation: Operation, out: SinkOutput): void {
    const { processors } = this
    for (let index = 0; index < processors.length; index++) processors[index]!.process(operation, out)
  }
}
