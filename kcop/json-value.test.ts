import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Row } from '@tidemark/schemas/row.ts'
import { json } from './json-value.ts'
import { table, tuple, UNCHANGED } from './testing/operations.ts'

const orders = table('orders', { id: 'int8', total: 'numeric', doc: 'json', note: 'text' })
const row = new Row(orders, tuple(['9007199254740993', '1.10', '{"a":0.10000000000000000001}', UNCHANGED]))

test('a row or a pick of it is written without loss', () => {
  assert.equal(json(row).toString(), '{"id":9007199254740993,"total":"1.10","doc":{"a":0.10000000000000000001}}')
  assert.equal(json(row.pick('doc', 'id')).toString(), '{"doc":{"a":0.10000000000000000001},"id":9007199254740993}')
})

test('rows may stand inside objects', () => {
  assert.equal(
    json({ order: row.pick('id'), all: [row.pick('total')] }).toString(),
    '{"order":{"id":9007199254740993},"all":[{"total":"1.10"}]}'
  )
})

test('values JSON does not know have the form docs/types.md gives them', () => {
  const value = {
    big: 2n ** 64n,
    nan: Number.NaN,
    no: -Infinity,
    bytes: new Uint8Array([0, 255]),
    left: undefined,
    at: new Date(0)
  }
  assert.equal(
    json(value).toString(),
    '{"big":18446744073709551616,"nan":"NaN","no":"-Infinity","bytes":"AP8=","at":"1970-01-01T00:00:00.000Z"}'
  )
})

test('a plain value is written as JSON.stringify writes it', () => {
  fc.assert(
    fc.property(fc.jsonValue(), value => {
      assert.equal(json(value).toString(), JSON.stringify(value))
    })
  )
})

test('what has no JSON form is refused', () => {
  const circle: { self?: unknown } = {}
  circle.self = circle
  for (const value of [undefined, () => 1, Symbol('x'), new Map([[1, 2]]), new Set([1]), circle]) {
    assert.throws(() => json(value), { code: 'RECORD_INVALID' })
  }
})

test("the bytes are the caller's to keep", () => {
  const first = json('first')
  json('other')
  assert.equal(first.toString(), '"first"')
})
