import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { changedColumns, Row } from './row.ts'
import type { ColumnType, Table, TypeKind } from './table.ts'
import { NULL_LENGTH, Tuple, UNCHANGED_LENGTH } from './tuple.ts'

function typeOf(kind: TypeKind, element: ColumnType | null = null): ColumnType {
  return { oid: 1, name: kind, kind, element, modifier: -1 }
}

const kinds: Record<string, ColumnType> = {
  id: typeOf('int8'),
  owner: typeOf('text'),
  active: typeOf('boolean'),
  rate: typeOf('float8'),
  total: typeOf('numeric'),
  photo: typeOf('bytea'),
  since: typeOf('timestamptz'),
  doc: typeOf('json'),
  tags: typeOf('array', typeOf('text'))
}
const table: Table = {
  id: 1,
  schema: 'public',
  name: 'account',
  qualifiedName: 'public.account',
  columns: Object.entries(kinds).map(([name, type]) => ({ name, type, key: name === 'id' })),
  keyColumns: [0],
  replicaIdentity: 'default',
  version: 1
}
const notSent = Symbol('not sent')
type Texts = Partial<Record<string, string | null | typeof notSent>>

/** A row with the texts given, all other columns null. */
function rowOf(texts: Texts): Row {
  const tuple = new Tuple(table.columns.length)
  const parts = [Buffer.from('x')]
  let at = 1
  table.columns.forEach(({ name }, index) => {
    const text = texts[name] ?? null
    const bytes = typeof text === 'string' ? Buffer.from(text) : Buffer.alloc(0)
    tuple.starts[index] = at
    tuple.lengths[index] = typeof text === 'string' ? bytes.length : text === null ? NULL_LENGTH : UNCHANGED_LENGTH
    parts.push(bytes)
    at += bytes.length
  })
  tuple.bytes = Buffer.concat(parts)
  tuple.count = table.columns.length
  return new Row(table, tuple)
}

test('each accessor reads its form of a value, and null', () => {
  const row = rowOf({ id: '9007199254740993', owner: 'Änn', active: 't', rate: '1.5', doc: '{"a":[1]}' })
  assert.equal(row.bigint('id'), 9007199254740993n)
  assert.equal(row.text('owner'), 'Änn')
  assert.deepEqual(row.bytes('owner'), Buffer.from('Änn'))
  assert.equal(row.boolean('active'), true)
  assert.equal(row.number('rate'), 1.5)
  assert.deepEqual(row.json('doc'), { a: [1] })
  for (const read of ['text', 'bytes', 'number', 'bigint', 'boolean', 'json', 'value'] as const) {
    assert.equal(row[read]('total'), null)
  }
  assert.equal(row.isNull('total'), true)
  assert.equal(row.isNull('id'), false)
})

test('a value that is not what is asked for is refused, without quoting it', () => {
  const row = rowOf({ id: '9007199254740993', owner: 'secret' })
  for (const read of ['number', 'bigint', 'boolean', 'json'] as const) {
    assert.throws(
      () => row[read]('owner'),
      (error: Error & { code: string }) => {
        return error.code === 'ROW_UNSUITABLE' && !error.message.includes('secret')
      }
    )
  }
  assert.throws(() => row.number('id'), /beyond 2\^53/)
})

test('an unknown column is refused with those there are', () => {
  assert.throws(() => rowOf({}).text('iban'), { code: 'COLUMN_UNKNOWN', message: /has no column iban/ })
})

test('a column that was not sent is told from null', () => {
  const row = rowOf({ id: '1', owner: notSent })
  assert.equal(row.isUnchanged('owner'), true)
  assert.equal(row.isNull('owner'), false)
  assert.throws(() => row.text('owner'), { code: 'ROW_UNSUITABLE' })
  assert.equal('owner' in row.toObject(), false)
})

test('a row object has the JavaScript form of each type', () => {
  const row = rowOf({
    id: '-9223372036854775808',
    active: 'f',
    rate: 'NaN',
    total: '0.10',
    photo: '\\x00ff',
    since: '2024-02-29 12:00:00.5+00',
    doc: '{"n": 9007199254740993}',
    tags: '{a,NULL,"b,\\"c"}'
  })
  assert.deepEqual(row.toObject(), {
    id: -9223372036854775808n,
    owner: null,
    active: false,
    rate: Number.NaN,
    total: '0.10',
    photo: Buffer.from([0, 255]),
    since: '2024-02-29T12:00:00.5Z',
    doc: { n: 9007199254740993n },
    tags: ['a', null, 'b,"c']
  })
})

test('a text not of its type is refused by column', () => {
  const wrong: Texts = {
    id: 'x',
    active: 'true',
    rate: '',
    photo: 'x',
    since: '2024-01-01 00:00:00+02',
    doc: '{',
    tags: '{'
  }
  for (const [name, text] of Object.entries(wrong)) {
    assert.throws(() => rowOf({ [name]: text ?? null }).value(name), {
      code: 'ROW_UNSUITABLE',
      message: new RegExp(name)
    })
  }
})

test('a pick has its columns only, in its order', () => {
  const pick = rowOf({ id: '1', owner: 'Ann', total: '5' }).pick('total', 'id')
  assert.deepEqual(pick.toObject(), { total: '5', id: 1 })
  assert.deepEqual(Object.keys(pick.toObject()), ['total', 'id'])
  assert.equal(pick.has('owner'), false)
  assert.throws(() => pick.text('owner'), { code: 'COLUMN_UNKNOWN' })
  assert.deepEqual(pick.pick('id').toObject(), { id: 1 })
  assert.throws(() => pick.pick('owner'), { code: 'COLUMN_UNKNOWN' })
})

const texts = fc.record({
  owner: fc.option(fc.string({ unit: 'binary' })),
  total: fc.option(fc.constantFrom('1', '1.0', ''))
})

test('the changed columns are those whose bytes differ', () => {
  fc.assert(
    fc.property(texts, texts, (before, after) => {
      const changed = changedColumns(rowOf(before), rowOf(after))
      const expected = (['owner', 'total'] as const).filter(name => before[name] !== after[name])
      assert.deepEqual(changed, expected)
    })
  )
})

test('a column that was not sent has not changed; of a part of a row nothing is known', () => {
  const before = rowOf({ id: '1', owner: 'Ann' })
  assert.deepEqual(changedColumns(before, rowOf({ id: '1', owner: notSent, total: '1' })), ['total'])
  assert.equal(changedColumns(before.pick('id'), before), null)
})

test('any text comes back from a row', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), owner => {
      assert.equal(rowOf({ owner }).text('owner'), owner)
      assert.deepEqual(rowOf({ owner }).toObject()['owner'], owner)
    })
  )
})
