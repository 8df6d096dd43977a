import assert from 'node:assert/strict'
import { test } from 'node:test'
import { columnValue } from '@tidemark/schemas/column-value.ts'
import { columnType, table } from '@tidemark/kcop/testing/operations.ts'
import { parseConfiguration } from '../config/configuration-file.ts'
import { Pseudonyms } from './pseudonyms.ts'
import { recordedValues } from './recorded-values.ts'

const text = `
subscription: bank
postgres: {url: "postgres://127.0.0.1/bank"}
kafka: {brokers: ["127.0.0.1:9092"]}
tables:
  public.customer:
    columns: {ssn: {mask: {keepLast: 4}}, notes: drop}
    also: [{topic: full, columns: all, restricted: true}]
  public.account:
    restricted: true
    also: [{topic: shared, columns: [owner]}]
  public.plain: {}
outbox:
  public.outbox: {columns: {payload: {mask: {keepLast: 1}}}}
  message: {orders: {topic: orders, columns: {payload: {mask: {keepLast: 1}}}}}
`

function values() {
  const read = parseConfiguration(text, 'tidemark.yaml', { environment: {}, readFile: () => '' } as never)
  if ('faults' in read) throw read.faults[0]!
  return recordedValues(read.configuration, Buffer.alloc(32, 1))
}

const shape = { id: 'int8', owner: 'text', ssn: 'text', notes: 'text', payload: 'text' }

/** Columns of the table whose values are written down as they are. */
function open(name: string): string[] {
  const of = table(name, shape)
  return of.columns.flatMap(({ name: column }, index) =>
    values().text(of, index, '123456789') === '123456789' ? column : []
  )
}

test('a recording has what some topic open to all gets as it is, and of the rest a pseudonym', () => {
  assert.deepEqual(open('customer'), ['id', 'owner', 'payload'])
  assert.deepEqual(open('account'), ['id', 'owner'])
  assert.deepEqual(open('plain'), ['id', 'owner', 'ssn', 'notes', 'payload'])
  assert.deepEqual(open('outbox'), ['id', 'owner', 'ssn', 'notes'])
  assert.deepEqual(open('unknown'), [])
})

test('protected fields of logical messages are replaced, and what is no object is left out', () => {
  const { message } = values()
  const event = JSON.parse(
    Buffer.from(message('orders', Buffer.from('{"id":1,"payload":"secret"}'))).toString()
  ) as object
  assert.deepEqual(Object.keys(event), ['id', 'payload'])
  assert.ok(!JSON.stringify(event).includes('secret'))
  assert.equal(Buffer.from(message('orders', Buffer.from('secret'))).toString(), '{}')
  assert.equal(Buffer.from(message('others', Buffer.from('open'))).toString(), 'open')
})

test('a pseudonym is a value of its type, equal for equal values, and by another secret another', () => {
  const one = new Pseudonyms(Buffer.alloc(32, 1))
  const other = new Pseudonyms(Buffer.alloc(32, 2))
  const kinds = [
    'text',
    'int2',
    'int4',
    'int8',
    'oid',
    'numeric',
    'bytea',
    'json',
    'uuid',
    'date',
    'timestamp',
    'timestamptz'
  ]
  for (const kind of kinds) {
    const type = columnType(kind)
    const pseudonym = one.of(type, 'a')!
    assert.notEqual(columnValue(type, pseudonym), null)
    assert.equal(one.of(type, 'a'), pseudonym)
    assert.notEqual(one.of(type, 'b'), pseudonym, kind)
    assert.notEqual(other.of(type, 'a'), pseudonym, kind)
  }
  for (const kind of ['boolean', 'enum', 'int4[]', 'box']) assert.equal(one.of(columnType(kind), 'a'), null)
})
