import type { Operation } from '@tidemark/schemas/operation.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { HeaderWriter } from '../header-block.ts'
import type { BuiltInProcessor, SinkOutput } from '../processor.ts'
import { BY_KEY, type HeaderBlock, type RecordSink, type Topic } from '../record-sink.ts'
import type { Scratch } from '../scratch.ts'
import { AuditImages } from './audit-images.ts'
import { insertEntry, Journal, journalColumns, type EntryType } from './journal.ts'

export interface AuditOptions {
  table: Table
  topic: Topic
  /** Indexes of the record key's columns; empty makes keyless records. */
  key: readonly number[]
  keyScratch: Scratch
  valueScratch: Scratch
}

const COMMA = 0x2c
const BRACE_OPEN = 0x7b
const BRACE_CLOSE = 0x7d
const beforeName = Buffer.from('"beforeImage":')
const afterName = Buffer.from('"afterImage":')
const nullBytes = Buffer.from('null')

/**
 * `format: audit`: each record has the columns of the row and the journal columns, flat. An update is two records, before
 * (under the old key) and after. Every operation leaves its trace: nothing becomes a tombstone.
 */
export class AuditProcessor implements BuiltInProcessor {
  readonly name = 'audit'
  private readonly options: AuditOptions
  private readonly images: AuditImages
  private readonly journal = new Journal()

  /** Throws ROW_UNSUITABLE when the table has a column named like a journal column. */
  constructor(options: AuditOptions) {
    requireNoJournalColumn(options.table)
    this.options = options
    this.images = new AuditImages(options.table, options.key)
  }

  process(operation: Operation, out: SinkOutput): void {
    switch (operation.kind) {
      case 'insert':
        this.after(insertEntry(operation), operation, out.sink)
        return
      case 'update':
        this.before('UB', operation, out.sink)
        this.after('UP', operation, out.sink)
        return
      case 'delete':
        this.before('DL', operation, out.sink)
        return
      case 'truncate':
      case 'message':
        return
    }
  }

  private before(entry: EntryType, operation: Operation, sink: RecordSink): void {
    const { valueScratch, keyScratch } = this.options
    begin(valueScratch)
    const headers = this.images.writeBefore(operation, valueScratch)
    this.end(entry, operation)
    append(this.options, this.images.keyBefore(operation, keyScratch), headers, sink)
  }

  private after(entry: EntryType, operation: Operation, sink: RecordSink): void {
    const { valueScratch, keyScratch } = this.options
    begin(valueScratch)
    const headers = this.images.writeAfter(operation, valueScratch)
    this.end(entry, operation)
    append(this.options, this.images.keyAfter(operation, keyScratch), headers, sink)
  }

  private end(entry: EntryType, operation: Operation): void {
    const { valueScratch } = this.options
    if (valueScratch.length > 1) put(COMMA, valueScratch)
    this.journal.write(entry, operation, valueScratch)
    put(BRACE_CLOSE, valueScratch)
  }
}

/** `format: audit-single`: one record with `beforeImage` and `afterImage`, null where there is none, and the journal. */
export class AuditSingleProcessor implements BuiltInProcessor {
  readonly name = 'audit-single'
  private readonly options: AuditOptions
  private readonly images: AuditImages
  private readonly journal = new Journal()
  private readonly joined = new HeaderWriter()

  constructor(options: AuditOptions) {
    this.options = options
    this.images = new AuditImages(options.table, options.key)
  }

  process(operation: Operation, out: SinkOutput): void {
    switch (operation.kind) {
      case 'insert':
        this.record(insertEntry(operation), operation, out.sink)
        return
      case 'update':
        this.record('UP', operation, out.sink)
        return
      case 'delete':
        this.record('DL', operation, out.sink)
        return
      case 'truncate':
      case 'message':
        return
    }
  }

  private record(entry: EntryType, operation: Operation, sink: RecordSink): void {
    const { valueScratch, keyScratch } = this.options
    begin(valueScratch)
    const before = this.before(operation)
    put(COMMA, valueScratch)
    const after = this.after(operation)
    put(COMMA, valueScratch)
    this.journal.write(entry, operation, valueScratch)
    put(BRACE_CLOSE, valueScratch)
    const keyed =
      operation.kind === 'delete'
        ? this.images.keyBefore(operation, keyScratch)
        : this.images.keyAfter(operation, keyScratch)
    append(this.options, keyed, this.join(before, after), sink)
  }

  private before(operation: Operation): HeaderBlock | null {
    const { valueScratch } = this.options
    valueScratch.append(beforeName, 0, beforeName.length)
    if (operation.kind === 'insert') return putNull(valueScratch)
    put(BRACE_OPEN, valueScratch)
    const headers = this.images.writeBefore(operation, valueScratch)
    put(BRACE_CLOSE, valueScratch)
    return headers
  }

  private after(operation: Operation): HeaderBlock | null {
    const { valueScratch } = this.options
    valueScratch.append(afterName, 0, afterName.length)
    if (operation.kind === 'delete') return putNull(valueScratch)
    put(BRACE_OPEN, valueScratch)
    const headers = this.images.writeAfter(operation, valueScratch)
    put(BRACE_CLOSE, valueScratch)
    return headers
  }

  private join(before: HeaderBlock | null, after: HeaderBlock | null): HeaderBlock | null {
    if (before === null || after === null) return before ?? after
    this.joined.clear()
    this.joined.addAll(before)
    this.joined.addAll(after)
    return this.joined
  }
}

function begin(into: Scratch): void {
  into.length = 0
  put(BRACE_OPEN, into)
}

function put(byte: number, into: Scratch): void {
  into.room(1)[into.length++] = byte
}

function putNull(into: Scratch): null {
  into.append(nullBytes, 0, nullBytes.length)
  return null
}

function append(options: AuditOptions, keyed: boolean, headers: HeaderBlock | null, sink: RecordSink): void {
  const { topic, keyScratch, valueScratch } = options
  const key = keyed ? keyScratch.bytes : null
  sink.append(topic, BY_KEY, key, 0, keyScratch.length, valueScratch.bytes, 0, valueScratch.length, headers)
}

/** Throws ROW_UNSUITABLE. */
export function requireNoJournalColumn(table: Table): void {
  const clash = table.columns.find(column => (journalColumns as readonly string[]).includes(column.name))
  if (clash === undefined) return
  throw new TidemarkError('ROW_UNSUITABLE', {
    message: `column ${clash.name} of ${table.qualifiedName} has the name of a journal column of audit records`,
    cure: 'use `format: audit-single`, which keeps images and journal apart, or rename the column'
  })
}
