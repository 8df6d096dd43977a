import type { Operation, TransactionContext } from '@tidemark/schemas/operation.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import { writeString } from '../../avro/avro-column.ts'
import { writeBigLong, writeLong, writeLongText } from '../../avro/avro-long.ts'
import { NULL_BRANCH, VALUE_BRANCH, type AvroSchema } from '../../avro/avro-type.ts'
import { Scratch } from '../../scratch.ts'
import { lsnOf, writeLsn, type EventOrder, type EventOrders, type SourceNames } from './event-blocks.ts'
import type { Op } from './event-stamp.ts'

/** Branch 1 of `[null, x]`, and branch 0 of `[string, null]`, whose default is a string. */
const STRING_FIRST = 0

const sequenceEnd = Buffer.from('"]')

const optional = (name: string, type: AvroSchema): AvroSchema => ({ name, type: ['null', type], default: null })
const required = (name: string, type: AvroSchema): AvroSchema => ({ name, type })

const snapshot = {
  type: 'string',
  'connect.version': 1,
  'connect.parameters': {
    allowed: 'true,first,first_in_data_collection,last_in_data_collection,last,false,incremental'
  },
  'connect.default': 'false',
  'connect.name': 'io.debezium.data.Enum'
}

const source = {
  type: 'record',
  name: 'Source',
  namespace: 'io.debezium.connector.postgresql',
  fields: [
    required('version', 'string'),
    required('connector', 'string'),
    required('name', 'string'),
    required('ts_ms', 'long'),
    { name: 'snapshot', type: [snapshot, 'null'], default: 'false' },
    required('db', 'string'),
    optional('sequence', 'string'),
    optional('ts_us', 'long'),
    optional('ts_ns', 'long'),
    required('schema', 'string'),
    required('table', 'string'),
    optional('txId', 'long'),
    optional('lsn', 'long'),
    optional('xmin', 'long'),
    optional('origin', 'string'),
    optional('origin_lsn', 'long')
  ],
  'connect.version': 1,
  'connect.name': 'io.debezium.connector.postgresql.Source'
}

const block = {
  type: 'record',
  name: 'block',
  namespace: 'event',
  fields: [required('id', 'string'), required('total_order', 'long'), required('data_collection_order', 'long')],
  'connect.version': 1,
  'connect.name': 'event.block'
}

/** The schema of the envelope around the record `value`, as Confluent's AvroData makes it of Debezium's. */
export function envelopeSchema(namespace: string, value: { readonly [name: string]: unknown }, valueName: string) {
  return {
    type: 'record',
    name: 'Envelope',
    namespace,
    fields: [
      optional('before', value),
      optional('after', valueName),
      required('source', source),
      optional('transaction', block),
      required('op', 'string'),
      optional('ts_ms', 'long'),
      optional('ts_us', 'long'),
      optional('ts_ns', 'long')
    ],
    'connect.version': 2,
    'connect.name': `${namespace}.Envelope`
  }
}

/** Writes what follows the two images of an event: source, transaction, op and the times of its making. */
export class ConnectEvent {
  private readonly names: SourceNames & { now(): number }
  private readonly table: Table
  private readonly totalOrder: EventOrder
  private readonly tableOrder: EventOrder
  /** What is the same for all events of the table in a transaction: before, between and after the two places of the change. */
  private readonly head = new Scratch()
  private readonly middle = new Scratch()
  private readonly tail = new Scratch()
  /** The JSON text of `sequence`, up to the place of the change. */
  private sequence: Buffer = Buffer.alloc(0)
  private readonly digits = new Scratch()
  private transaction: TransactionContext | null = null

  constructor(names: SourceNames & { now(): number }, table: Table, orders: EventOrders) {
    this.names = names
    this.table = table
    this.totalOrder = orders.total
    this.tableOrder = orders.ofTable(table.qualifiedName)
  }

  write(op: Op, operation: Operation, into: Scratch): void {
    const { transaction } = operation
    if (transaction !== this.transaction) this.enter(transaction)
    into.append(this.head.bytes, 0, this.head.length)
    this.places(operation, into)
    into.append(this.tail.bytes, 0, this.tail.length)
    writeLong(this.totalOrder.next(transaction), into)
    writeLong(this.tableOrder.next(transaction), into)
    writeLong(1, into)
    into.room(1)[into.length++] = op.charCodeAt(0)
    const now = this.names.now()
    putOptional(BigInt(now), into)
    putOptional(BigInt(now) * 1_000n, into)
    putOptional(BigInt(now) * 1_000_000n, into)
  }

  /** From `sequence` to `lsn`. */
  private places(operation: Operation, into: Scratch): void {
    const { sequence, digits, middle } = this
    digits.length = 0
    writeLsn(operation, digits)
    writeLong(sequence.length + digits.length + sequenceEnd.length, into)
    into.append(sequence, 0, sequence.length)
    into.append(digits.bytes, 0, digits.length)
    into.append(sequenceEnd, 0, sequenceEnd.length)
    into.append(middle.bytes, 0, middle.length)
    into.room(1)[into.length++] = VALUE_BRANCH
    writeLongText(digits.bytes, 0, digits.length, into)
  }

  private enter(transaction: TransactionContext): void {
    this.transaction = transaction
    this.head.length = this.middle.length = this.tail.length = 0
    this.sequence = Buffer.from(`["${lsnOf(transaction)}","`)
    this.enterHead(transaction, this.head)
    this.enterMiddle(transaction, this.middle)
    this.enterTail(transaction, this.tail)
  }

  /** From `version` to the branch of `sequence`. */
  private enterHead({ commitTime, kind }: TransactionContext, into: Scratch): void {
    const { names } = this
    for (const text of [names.version, 'postgresql', names.prefix]) putText(text, into)
    writeLong(Math.floor(commitTime / 1000), into)
    into.room(1)[into.length++] = STRING_FIRST
    putText(String(kind === 'refresh'), into)
    putText(names.database, into)
    into.room(1)[into.length++] = VALUE_BRANCH
  }

  /** From `ts_us` to `txId`. */
  private enterMiddle({ commitTime, sourceId, kind }: TransactionContext, into: Scratch): void {
    const { table } = this
    putOptional(BigInt(commitTime), into)
    putOptional(BigInt(commitTime) * 1_000n, into)
    putText(table.schema, into)
    putText(table.name, into)
    putOptional(kind === 'refresh' ? null : BigInt(sourceId), into)
  }

  /** xmin, origin, origin_lsn, and `id` of the transaction. */
  private enterTail(transaction: TransactionContext, into: Scratch): void {
    for (let field = 0; field < 3; field++) putOptional(null, into)
    into.room(1)[into.length++] = VALUE_BRANCH
    putText(`${transaction.sourceId}:${lsnOf(transaction)}`, into)
  }
}

function putText(text: string, into: Scratch): void {
  const bytes = Buffer.from(text)
  writeString(bytes, 0, bytes.length, into)
}

function putOptional(value: bigint | null, into: Scratch): void {
  into.room(1)[into.length++] = value === null ? NULL_BRANCH : VALUE_BRANCH
  if (value !== null) writeBigLong(value, into)
}
