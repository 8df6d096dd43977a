import type { Operation } from '@tidemark/schemas/operation.ts'
import { HeaderWriter } from '../header-block.ts'
import type { OutputProtection } from '../protection/column-protector.ts'
import type { HeaderBlock, RecordSink, Topic } from '../record-sink.ts'
import type { Placement } from './placement.ts'
import type { RecordHeaders } from './record-headers.ts'

export interface PlacingSinkOptions {
  sink: RecordSink
  placement: Placement | null
  headers: RecordHeaders | null
  protection: OutputProtection | null
}

/** The sink of an output that states its own topic, partition or headers: adds them to what the format wrote. */
export class PlacingSink implements RecordSink {
  private readonly options: PlacingSinkOptions
  private readonly writer = new HeaderWriter()
  private operation: Operation | null = null

  constructor(options: PlacingSinkOptions) {
    this.options = options
  }

  /** What readers with keys need to know of the operation shaped last; null: nothing. */
  get protectionHeaders(): HeaderBlock | null {
    return this.options.protection?.headers ?? null
  }

  /** The operation that the records which follow are of. */
  enter(operation: Operation): void {
    this.operation = operation
  }

  topic(name: string): Topic {
    return this.options.sink.topic(name)
  }

  append(
    topic: Topic,
    partition: number,
    key: Buffer | null,
    keyStart: number,
    keyEnd: number,
    value: Buffer | null,
    valueStart: number,
    valueEnd: number,
    headers: HeaderBlock | null
  ): void {
    const { sink, placement } = this.options
    const operation = this.operation!
    const into = placement === null ? topic : placement.topic(operation)
    const place = placement === null ? partition : placement.partition(operation)
    const all = this.allHeaders(operation, headers)
    sink.append(into, place, key, keyStart, keyEnd, value, valueStart, valueEnd, all)
  }

  private allHeaders(operation: Operation, given: HeaderBlock | null): HeaderBlock | null {
    const { headers, protection } = this.options
    const ofKeys = protection?.headers ?? null
    if (headers === null && ofKeys === null) return given
    this.writer.clear()
    if (given !== null) this.writer.addAll(given)
    headers?.write(operation, this.writer)
    if (ofKeys !== null) this.writer.addAll(ofKeys)
    return this.writer.count === 0 ? null : this.writer
  }
}
