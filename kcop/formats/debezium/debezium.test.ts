import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Operation } from '@tidemark/schemas/operation.ts'
import { lsn, lsnToBytes } from '@tidemark/schemas/position.ts'
import type { ColumnType } from '@tidemark/schemas/table.ts'
import { Producer } from '../../producer.ts'
import { tableRule, type TableRule } from '../../rules.ts'
import { Scratch } from '../../scratch.ts'
import { at, columnType, insert, remove, table, transaction, UNCHANGED, update } from '../../testing/operations.ts'
import { RecordingSink, type RecordedRecord } from '../../testing/recording-sink.ts'
import { debeziumFormat } from './debezium.ts'
import { writeDebeziumColumn } from './debezium-column.ts'
import { debeziumTypeOf, type DecimalHandling } from './debezium-type.ts'

const account = table('account', { id: 'int8', owner: 'text' })
const whole = { ...account, replicaIdentity: 'full' as const }
const context = { ...transaction, position: lsnToBytes(lsn(0x16_b374_d848n)) }
const position = 0x16_b374_d848

function recordsOf(operations: Operation[], given: Partial<TableRule> = {}): RecordedRecord[] {
  const sink = new RecordingSink()
  const tables = ['account', 'transfer'].map(name =>
    tableRule(`public.${name}`, 'bank', { format: 'debezium', deletes: 'both', ...given })
  )
  const format = debeziumFormat({
    prefix: 'bank',
    database: 'd"b',
    version: '1.0',
    decimals: 'precise',
    now: () => 1_709_300_000_123
  })
  const producer = new Producer({ rules: { tables, outbox: { tables: [], messages: [] } }, sink, formats: [format] })
  for (const operation of operations) producer.process({ ...operation, transaction: { ...operation.transaction } })
  return sink.take()
}

function envelopeOf(record: RecordedRecord): Record<string, unknown> {
  return JSON.parse(record.value!) as Record<string, unknown>
}

function source(more: object = {}): object {
  return {
    version: '1.0',
    connector: 'postgresql',
    name: 'bank',
    ts_ms: 1_709_208_000_000,
    snapshot: 'false',
    db: 'd"b',
    sequence: `["${position}","${position}"]`,
    ts_us: 1_709_208_000_000_001,
    ts_ns: 1_709_208_000_000_001_000,
    schema: 'public',
    table: 'account',
    txId: 757,
    lsn: position,
    xmin: null,
    origin: null,
    origin_lsn: null,
    ...more
  }
}

test('the place of the change in the log is its own, exact to the last digit, whatever shapes the row', () => {
  const shaped = { columns: { only: ['id'], dropped: [], protected: [] }, filter: 'id > 0', headers: [], also: [] }
  for (const lsnOfChange of [0n, 1n, 0x16_b374_d840n, 2n ** 53n - 1n, 2n ** 53n + 1n, 2n ** 64n - 1n]) {
    for (const given of [{}, shaped]) {
      const row = at(lsnOfChange, insert(whole, ['1', 'Ann'], { transaction: context }))
      const [{ value }] = recordsOf([row], given) as [RecordedRecord]
      assert.match(value!, new RegExp(`"lsn":${lsnOfChange},`))
      assert.match(value!, new RegExp(`"sequence":"\\[\\\\"${position}\\\\",\\\\"${lsnOfChange}\\\\"\\]"`))
      assert.match(value!, new RegExp(`"transaction":\\{"id":"757:${position}"`))
    }
  }
})

test('an insert is a creation with the row after, its source and its place in the transaction', () => {
  const [record] = recordsOf([insert(account, ['1', 'Ann'], { transaction: context })])
  assert.equal(record!.key, '{"id":1}')
  assert.deepEqual(record!.headers, {})
  assert.deepEqual(envelopeOf(record!), {
    before: null,
    after: { id: 1, owner: 'Ann' },
    source: source(),
    transaction: { id: `757:${position}`, total_order: 1, data_collection_order: 1 },
    op: 'c',
    ts_ms: 1_709_300_000_123,
    ts_us: 1_709_300_000_123_000,
    ts_ns: 1_709_300_000_123_000_000
  })
  assert.deepEqual(Object.keys(envelopeOf(record!)), [
    'before',
    'after',
    'source',
    'transaction',
    'op',
    'ts_ms',
    'ts_us',
    'ts_ns'
  ])
  assert.match(record!.value!, /"ts_ns":1709208000000001000,/)
})

test('a row of a first copy is read, from a snapshot', () => {
  const copied = { ...context, kind: 'refresh' as const, sourceId: 'refresh:public.account:1' }
  const [record] = recordsOf([insert(account, ['1', 'Ann'], { transaction: copied })])
  const envelope = envelopeOf(record!)
  assert.equal(envelope['op'], 'r')
  assert.deepEqual(envelope['source'], source({ snapshot: 'true', txId: null }))
})

function outline(records: RecordedRecord[]): unknown[] {
  return records.map(record => {
    if (record.value === null) return [record.key, null, record.headers]
    const { op, before, after } = envelopeOf(record)
    return [record.key, op, before, after, record.headers]
  })
}

test('an update has the row before where the whole of it was sent', () => {
  assert.deepEqual(outline(recordsOf([update(account, null, ['1', 'Bob'])])), [
    ['{"id":1}', 'u', null, { id: 1, owner: 'Bob' }, {}]
  ])
  assert.deepEqual(outline(recordsOf([update(whole, ['1', 'Ann'], ['1', 'Bob'])])), [
    ['{"id":1}', 'u', { id: 1, owner: 'Ann' }, { id: 1, owner: 'Bob' }, {}]
  ])
})

test('a delete is an event with the row before, then a tombstone', () => {
  assert.deepEqual(outline(recordsOf([remove(whole, ['1', 'Ann'])])), [
    ['{"id":1}', 'd', { id: 1, owner: 'Ann' }, null, {}],
    ['{"id":1}', null, {}]
  ])
  assert.deepEqual(outline(recordsOf([remove(account, ['1', null], true)])), [
    ['{"id":1}', 'd', { id: 1, owner: null }, null, { 'tidemark.unknown': '["owner"]' }],
    ['{"id":1}', null, {}]
  ])
})

test('a change of the key is a delete with its tombstone and a creation, each with the other key', () => {
  const newKey = { '__debezium.newkey': '{"id":2}' }
  assert.deepEqual(outline(recordsOf([update(whole, ['1', 'Ann'], ['2', 'Ann'])])), [
    ['{"id":1}', 'd', { id: 1, owner: 'Ann' }, null, newKey],
    ['{"id":1}', null, newKey],
    ['{"id":2}', 'c', null, { id: 2, owner: 'Ann' }, { '__debezium.oldkey': '{"id":1}' }]
  ])
})

test('events are counted in the transaction and per table', () => {
  const sink = new RecordingSink()
  const tables = ['account', 'transfer'].map(name =>
    tableRule(`public.${name}`, 'bank', { format: 'debezium', deletes: 'both' })
  )
  const format = debeziumFormat({ prefix: 'bank', database: 'db', version: '1', decimals: 'precise', now: () => 1 })
  const producer = new Producer({ rules: { tables, outbox: { tables: [], messages: [] } }, sink, formats: [format] })
  const transfer = table('transfer', { id: 'int8' })
  const other = { ...context, sourceId: '758' }
  for (const operation of [
    insert(account, ['1', 'Ann'], { transaction: context }),
    insert(transfer, ['1'], { transaction: context }),
    { ...update(whole, ['1', 'Ann'], ['2', 'Ann']), transaction: context },
    insert(transfer, ['2'], { transaction: context }),
    insert(transfer, ['3'], { transaction: other })
  ]) {
    producer.process(operation)
  }
  const orders = sink.take().flatMap(record => {
    if (record.value === null) return []
    const { total_order, data_collection_order } = envelopeOf(record)['transaction'] as Record<string, number>
    return [[total_order, data_collection_order]]
  })
  assert.deepEqual(orders, [
    [1, 1],
    [2, 1],
    [3, 2],
    [4, 3],
    [5, 2],
    [1, 1]
  ])
})

test('a value that did not change and was not sent has the placeholder Debezium has', () => {
  const doc = table('doc', {
    id: 'int8',
    a: 'text',
    b: 'bytea',
    c: 'text[]',
    d: 'int4[]',
    e: 'numeric',
    f: 'uuid[]',
    g: 'json'
  })
  const sink = new RecordingSink()
  const tables = [tableRule('public.doc', 'bank', { format: 'debezium' })]
  const format = debeziumFormat({ prefix: 'bank', database: 'db', version: '1', decimals: 'precise', now: () => 1 })
  const producer = new Producer({ rules: { tables, outbox: { tables: [], messages: [] } }, sink, formats: [format] })
  producer.process(update(doc, null, ['1', ...Array.from({ length: 7 }, () => UNCHANGED)] as never))
  const [record] = sink.take()
  const text = '__debezium_unavailable_value'
  assert.deepEqual(envelopeOf(record!)['after'], {
    id: 1,
    a: text,
    b: Buffer.from(text).toString('base64'),
    c: [text],
    d: [...Buffer.from(text)],
    e: null,
    f: ['b68a35a7-17ad-35b3-af2a-ae46edb4545a'],
    g: text
  })
  assert.deepEqual(record!.headers, { 'tidemark.unchanged': '["a","b","c","d","e","f","g"]' })
})

function typeOf(kind: string, modifier = -1): ColumnType {
  const named = ['money', 'bit', 'varbit', 'point'].includes(kind)
  const type = named ? { ...columnType('box'), name: kind } : columnType(kind)
  return { ...type, modifier, element: type.element && { ...type.element, modifier } }
}

function jsonOf(type: ColumnType, text: string, decimals: DecimalHandling = 'precise'): string {
  const into = new Scratch()
  const bytes = Buffer.from(`9${text}9`)
  const wrong = writeDebeziumColumn(debeziumTypeOf(type, decimals), bytes, 1, bytes.length - 1, into)
  return wrong === null ? into.copy().toString() : `wrong: ${wrong}`
}

/** numeric(p, s) as atttypmod. */
const numeric = (precision: number, scale: number): number => ((precision << 16) | (scale & 0x7ff)) + 4

test('each type is written as a real Debezium 3.6 wrote it', () => {
  const measured: [ColumnType, text: string, json: string][] = [
    [typeOf('int8'), '9223372036854775807', '9223372036854775807'],
    [typeOf('float8'), 'NaN', '"NaN"'],
    [typeOf('boolean'), 't', 'true'],
    [typeOf('numeric', numeric(10, 2)), '1234567.80', '"B1vNDA=="'],
    [typeOf('numeric', numeric(2, 5)), '0.00012', '"DA=="'],
    [typeOf('numeric'), '1.10', '{"scale":1,"value":"Cw=="}'],
    [typeOf('numeric'), '100', '{"scale":0,"value":"ZA=="}'],
    [typeOf('numeric'), '0.00000000000000000000000000000000000001', '{"scale":38,"value":"AQ=="}'],
    [typeOf('money'), '$1,234.56', '"AeJA"'],
    [typeOf('money'), '-$0.01', '"/w=="'],
    [typeOf('date'), '0001-01-01', '-719162'],
    [typeOf('date'), '0044-03-15 BC', '-735160'],
    [typeOf('date'), '5874897-12-31', '2145042905'],
    [typeOf('time'), '12:34:56.789', '45296789000'],
    [typeOf('time', 3), '12:34:56.789', '45296789'],
    [typeOf('time', 0), '24:00:00', '86400000'],
    [typeOf('timetz'), '12:34:56-08', '"20:34:56Z"'],
    [typeOf('timetz'), '00:00:00+05:30', '"18:30:00Z"'],
    [typeOf('timetz'), '12:34:56.000001+00', '"12:34:56.000001Z"'],
    [typeOf('timestamp'), '2024-02-29 12:34:56.123456', '1709210096123456'],
    [typeOf('timestamp'), '1969-12-31 23:59:59.999999', '-1'],
    [typeOf('timestamp', 3), '1969-12-31 23:59:59.999', '-1'],
    [typeOf('timestamp', 0), '2024-02-29 12:34:57', '1709210097000'],
    [typeOf('timestamp'), '0044-03-15 10:00:00 BC', '-63517788000000000'],
    [typeOf('timestamp'), 'infinity', '9223372036825200000'],
    [typeOf('timestamp'), '-infinity', '-9223372036832400000'],
    [typeOf('timestamptz'), '2024-02-29 13:04:56+00', '"2024-02-29T13:04:56.000000Z"'],
    [typeOf('timestamptz', 0), '2024-02-29 12:34:57+00', '"2024-02-29T12:34:57Z"'],
    [typeOf('timestamptz', 3), '1969-12-31 23:59:59.5+00', '"1969-12-31T23:59:59.500Z"'],
    [typeOf('timestamptz'), '0044-03-15 10:00:00.5+00 BC', '"-0043-03-15T10:00:00.500000Z"'],
    [typeOf('timestamptz'), '-infinity', '"-infinity"'],
    [typeOf('interval'), 'P1Y2M3DT4H5M6.789S', '37091106789000'],
    [typeOf('interval'), 'P-1Y-2DT3H', '-31719600000000'],
    [typeOf('interval'), 'PT-0.000001S', '-1'],
    [typeOf('interval'), 'P-1M-1DT-0.5S', '-2716200500000'],
    [typeOf('interval'), 'PT0S', '0'],
    [typeOf('json'), '{"a": 1}', '"{\\"a\\": 1}"'],
    [typeOf('bit', 1), '1', 'true'],
    [typeOf('bit', 4), '0101', '"BQ=="'],
    [typeOf('bit', 12), '100000001111', '"Dwg="'],
    [typeOf('bit', 8), '00000000', '""'],
    [typeOf('varbit'), '010', '"Ag=="'],
    [typeOf('point'), '(1,2)', '{"x":1,"y":2,"wkb":"AQEAAAAAAAAAAADwPwAAAAAAAABA","srid":null}'],
    [typeOf('int8[]'), '{1,NULL,9223372036854775807}', '[1,null,9223372036854775807]'],
    [typeOf('int8[]'), '{}', '[]'],
    [typeOf('int8[]'), '[0:1]={1,2}', '[1,2]'],
    [typeOf('text[]'), '{a,NULL,"NULL","b,c","e\\"f"}', '["a",null,"NULL","b,c","e\\"f"]'],
    [typeOf('timestamptz[]'), '{"2024-02-29 12:00:00+00",infinity}', '["2024-02-29T12:00:00.000000Z","infinity"]'],
    [typeOf('timestamp[]'), '{"2024-02-29 12:00:00.5"}', '[1709208000500000]'],
    [typeOf('json[]'), '{"{\\"a\\": 1}",null}', '["{\\"a\\": 1}","null"]']
  ]
  for (const [type, text, json] of measured) assert.equal(jsonOf(type, text), json, `${type.name} ${text}`)
})

test('what Debezium garbles is written as it is, or refused', () => {
  assert.equal(jsonOf(typeOf('int4[]'), '{{1,2},{3,NULL}}'), '[[1,2],[3,null]]')
  assert.equal(jsonOf(typeOf('date'), 'infinity'), '2147483647')
  assert.equal(jsonOf(typeOf('interval'), '-infinity'), '-9223372036854775808')
  assert.match(jsonOf(typeOf('timestamp'), '294276-12-31 23:59:59.999999'), /^wrong: lies beyond/)
  for (const text of ['NaN', 'Infinity', '-Infinity']) assert.match(jsonOf(typeOf('numeric'), text), /^wrong: is NaN/)
  assert.match(jsonOf(typeOf('timestamptz'), '2024-02-29 12:00:00+02'), /^wrong: .*TimeZone=UTC/)
  assert.match(jsonOf(typeOf('money'), '¥100'), /^wrong: is money/)
})

test('decimals may be strings, NaN among them', () => {
  assert.equal(jsonOf(typeOf('numeric', numeric(10, 2)), '1.10', 'string'), '"1.10"')
  assert.equal(jsonOf(typeOf('numeric'), 'NaN', 'string'), '"NaN"')
})
