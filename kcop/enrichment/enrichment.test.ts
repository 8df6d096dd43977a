import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Producer } from '../producer.ts'
import { allColumns, tableRule, type ColumnRules, type DerivedColumn, type TableRule } from '../rules.ts'
import { insert, remove, table, UNCHANGED, update, type RowTexts } from '../testing/operations.ts'
import { RecordingSink } from '../testing/recording-sink.ts'
import { lookupRows } from './lookup-file.ts'
import type { Operation } from '@tidemark/schemas/operation.ts'
import type { Table } from '@tidemark/schemas/table.ts'

const orders = table('orders', { id: 'int8', price: 'numeric', quantity: 'int4', country: 'text', note: 'text' })
const file = { file: 'countries.csv', key: 'code', bytesMax: 100_000, place: null }
const countries = lookupRows('code,name,rate\nCH,"Switzerland, the",8.10\nDE,Germany,19\n', file)

function derived(name: string, text: string, more: Partial<DerivedColumn> = {}): DerivedColumn {
  return { name, from: { expression: text }, plain: false, place: 'tidemark.yaml:7:9', ...more }
}

function taken(name: string, take: string, whenMissing: 'empty' | 'stop' = 'empty'): DerivedColumn {
  return { ...derived(name, ''), from: { lookup: { in: 'countries', by: 'country', take, whenMissing } } }
}

function send(operation: Operation, columns: Partial<ColumnRules>, given: Partial<TableRule> = {}) {
  const sink = new RecordingSink()
  const rule = tableRule('public.orders', 'shop', { columns: { ...allColumns, ...columns }, ...given })
  const rules = { tables: [rule], outbox: { tables: [], messages: [] } }
  new Producer({ rules, sink, lookups: new Map([['countries', countries]]) }).process(operation)
  return sink.take()
}

const total = derived('total', 'price * quantity')
const first = ['1', '19.99', '3', 'CH', 'hello']
const whole: Table = { ...orders, replicaIdentity: 'full' }

test('derived columns stand behind those of the row, in every image', () => {
  const [record] = send(insert(orders, first), { derived: [total, taken('land', 'name')] })
  assert.equal(
    record!.value,
    '{"id":1,"price":"19.99","quantity":3,"country":"CH","note":"hello","total":"59.97","land":"Switzerland, the"}'
  )
  const change = update(whole, first, ['1', '20', '3', 'DE', 'hello'])
  const rows = send(change, { only: ['id', 'total'], derived: [total] }, { format: 'audit' })
  assert.deepEqual(
    rows.map(({ value }) => (JSON.parse(value!) as { total: string }).total),
    ['59.97', '60']
  )
})

test('a derived column may use those before it', () => {
  const tax = derived('tax', 'round(total * rate::numeric / 100, 2)')
  const [record] = send(insert(orders, first), { only: ['id', 'tax'], derived: [total, taken('rate', 'rate'), tax] })
  assert.equal(record!.value, '{"id":1,"tax":"4.86"}')
})

test('a derived column can be filtered by, be protected, be the key, and name the topic', () => {
  const size = derived('size', "case when price > 100 then 'large' else 'small' end")
  const columns = { only: ['id', 'total'], derived: [total, size] }
  assert.deepEqual(send(insert(whole, first), columns, { filter: "size = 'large'" }), [])
  const [token] = send(insert(orders, first), {
    ...columns,
    protected: [{ column: 'total', protection: { kind: 'mask', keepLast: 1, character: '*' } }]
  })
  assert.equal(token!.value, '{"id":1,"total":"****7"}')
  const [placed] = send(
    insert(whole, first),
    { derived: [size] },
    { key: ['size', 'id'], topic: 'orders.{column.size}' }
  )
  assert.deepEqual([placed!.topic, placed!.key], ['orders.small', '{"size":"small","id":1}'])
})

test('a key of derived columns needs their old values', () => {
  const even = derived('even', 'id % 2')
  const columns = { only: ['id'], derived: [even, derived('half', 'quantity / 2')] }
  const [gone] = send(remove(orders, ['4', null, null, null, null], true), columns, { key: ['even', 'id'] })
  assert.deepEqual([gone!.key, gone!.value], ['{"even":0,"id":4}', null])
  assert.throws(() => send(insert(orders, first), columns, { key: ['half'] }), {
    code: 'ROW_UNSUITABLE',
    message: /half .* is not in its replica identity/
  })
})

test('an image of the identity alone has the derived columns that it tells, and no others', () => {
  const columns = { derived: [derived('twice', 'id * 2'), total] }
  const [content] = send(remove(orders, ['4', null, null, null, null], true), columns, { deletes: 'content' })
  assert.equal(content!.value, '{"id":4,"twice":8}')
})

test('what is made of a column that was not sent has not changed, or cannot be told', () => {
  const row: RowTexts = ['1', '2', '3', 'CH', UNCHANGED]
  const [record] = send(update(orders, null, row), { derived: [derived('short', 'left(note, 2)')] })
  assert.equal(record!.value, '{"id":1,"price":"2","quantity":3,"country":"CH"}')
  assert.throws(() => send(update(orders, null, row), { derived: [derived('both', 'country || note')] }), {
    code: 'ROW_UNSUITABLE',
    message: /column note of public.orders, which both is made of, was not sent/
  })
})

test('what is made of a protected column is protected, or declared plain', () => {
  const mask = { kind: 'mask', keepLast: 0, character: '*' } as const
  const columns = { protected: [{ column: 'note', protection: mask }] }
  const start = derived('start', 'left(note, 1)')
  const refused = (rules: Partial<ColumnRules>, message: RegExp) =>
    assert.throws(() => send(insert(orders, first), rules), { code: 'CONFIG_INVALID', message, place: /yaml:7:9/ })
  refused({ ...columns, derived: [start] }, /start would tell of note/)
  refused({ dropped: ['note'], derived: [start] }, /start would tell of note/)
  const guarded = { protected: [...columns.protected, { column: 'start', protection: mask }] }
  refused(
    { ...columns, only: ['id', 'again'], derived: [start, derived('again', "start || '!'")] },
    /again would tell of start/
  )
  assert.equal(send(insert(orders, first), { ...columns, only: ['id'], derived: [start] })[0]!.value, '{"id":1}')
  refused({ ...guarded, derived: [start, derived('again', "start || '!'")] }, /again would tell of start/)
  const [record] = send(insert(orders, first), {
    ...columns,
    only: ['id', 'start'],
    derived: [{ ...start, plain: true }]
  })
  assert.equal(record!.value, '{"id":1,"start":"h"}')
})

test('names and lookups that are not there are told at the derived column', () => {
  const refused = (column: DerivedColumn, code: string, message: RegExp) =>
    assert.throws(() => send(insert(orders, first), { derived: [column] }), {
      code,
      message,
      place: 'tidemark.yaml:7:9'
    })
  refused(derived('note', 'id'), 'CONFIG_INVALID', /has a column of that name/)
  refused(derived('x', 'nope'), 'COLUMN_UNKNOWN', /names `nope`/)
  refused(taken('x', 'nope'), 'LOOKUP_INVALID', /has no column nope/)
})

test('a row that a lookup has no row for is empty there, or stops', () => {
  const [record] = send(insert(orders, ['1', '2', '3', 'XX', 'n']), {
    only: ['id', 'land'],
    derived: [taken('land', 'name')]
  })
  assert.equal(record!.value, '{"id":1,"land":null}')
  assert.throws(() => send(insert(orders, ['1', '2', '3', 'XX', 'n']), { derived: [taken('land', 'name', 'stop')] }), {
    code: 'ROW_UNSUITABLE',
    message: /lookup countries has no row for the country/
  })
})

test('files of lookups are CSV or JSON, with one row for each key, within their memory', () => {
  const json = lookupRows(
    '[{"code": 7, "name": "x", "rate": 1.10, "big": 12345678901234567890, "on": true, "n": null}]',
    {
      ...file,
      file: 'a.json'
    }
  )
  assert.deepEqual(
    json.columns.map((_, index) => json.find('7', index)),
    ['7', 'x', '1.10', '12345678901234567890', 'true', null]
  )
  const refused = (text: string, message: RegExp, more: Partial<typeof file> = {}) =>
    assert.throws(() => lookupRows(text, { ...file, ...more }), { code: 'LOOKUP_INVALID', message })
  refused('code,name\nCH,a\nCH,b\n', /key of its row 2 twice/)
  refused('kode,name\nCH,a\n', /has no column code/)
  refused('code,name\nCH\n', /is not CSV in its line 2/)
  refused('{"a": 1}', /not a list of JSON objects/, { file: 'a.json' })
  refused('[{"code": {}}]', /not a list of JSON objects/, { file: 'a.json' })
  refused(`code,name\nCH,${'x'.repeat(60_000)}\n`, /more than 100000 bytes/)
})
