import { NULL_BRANCH, VALUE_BRANCH } from '../../avro/avro-type.ts'
import type { Operation } from '@tidemark/schemas/operation.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import type { Tuple } from '@tidemark/schemas/tuple.ts'
import { writeSchemaId } from '../../avro/avro-format.ts'
import type { Format, TableFormat, Telling } from '../../format.ts'
import { HeaderWriter } from '../../header-block.ts'
import type { HeaderBlock } from '../../record-sink.ts'
import { untilKnown, type RegisteredSchema, type SchemaRegistry } from '../../registry/schema-registry.ts'
import { subjectOf, type SubjectStrategy } from '../../registry/subject.ts'
import { Scratch } from '../../scratch.ts'
import { keyDiffers } from '../../table-key.ts'
import { keyNotSent } from '../json.ts'
import { unchangedColumns, unknownColumns } from '../unsent-columns.ts'
import { ConnectEvent, envelopeSchema } from './connect-event.ts'
import { adjustedName, ConnectRecord } from './connect-record.ts'
import { opOf, type DebeziumOptions } from './debezium.ts'
import { EventOrders } from './event-blocks.ts'
import type { Op } from './event-stamp.ts'

export interface DebeziumAvroOptions extends DebeziumOptions {
  registry: Pick<SchemaRegistry, 'entry'>
  subjects: SubjectStrategy
}

const newKeyHeader = Buffer.from('__debezium.newkey')
const oldKeyHeader = Buffer.from('__debezium.oldkey')

/**
 * Debezium's envelope in Avro, in the Confluent wire format, with the schemas that its connector and Confluent's
 * AvroConverter make together, so that consumers and sinks of those read it. docs/debezium.md lists the differences.
 */
export function debeziumAvroFormat(options: DebeziumAvroOptions): Format {
  const orders = new EventOrders()
  return {
    name: 'debezium-avro',
    compile: (table, key, topic) => new DebeziumAvroTableFormat(table, key, topic, options, orders)
  }
}

class DebeziumAvroTableFormat implements TableFormat {
  private readonly table: Table
  private readonly keyIndexes: readonly number[]
  private readonly image: ConnectRecord
  private readonly keyImage: ConnectRecord
  private readonly event: ConnectEvent
  private readonly keyEntry: RegisteredSchema | null
  private readonly valueEntry: RegisteredSchema
  private readonly unchanged
  private readonly unknown
  private readonly headers = new HeaderWriter()
  private readonly otherKey = new Scratch()

  constructor(table: Table, key: readonly number[], topic: string, options: DebeziumAvroOptions, orders: EventOrders) {
    const { registry, subjects, decimals, prefix } = options
    const namespace = [prefix, table.schema, table.name]
      .flatMap(part => part.split('.'))
      .map(adjustedName)
      .join('.')
    this.table = table
    this.keyIndexes = key
    this.image = new ConnectRecord(table, [...table.columns.keys()], { namespace, name: 'Value' }, decimals)
    this.keyImage = new ConnectRecord(table, key, { namespace, name: 'Key' }, decimals)
    this.event = new ConnectEvent(options, table, orders)
    const entry = (part: 'key' | 'value', name: string, schema: object): RegisteredSchema =>
      registry.entry(subjectOf(subjects, topic, part, name), JSON.stringify(schema))
    this.keyEntry = key.length === 0 ? null : entry('key', this.keyImage.fullName, this.keyImage.schema)
    const envelope = envelopeSchema(namespace, this.image.schema, this.image.fullName)
    this.valueEntry = entry('value', `${namespace}.Envelope`, envelope)
    this.unchanged = unchangedColumns(table)
    this.unknown = unknownColumns(table, {})
  }

  ready(): Promise<void> | null {
    return untilKnown(this.keyEntry, this.valueEntry)
  }

  key(image: Tuple, old: Tuple | null, into: Scratch): void {
    writeSchemaId(this.keyEntry!, into)
    if (this.keyImage.writeKey(image, old, into) > 0) throw keyNotSent(this.table)
  }

  value(operation: Operation, telling: Telling, into: Scratch): HeaderBlock | null {
    writeSchemaId(this.valueEntry, into)
    return telling === 'row' ? this.row(operation, into) : this.removed(operation, into)
  }

  tombstone(operation: Operation): HeaderBlock | null {
    if (operation.kind !== 'update') return null
    this.headers.clear()
    this.addKey(newKeyHeader, operation.newTuple!, operation.oldTuple)
    return this.headers
  }

  private row(operation: Operation, into: Scratch): HeaderBlock | null {
    const { newTuple, oldTuple, beforeIsKeyOnly } = operation
    const moved = oldTuple !== null && keyDiffers(this.keyIndexes, oldTuple, newTuple!)
    const op = opOf(operation, moved)
    this.optional(op === 'u' && !beforeIsKeyOnly ? oldTuple : null, into)
    const unchanged = this.optional(newTuple, into)
    this.event.write(op, operation, into)
    if (unchanged === 0 && !moved) return null
    this.headers.clear()
    if (moved) this.addKey(oldKeyHeader, oldTuple, null)
    if (unchanged > 0) this.headers.addAll(this.unchanged.of(newTuple!))
    return this.headers
  }

  private removed(operation: Operation, into: Scratch): HeaderBlock | null {
    const { oldTuple, newTuple, beforeIsKeyOnly } = operation
    const op: Op = 'd'
    this.optional(oldTuple, into)
    this.optional(null, into)
    this.event.write(op, operation, into)
    if (newTuple === null && !beforeIsKeyOnly) return null
    this.headers.clear()
    if (newTuple !== null) this.addKey(newKeyHeader, newTuple, oldTuple)
    if (beforeIsKeyOnly) this.headers.addAll(this.unknown.of(oldTuple!))
    return this.headers
  }

  private optional(image: Tuple | null, into: Scratch): number {
    into.room(1)[into.length++] = image === null ? NULL_BRANCH : VALUE_BRANCH
    return image === null ? 0 : this.image.write(image, into)
  }

  /** The other key of a change of the key, as the record key is; nothing when a column of it is not known. */
  private addKey(name: Buffer, image: Tuple, old: Tuple | null): void {
    const { otherKey } = this
    otherKey.length = 0
    writeSchemaId(this.keyEntry!, otherKey)
    if (this.keyImage.writeKey(image, old, otherKey) > 0) return
    this.headers.add(name, otherKey.bytes, 0, otherKey.length)
  }
}
