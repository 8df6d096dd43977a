import assert from 'node:assert/strict'
import { test } from 'node:test'
import avsc from 'avsc'
import type { Operation } from '@tidemark/schemas/operation.ts'
import { parseJson } from '@tidemark/schemas/json-text.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import { Producer } from '../../producer.ts'
import { tableRule } from '../../rules.ts'
import { at, insert, remove, table, UNCHANGED, update, type RowTexts } from '../../testing/operations.ts'
import { RecordingSink } from '../../testing/recording-sink.ts'
import { debeziumAvroFormat } from './debezium-avro.ts'
import { debeziumFormat } from './debezium.ts'

const surroundings = { prefix: 'bank', database: 'bank', version: '1', now: () => 1_709_208_000_123 }
/** Of 64 bits, as bigint. */
const long = avsc.types.LongType.__with({
  fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
  toBuffer: (value: bigint) => {
    const bytes = Buffer.alloc(8)
    bytes.writeBigInt64LE(value)
    return bytes
  },
  fromJSON: BigInt,
  toJSON: String,
  isValid: (value: unknown) => typeof value === 'bigint',
  compare: (a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0)
})

interface Told {
  key: unknown
  value: unknown
  headers: Record<string, string | null>
}

function producerOf(of: Table, format: string, decimals: 'precise' | 'string', schemas: string[]) {
  const sink = new RecordingSink()
  const options = { ...surroundings, decimals }
  const entry = (subject: string, schema: string) => ({
    subject,
    schema,
    id: schemas.push(schema) - 1,
    ready: null
  })
  const formats = [debeziumFormat(options), debeziumAvroFormat({ ...options, registry: { entry }, subjects: 'topic' })]
  const rules = { tables: [tableRule(of.qualifiedName, 'bank', { format })], outbox: { tables: [], messages: [] } }
  return { sink, producer: new Producer({ rules, sink, formats }) }
}

/** What the operations become in Avro, decoded to what JSON would have: bytes as base64. */
function inAvro(of: Table, operations: readonly Operation[], decimals: 'precise' | 'string' = 'precise'): Told[] {
  const schemas: string[] = []
  const { sink, producer } = producerOf(of, 'debezium-avro', decimals, schemas)
  for (const operation of operations) producer.process(operation)
  const decoded = (bytes: Buffer | null): unknown => {
    if (bytes === null) return null
    assert.equal(bytes[0], 0)
    const schema = JSON.parse(schemas[bytes.readInt32BE(1)]!) as avsc.Schema
    const type = avsc.Type.forSchema(schema, { registry: { long }, wrapUnions: false })
    return plain(type.fromBuffer(bytes.subarray(5)))
  }
  return sink.records.map(({ headers }, index) => ({
    key: decoded(sink.keys[index]!),
    value: decoded(sink.values[index]!),
    headers
  }))
}

function inJson(of: Table, operations: readonly Operation[], decimals: 'precise' | 'string' = 'precise'): Told[] {
  const { sink, producer } = producerOf(of, 'debezium', decimals, [])
  for (const operation of operations) producer.process(operation)
  return sink.records.map(({ key, value, headers }) => ({
    key: plain(parseJson(key!)),
    value: value === null ? null : plain(parseJson(value)),
    headers
  }))
}

function plain(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return value.toString('base64')
  if (typeof value === 'bigint' || typeof value === 'number') return String(value)
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]))
}

const texts: Readonly<Record<string, string>> = {
  int2: '-7',
  int4: '2147483647',
  int8: '9223372036854775807',
  oid: '4294967295',
  float4: '1.5',
  float8: '-1e+300',
  boolean: 't',
  text: 'a "quoted" line\nand ü',
  bytea: '\\xdeadbeef',
  json: '{"a": [1, "ü"]}',
  uuid: '4d47e190-0402-4048-bc2c-89dd54343cdc',
  enum: 'sad',
  date: '0044-03-15 BC',
  time: '24:00:00',
  timetz: '12:34:56.5-08',
  timestamp: '2024-02-29 12:34:56.123456',
  timestamptz: '1969-12-31 23:59:59.5+00',
  interval: 'P1Y2M3DT4H5M6.789S',
  numeric: '-1.10',
  box: '(1,1),(0,0)',
  'int8[]': '{1,NULL,9223372036854775807}',
  'text[]': '{a,"b,c",NULL}',
  'date[]': '{}',
  'numeric[]': '{1.50,2}'
}

const names = Object.keys(texts)
const everything = table('every.thing', {
  id: 'int4',
  ...Object.fromEntries(names.map((kind, index) => [`v${index}`, kind]))
})
const row: RowTexts = ['1', ...Object.values(texts)]

test('the Avro envelope tells of every type what the JSON envelope tells', () => {
  const whole: Table = { ...everything, replicaIdentity: 'full' }
  const nulls: RowTexts = ['1', ...names.map(() => null)]
  for (const decimals of ['precise', 'string'] as const) {
    const operations = [insert(whole, row), at(2n ** 40n + 1n, update(whole, row, nulls)), at(9n, remove(whole, nulls))]
    assert.deepEqual(inAvro(whole, operations, decimals), inJson(whole, operations, decimals))
  }
})

test('types with a modifier or a name of their own are told alike', () => {
  const types: [name: string, modifier: number, text: string][] = [
    ['numeric', ((10 << 16) | 2) + 4, '1234567.80'],
    ['time', 3, '12:34:56.789'],
    ['timestamp', 0, '2024-02-29 12:34:57'],
    ['timestamptz', 3, '2024-02-29 12:34:57.5+00'],
    ['money', -1, '-$1,234.56'],
    ['bit', 1, '1'],
    ['bit', 12, '100000001111'],
    ['varbit', -1, '010'],
    ['point', -1, '(1,-2.5)'],
    ['xml', -1, '<a/>']
  ]
  for (const [name, modifier, text] of types) {
    const isKnown = ['numeric', 'time', 'timestamp', 'timestamptz'].includes(name)
    const of = table('one', { id: 'int4', v: isKnown ? name : 'box' })
    const { type } = of.columns[1]!
    const given: Table = { ...of, columns: [of.columns[0]!, { ...of.columns[1]!, type: { ...type, name, modifier } }] }
    const operations = [insert(given, ['1', text]), insert(given, ['2', null])]
    assert.deepEqual(inAvro(given, operations), inJson(given, operations), name)
  }
})

test('a change of the key, a column that was not sent and an old row of the key alone are told alike', () => {
  const of = table('doc', { id: 'text', body: 'text', blob: 'bytea', tags: 'text[]', amount: 'numeric' })
  const operations = [
    update(of, null, ['1', UNCHANGED, UNCHANGED, UNCHANGED, UNCHANGED]),
    update(of, null, [UNCHANGED, 'a', null, null, '1']),
    remove(of, ['2', null, null, null, null], true)
  ]
  const keyed = operations.filter((_, index) => index !== 1)
  assert.deepEqual(inAvro(of, keyed), inJson(of, keyed))
  const moved = inAvro(of, [update(of, ['1', null, null, null, null], ['2', 'a', null, null, '1'], true)])
  const expected = inJson(of, [update(of, ['1', null, null, null, null], ['2', 'a', null, null, '1'], true)])
  assert.deepEqual(
    moved.map(({ key, value }) => [key, value]),
    expected.map(({ key, value }) => [key, value])
  )
  assert.deepEqual(
    moved.map(({ headers }) => Object.keys(headers)),
    expected.map(({ headers }) => Object.keys(headers))
  )
})

test('schemas have the names that Debezium and an AvroConverter give them', () => {
  const schemas: string[] = []
  const of = table('order-line', { id: 'int4', 'due date': 'date', at: 'timestamp', n: 'numeric', m: 'numeric' })
  const { producer } = producerOf(of, 'debezium-avro', 'precise', schemas)
  producer.schema(of)
  const [key, envelope] = schemas.map(schema => JSON.parse(schema) as Record<string, unknown>)
  const namespace = 'bank.public.order_line'
  assert.deepEqual(key, {
    type: 'record',
    namespace,
    name: 'Key',
    fields: [{ name: 'id', type: 'int' }],
    'connect.name': `${namespace}.Key`
  })
  const [before, after] = envelope!['fields'] as { type: unknown[] }[]
  const value = before!.type[1] as { fields: { name: string; type: unknown }[] }
  assert.deepEqual(
    [envelope!['namespace'], envelope!['name'], envelope!['connect.version']],
    [namespace, 'Envelope', 2]
  )
  assert.deepEqual(after!.type, ['null', `${namespace}.Value`])
  assert.deepEqual(value.fields.slice(0, 3), [
    { name: 'id', type: 'int' },
    {
      name: 'due_date',
      type: ['null', { type: 'int', 'connect.version': 1, 'connect.name': 'io.debezium.time.Date' }],
      default: null
    },
    {
      name: 'at',
      type: ['null', { type: 'long', 'connect.version': 1, 'connect.name': 'io.debezium.time.MicroTimestamp' }],
      default: null
    }
  ])
  assert.deepEqual(value.fields[4]!.type, ['null', 'io.debezium.data.VariableScaleDecimal'])
})

test('columns whose names become one, and arrays of more dimensions, are refused', () => {
  const twice = table('t', { id: 'int4', 'a b': 'text', a_b: 'text' })
  assert.throws(() => inAvro(twice, [insert(twice, ['1', 'x', 'y'])]), { code: 'ROW_UNSUITABLE', message: /a_b/ })
  const nested = table('t', { id: 'int4', v: 'int4[]' })
  assert.throws(() => inAvro(nested, [insert(nested, ['1', '{{1},{2}}'])]), { code: 'ROW_UNSUITABLE' })
})
