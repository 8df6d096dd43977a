import type { Operation } from '@tidemark/schemas/operation.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { NULL_LENGTH, type Tuple } from '@tidemark/schemas/tuple.ts'
import type { Format, TableFormat, Telling } from '../format.ts'
import { keyNotSent } from '../formats/json.ts'
import { removalHeaders, unchangedColumns, unknownColumns } from '../formats/unsent-columns.ts'
import { fixedHeaders } from '../header-block.ts'
import type { HeaderBlock } from '../record-sink.ts'
import { untilKnown, type RegisteredSchema, type SchemaRegistry } from '../registry/schema-registry.ts'
import { subjectOf, type SubjectStrategy } from '../registry/subject.ts'
import type { Scratch } from '../scratch.ts'
import { avroName, avroNamespace } from './avro-name.ts'
import { AvroRecord } from './avro-record.ts'

export interface AvroOptions {
  registry: Pick<SchemaRegistry, 'entry'>
  subjects: SubjectStrategy
  /** First part of the namespace of its records: the subscription. */
  namespace: string
}

/**
 * Avro in the Confluent wire format: a zero byte, the schema's id in four bytes, the record. The value has every column as
 * a union with null; the key has the columns of the table's own key without null.
 */
export function avroFormat(options: AvroOptions): Format {
  return { name: 'avro', compile: (table, key, topic) => new AvroTableFormat(table, key, topic, options) }
}

/** The schemas of a table's records, as `avroFormat` registers them. */
export interface TableSchemas {
  key: AvroRecord | null
  keySubject: string
  value: AvroRecord
  valueSubject: string
}

export function tableSchemas(
  table: Table,
  key: readonly number[],
  topic: string,
  { subjects, namespace }: Pick<AvroOptions, 'subjects' | 'namespace'>
): TableSchemas {
  const name = avroName(table.name)
  const space = avroNamespace(namespace, table.schema)
  const names = (suffix: string): { namespace: string; name: string } => ({
    namespace: space,
    name: `${name}${suffix}`
  })
  const all = [...table.columns.keys()]
  return {
    value: new AvroRecord(table, all, names(''), () => true),
    valueSubject: subjectOf(subjects, topic, 'value', `${space}.${name}`),
    key: key.length === 0 ? null : new AvroRecord(table, key, names('Key'), index => !table.keyColumns.includes(index)),
    keySubject: subjectOf(subjects, topic, 'key', `${space}.${name}Key`)
  }
}

class AvroTableFormat implements TableFormat {
  private readonly table: Table
  private readonly schemas: TableSchemas
  private readonly keyEntry: RegisteredSchema | null
  private readonly valueEntry: RegisteredSchema
  private readonly unchanged
  private readonly unknown
  private readonly removal = fixedHeaders(removalHeaders)

  constructor(table: Table, key: readonly number[], topic: string, options: AvroOptions) {
    this.table = table
    this.schemas = tableSchemas(table, key, topic, options)
    const { key: keyRecord, keySubject, value, valueSubject } = this.schemas
    const { registry } = options
    this.keyEntry = keyRecord === null ? null : registry.entry(keySubject, JSON.stringify(keyRecord.schema))
    this.valueEntry = registry.entry(valueSubject, JSON.stringify(value.schema))
    this.unchanged = unchangedColumns(table)
    this.unknown = unknownColumns(table, removalHeaders)
  }

  ready(): Promise<void> | null {
    return untilKnown(this.keyEntry, this.valueEntry)
  }

  key(image: Tuple, old: Tuple | null, into: Scratch): void {
    writeSchemaId(this.keyEntry!, into)
    if (this.schemas.key!.writeKey(image, old, into) > 0) throw keyNotSent(this.table)
  }

  value(operation: Operation, telling: Telling, into: Scratch): HeaderBlock | null {
    writeSchemaId(this.valueEntry, into)
    return telling === 'row' ? this.row(operation, into) : this.removed(operation, into)
  }

  private row(operation: Operation, into: Scratch): HeaderBlock | null {
    const image = operation.newTuple!
    return this.schemas.value.write(image, into) === 0 ? null : this.unchanged.of(image)
  }

  private removed(operation: Operation, into: Scratch): HeaderBlock {
    const image = operation.oldTuple!
    if (!operation.beforeIsKeyOnly) {
      this.schemas.value.write(image, into)
      return this.removal
    }
    this.schemas.value.write(image, into, NULL_LENGTH)
    return this.unknown.of(image)
  }
}

/** Confluent's wire format: magic byte 0, schema id as a big-endian 32-bit number. */
export function writeSchemaId({ id, subject }: RegisteredSchema, into: Scratch): void {
  if (id < 0)
    throw new TidemarkError('INTERNAL', { message: `a record came before the schema id of subject ${subject}` })
  const bytes = into.room(5)
  const at = into.length
  bytes[at] = 0
  bytes[at + 1] = id >>> 24
  bytes[at + 2] = id >>> 16
  bytes[at + 3] = id >>> 8
  bytes[at + 4] = id
  into.length = at + 5
}
