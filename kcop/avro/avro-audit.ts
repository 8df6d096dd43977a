import type { Operation, TransactionContext } from '@tidemark/schemas/operation.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import { NULL_LENGTH, Tuple, UNCHANGED_LENGTH } from '@tidemark/schemas/tuple.ts'
import type { Format, TableFormat, Telling } from '../format.ts'
import { requireNoJournalColumn } from '../formats/audit.ts'
import { insertEntry, isoMicroseconds, type EntryType } from '../formats/journal.ts'
import { keyNotSent } from '../formats/json.ts'
import { unchangedColumns, unknownColumns } from '../formats/unsent-columns.ts'
import { HeaderWriter } from '../header-block.ts'
import type { HeaderBlock } from '../record-sink.ts'
import { untilKnown, type RegisteredSchema } from '../registry/schema-registry.ts'
import { subjectOf } from '../registry/subject.ts'
import { Scratch } from '../scratch.ts'
import { oldKeyNotSent } from '../table-key.ts'
import { writeString } from './avro-column.ts'
import { tableSchemas, writeSchemaId, type AvroOptions } from './avro-format.ts'
import { writeLong } from './avro-long.ts'
import type { AvroRecord } from './avro-record.ts'
import { NULL_BRANCH, VALUE_BRANCH, type AvroSchema } from './avro-type.ts'

/** As in the JSON audit rows: docs/records.md, "Audit". */
const journalFields: readonly AvroSchema[] = [
  { name: 'A_ENTTYP', type: 'string' },
  { name: 'A_TIMSTAMP', type: 'string' },
  { name: 'A_CCID', type: 'string' },
  { name: 'A_SEQNO', type: 'long' }
]

/**
 * Audit rows in Avro, in the Confluent wire format: `audit-avro` has the columns and behind them the journal columns,
 * `audit-single-avro` both images as records. AvroAuditProcessor says which images make which records.
 */
export function avroAuditFormats(options: AvroOptions): Format[] {
  return [
    { name: 'audit-avro', compile: (table, key, topic) => new AvroAuditTable(table, key, topic, options, false) },
    { name: 'audit-single-avro', compile: (table, key, topic) => new AvroAuditTable(table, key, topic, options, true) }
  ]
}

class AvroAuditTable implements TableFormat {
  private readonly table: Table
  private readonly keyIndexes: readonly number[]
  private readonly isSingle: boolean
  private readonly image: AvroRecord
  private readonly keyImage: AvroRecord | null
  private readonly keyEntry: RegisteredSchema | null
  private readonly valueEntry: RegisteredSchema
  private readonly unchanged
  private readonly unknown
  private readonly headers = new HeaderWriter()
  /** The key's columns of an image of which the server sent nothing else. */
  private readonly keyOnly: Tuple
  private readonly shared = new Scratch()
  private transaction: TransactionContext | null = null

  /** Throws ROW_UNSUITABLE when a column has the name of a journal column, but for single records. */
  constructor(table: Table, key: readonly number[], topic: string, options: AvroOptions, isSingle: boolean) {
    if (!isSingle) requireNoJournalColumn(table)
    const { key: keyImage, keySubject, value } = tableSchemas(table, key, topic, options)
    const schema = isSingle ? singleSchema(value.schema) : flatSchema(value.schema)
    const subject = subjectOf(options.subjects, topic, 'value', `${schema.namespace}.${schema.name}`)
    this.table = table
    this.keyIndexes = key
    this.isSingle = isSingle
    this.image = value
    this.keyImage = keyImage
    this.keyEntry = keyImage === null ? null : options.registry.entry(keySubject, JSON.stringify(keyImage.schema))
    this.valueEntry = options.registry.entry(subject, JSON.stringify(schema))
    this.unchanged = unchangedColumns(table)
    this.unknown = unknownColumns(table, {})
    this.keyOnly = new Tuple(table.columns.length)
  }

  ready(): Promise<void> | null {
    return untilKnown(this.keyEntry, this.valueEntry)
  }

  key(image: Tuple, old: Tuple | null, into: Scratch): void {
    writeSchemaId(this.keyEntry!, into)
    if (this.keyImage!.writeKey(image, old, into) > 0) throw keyNotSent(this.table)
  }

  /** `row`: the image after, `removal`: the one before; a single record has both whatever is asked for. */
  value(operation: Operation, telling: Telling, into: Scratch): HeaderBlock | null {
    this.headers.clear()
    writeSchemaId(this.valueEntry, into)
    if (this.isSingle) this.both(operation, into)
    else if (telling === 'row') this.after(operation, into)
    else this.before(operation, into)
    this.journal(entryOf(operation, this.isSingle ? 'row' : telling), operation, into)
    return this.headers.count === 0 ? null : this.headers
  }

  private both(operation: Operation, into: Scratch): void {
    into.room(1)[into.length++] = operation.kind === 'insert' ? NULL_BRANCH : VALUE_BRANCH
    if (operation.kind !== 'insert') this.before(operation, into)
    into.room(1)[into.length++] = operation.kind === 'delete' ? NULL_BRANCH : VALUE_BRANCH
    if (operation.kind !== 'delete') this.after(operation, into)
  }

  private after({ newTuple }: Operation, into: Scratch): void {
    if (this.image.write(newTuple!, into) > 0) this.headers.addAll(this.unchanged.of(newTuple!))
  }

  private before(operation: Operation, into: Scratch): void {
    const { oldTuple, newTuple, beforeIsKeyOnly } = operation
    if (oldTuple === null && newTuple === null) throw oldKeyNotSent(this.table)
    const image = oldTuple ?? this.keyOf(newTuple!)
    const left = this.image.write(image, into, oldTuple === null || beforeIsKeyOnly ? NULL_LENGTH : UNCHANGED_LENGTH)
    if (left > 0) this.headers.addAll(this.unknown.of(image))
  }

  /** The server sends no old row when no identity column changed: the key before is the key after. */
  private keyOf(image: Tuple): Tuple {
    const { keyOnly } = this
    keyOnly.bytes = image.bytes
    keyOnly.count = image.count
    keyOnly.lengths.fill(NULL_LENGTH)
    for (const index of this.keyIndexes) {
      if (image.lengths[index] === UNCHANGED_LENGTH) throw keyNotSent(this.table)
      keyOnly.starts[index] = image.starts[index]!
      keyOnly.lengths[index] = image.lengths[index]!
    }
    return keyOnly
  }

  private journal(entry: EntryType, { transaction, ordinal }: Operation, into: Scratch): void {
    if (transaction !== this.transaction) this.enter(transaction)
    // Length 2 and two letters.
    const bytes = into.room(3)
    bytes[into.length++] = 4
    bytes[into.length++] = entry.charCodeAt(0)
    bytes[into.length++] = entry.charCodeAt(1)
    into.append(this.shared.bytes, 0, this.shared.length)
    writeLong(ordinal, into)
  }

  private enter(transaction: TransactionContext): void {
    this.transaction = transaction
    this.shared.length = 0
    for (const text of [isoMicroseconds(transaction.commitTime), transaction.sourceId]) {
      const bytes = Buffer.from(text)
      writeString(bytes, 0, bytes.length, this.shared)
    }
  }
}

function entryOf(operation: Operation, telling: Telling): EntryType {
  if (operation.kind === 'insert') return insertEntry(operation)
  if (operation.kind === 'delete') return 'DL'
  return telling === 'row' ? 'UP' : 'UB'
}

interface RecordSchema {
  readonly name: string
  readonly namespace: string
  readonly fields: readonly AvroSchema[]
}

function flatSchema(row: AvroRecord['schema']): RecordSchema & { type: 'record' } {
  const { name, namespace, fields } = row as unknown as RecordSchema
  return { type: 'record', name: `${name}Audit`, namespace, fields: [...fields, ...journalFields] }
}

function singleSchema(row: AvroRecord['schema']): RecordSchema & { type: 'record' } {
  const { name, namespace } = row as unknown as RecordSchema
  const images = [
    { name: 'beforeImage', type: ['null', row], default: null },
    { name: 'afterImage', type: ['null', `${namespace}.${name}`], default: null }
  ]
  return { type: 'record', name: `${name}AuditRecord`, namespace, fields: [...images, ...journalFields] }
}
