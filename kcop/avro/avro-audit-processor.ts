import type { Operation } from '@tidemark/schemas/operation.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import type { Tuple } from '@tidemark/schemas/tuple.ts'
import type { TableFormat, Telling } from '../format.ts'
import type { BuiltInProcessor, SinkOutput } from '../processor.ts'
import { BY_KEY, type RecordSink, type Topic } from '../record-sink.ts'
import type { Scratch } from '../scratch.ts'
import { oldKeyNotSent } from '../table-key.ts'

export interface AvroAuditOptions {
  table: Table
  topic: Topic
  format: TableFormat
  /** Indexes of the record key's columns; empty makes keyless records. */
  key: readonly number[]
  isSingle: boolean
  keyScratch: Scratch
  valueScratch: Scratch
}

/** Which records the operations of an audited table become: as the JSON audit rows (formats/audit.ts), in Avro. */
export class AvroAuditProcessor implements BuiltInProcessor {
  readonly name = 'audit-avro'
  private readonly options: AvroAuditOptions

  constructor(options: AvroAuditOptions) {
    this.options = options
  }

  process(operation: Operation, out: SinkOutput): void {
    switch (operation.kind) {
      case 'insert':
        this.record('row', operation, out.sink)
        return
      case 'update':
        if (!this.options.isSingle) this.record('removal', operation, out.sink)
        this.record('row', operation, out.sink)
        return
      case 'delete':
        this.record('removal', operation, out.sink)
        return
      case 'truncate':
      case 'message':
        return
    }
  }

  private record(telling: Telling, operation: Operation, sink: RecordSink): void {
    const { topic, format, keyScratch, valueScratch } = this.options
    valueScratch.length = 0
    const headers = format.value(operation, telling, valueScratch)
    const key = this.key(telling, operation)
    sink.append(topic, BY_KEY, key, 0, keyScratch.length, valueScratch.bytes, 0, valueScratch.length, headers)
  }

  private key(telling: Telling, { oldTuple, newTuple }: Operation): Buffer | null {
    const { format, key, keyScratch } = this.options
    keyScratch.length = 0
    if (key.length === 0) return null
    if (telling === 'removal' && oldTuple !== null && knows(oldTuple, key)) format.key(oldTuple, null, keyScratch)
    else if (newTuple === null) throw oldKeyNotSent(this.options.table)
    else format.key(newTuple, oldTuple, keyScratch)
    return keyScratch.bytes
  }
}

/** Key columns that the server did not send of the row before are those after. */
function knows(image: Tuple, key: readonly number[]): boolean {
  return key.every(index => image.lengths[index]! >= 0)
}
