import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Operation } from '@tidemark/schemas/operation.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import { Producer } from './producer.ts'
import { tableRule, type TableRule } from './rules.ts'
import { insert, remove, table, UNCHANGED, update } from './testing/operations.ts'
import { RecordingSink, type RecordedRecord } from './testing/recording-sink.ts'

const account = table('account', { id: 'int8', owner: 'text' })
const whole = table('account', { id: 'int8', owner: 'text' }, { replicaIdentity: 'full' })
const topic = 'bank.public.account'

function recordsOf(
  operation: Operation,
  given: Partial<TableRule> = {},
  of: Table = operation.table!
): RecordedRecord[] {
  const sink = new RecordingSink()
  const rules = { tables: [tableRule('public.account', 'bank', given)], outbox: { tables: [], messages: [] } }
  const producer = new Producer({ rules, sink })
  producer.schema(of)
  producer.process(operation)
  return sink.take()
}

const tombstone = { topic, key: '{"id":1}', value: null, headers: {} }
const row = (id: number, owner: string) => ({
  topic,
  key: `{"id":${id}}`,
  value: `{"id":${id},"owner":"${owner}"}`,
  headers: {}
})
const content = (id: number, owner: string) => ({ ...row(id, owner), headers: { 'tidemark.operation': 'delete' } })

test('an insert and an update send the row under its key', () => {
  assert.deepEqual(recordsOf(insert(account, ['1', 'Ann'])), [row(1, 'Ann')])
  assert.deepEqual(recordsOf(update(account, null, ['1', 'Bob'])), [row(1, 'Bob')])
})

test('an update that sends the whole old row with the same key sends the row alone', () => {
  assert.deepEqual(recordsOf(update(whole, ['1', 'Ann'], ['1', 'Bob'])), [row(1, 'Bob')])
})

test('an update that changes the key sends a tombstone of the old key, then the row', () => {
  assert.deepEqual(recordsOf(update(account, ['1', null], ['2', 'Ann'], true)), [tombstone, row(2, 'Ann')])
  assert.deepEqual(recordsOf(update(whole, ['1', 'Ann'], ['2', 'Ann'])), [tombstone, row(2, 'Ann')])
  assert.deepEqual(recordsOf(update(whole, ['1', 'Ann'], ['12', 'Ann'])), [tombstone, row(12, 'Ann')])
})

test('a delete sends what is configured', () => {
  const old = remove(whole, ['1', 'Ann'])
  assert.deepEqual(recordsOf(old), [tombstone])
  assert.deepEqual(recordsOf(old, { deletes: 'content' }), [content(1, 'Ann')])
  assert.deepEqual(recordsOf(old, { deletes: 'both' }), [content(1, 'Ann'), tombstone])
  assert.deepEqual(recordsOf(old, { deletes: 'none' }), [])
})

test('a key change tells of the old key what a delete would', () => {
  const moved = update(whole, ['1', 'Ann'], ['2', 'Ann'])
  assert.deepEqual(recordsOf(moved, { deletes: 'content' }), [content(1, 'Ann'), row(2, 'Ann')])
  assert.deepEqual(recordsOf(moved, { deletes: 'both' }), [content(1, 'Ann'), tombstone, row(2, 'Ann')])
  assert.deepEqual(recordsOf(moved, { deletes: 'none' }), [row(2, 'Ann')])
})

test('the content of a delete names the columns the server did not send', () => {
  const [record] = recordsOf(remove(account, ['1', null], true), { deletes: 'content' })
  assert.equal(record!.value, '{"id":1}')
  assert.deepEqual(record!.headers, { 'tidemark.operation': 'delete', 'tidemark.unknown': '["owner"]' })
})

test("a key of one's own is used when its old value is sent", () => {
  const records = recordsOf(update(whole, ['1', 'Ann'], ['1', 'Bob']), { key: ['owner'] })
  assert.deepEqual(
    records.map(({ key, value }) => [key, value]),
    [
      ['{"owner":"Ann"}', null],
      ['{"owner":"Bob"}', '{"id":1,"owner":"Bob"}']
    ]
  )
})

test('a key whose old value is not sent is refused before anything is sent', () => {
  assert.throws(
    () => recordsOf(insert(account, ['1', 'Ann']), { key: ['owner'] }),
    (error: Error & { cure: string }) => {
      assert.match(error.message, /owner of public\.account is not in its replica identity/)
      return error.cure.includes('ALTER TABLE public.account REPLICA IDENTITY FULL')
    }
  )
  assert.throws(() => recordsOf(insert(account, ['1', 'Ann']), { key: ['nobody'] }), { code: 'COLUMN_UNKNOWN' })
})

test('a table without a key is refused by name, unless its deletes are not told', () => {
  const keyless = table('account', { id: 'int8', owner: 'text' }, { key: [] })
  assert.throws(() => recordsOf(insert(keyless, ['1', 'Ann'])), { code: 'TABLE_WITHOUT_KEY' })
  const [record] = recordsOf(insert(keyless, ['1', 'Ann']), { deletes: 'none' })
  assert.deepEqual(record, { ...row(1, 'Ann'), key: null })
})

test('where deletes are not told, a key the server does not send of the old row may be used', () => {
  const [record, ...more] = recordsOf(update(account, ['1', null], ['2', 'Ann'], true), {
    key: ['owner'],
    deletes: 'none'
  })
  assert.deepEqual([record!.key, more], ['{"owner":"Ann"}', []])
})

test('a delete without an old row, or without its key, is refused by name', () => {
  assert.throws(() => recordsOf(remove(account, null)), {
    code: 'ROW_UNSUITABLE',
    place: 'operation 3 of transaction 757'
  })
  assert.throws(() => recordsOf(remove(account, [null, 'Ann'], true)), { code: 'ROW_UNSUITABLE' })
})

test('a key that is stored out of line and did not change is the same key', () => {
  const records = recordsOf(update(account, ['1', null], [UNCHANGED, 'Bob'], true))
  assert.deepEqual(records, [
    { topic, key: '{"id":1}', value: '{"owner":"Bob"}', headers: { 'tidemark.unchanged': '["id"]' } }
  ])
})

test('a changed definition is used from the next operation on', () => {
  const sink = new RecordingSink()
  const rules = { tables: [tableRule('public.account', 'bank')], outbox: { tables: [], messages: [] } }
  const producer = new Producer({ rules, sink })
  producer.schema(account)
  producer.process(insert(account, ['1', 'Ann']))
  const wider = { ...table('account', { id: 'int8', owner: 'text', age: 'int4' }), version: 2 }
  producer.schema(wider)
  producer.process(insert(wider, ['2', 'Bob', '44']))
  assert.deepEqual(
    sink.take().map(({ value }) => value),
    ['{"id":1,"owner":"Ann"}', '{"id":2,"owner":"Bob","age":44}']
  )
})
