import type { Operation } from '@tidemark/schemas/operation.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import type { Tuple } from '@tidemark/schemas/tuple.ts'
import type { TableFormat } from './format.ts'
import type { BuiltInProcessor, SinkOutput } from './processor.ts'
import { BY_KEY, type RecordSink, type Topic } from './record-sink.ts'
import type { Deletes } from './rules.ts'
import type { Scratch } from './scratch.ts'
import { keyDiffers, oldKeyNotSent, requireKeyOf } from './table-key.ts'

export interface TableProcessorOptions {
  table: Table
  topic: Topic
  format: TableFormat
  /** Indexes of the record key's columns; empty makes keyless records. */
  key: readonly number[]
  deletes: Deletes
  /** Shared by all tables: only what is being written is in them. */
  keyScratch: Scratch
  valueScratch: Scratch
}

/**
 * The default processor of one version of a table. Insert and update: key and after image. Delete: what `deletes` says,
 * under the old key. An update that changes the key: what a delete of the old key would be, then the row under the new
 * one. Truncates make no record: see TruncateAnnotation. Nothing is made per row but bytes.
 */
export class TableProcessor implements BuiltInProcessor {
  readonly name = 'table'
  private readonly options: TableProcessorOptions
  /** Further topics that get the same records; null: none. */
  private further: Topic[] | null = null

  constructor(options: TableProcessorOptions) {
    this.options = options
  }

  get topic(): Topic {
    return this.options.topic
  }

  /** Every operation makes the same records again for `topic`, behind those for the topics before it. */
  alsoTo(topic: Topic): void {
    this.further ??= []
    this.further.push(topic)
  }

  process(operation: Operation, out: SinkOutput): void {
    switch (operation.kind) {
      case 'insert':
        this.row(operation, out.sink)
        return
      case 'update':
        if (this.movesKey(operation)) this.move(operation, out.sink)
        else this.row(operation, out.sink)
        return
      case 'delete':
        this.delete(operation, out.sink)
        return
      case 'truncate':
      case 'message':
        return
    }
  }

  /** Topic by topic, so that a topic's records of the operation stand together; encoded for each, since moves are rare. */
  private move(operation: Operation, sink: RecordSink): void {
    const { further } = this
    const { topic } = this.options
    this.removal(operation, operation.oldTuple!, topic, sink)
    this.rowTo(topic, operation, sink)
    if (further === null) return
    for (let index = 0; index < further.length; index++) {
      this.removal(operation, operation.oldTuple!, further[index]!, sink)
      this.rowTo(further[index]!, operation, sink)
    }
  }

  private delete(operation: Operation, sink: RecordSink): void {
    const { further } = this
    const { topic, deletes, table } = this.options
    if (deletes === 'none') return
    if (operation.oldTuple === null) throw oldKeyNotSent(table)
    this.removal(operation, operation.oldTuple, topic, sink)
    if (further === null) return
    for (let index = 0; index < further.length; index++) {
      this.removal(operation, operation.oldTuple, further[index]!, sink)
    }
  }

  private movesKey(operation: Operation): boolean {
    const { oldTuple, newTuple } = operation
    if (oldTuple === null || newTuple === null || this.options.deletes === 'none') return false
    return keyDiffers(this.options.key, oldTuple, newTuple)
  }

  /** The row for every topic: encoded once, since key, value and headers stay where they are until the next row. */
  private row(operation: Operation, sink: RecordSink): void {
    const { format, topic, keyScratch, valueScratch } = this.options
    const { further } = this
    const key = this.keyOf(operation.newTuple!, operation.oldTuple)
    valueScratch.length = 0
    const headers = format.value(operation, 'row', valueScratch)
    const keyEnd = keyScratch.length
    const valueEnd = valueScratch.length
    sink.append(topic, BY_KEY, key, 0, keyEnd, valueScratch.bytes, 0, valueEnd, headers)
    if (further === null) return
    for (let index = 0; index < further.length; index++) {
      sink.append(further[index]!, BY_KEY, key, 0, keyEnd, valueScratch.bytes, 0, valueEnd, headers)
    }
  }

  private rowTo(topic: Topic, operation: Operation, sink: RecordSink): void {
    const { format, keyScratch, valueScratch } = this.options
    const key = this.keyOf(operation.newTuple!, operation.oldTuple)
    valueScratch.length = 0
    const headers = format.value(operation, 'row', valueScratch)
    sink.append(topic, BY_KEY, key, 0, keyScratch.length, valueScratch.bytes, 0, valueScratch.length, headers)
  }

  private removal(operation: Operation, old: Tuple, topic: Topic, sink: RecordSink): void {
    const { table, key, deletes } = this.options
    if (operation.beforeIsKeyOnly) requireKeyOf(table, key, old)
    const keyBytes = this.keyOf(old, null)
    if (deletes === 'content' || deletes === 'both') this.content(operation, keyBytes, topic, sink)
    if (deletes === 'tombstone' || deletes === 'both') this.tombstone(operation, keyBytes, topic, sink)
  }

  private content(operation: Operation, key: Buffer | null, topic: Topic, sink: RecordSink): void {
    const { format, keyScratch, valueScratch } = this.options
    valueScratch.length = 0
    const headers = format.value(operation, 'removal', valueScratch)
    sink.append(topic, BY_KEY, key, 0, keyScratch.length, valueScratch.bytes, 0, valueScratch.length, headers)
  }

  private tombstone(operation: Operation, key: Buffer | null, topic: Topic, sink: RecordSink): void {
    const { format, keyScratch } = this.options
    const headers = format.tombstone?.(operation) ?? null
    sink.append(topic, BY_KEY, key, 0, keyScratch.length, null, 0, 0, headers)
  }

  private keyOf(image: Tuple, old: Tuple | null): Buffer | null {
    const { format, key, keyScratch } = this.options
    keyScratch.length = 0
    if (key.length === 0) return null
    format.key(image, old, keyScratch)
    return keyScratch.bytes
  }
}
