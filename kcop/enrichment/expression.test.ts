import assert from 'node:assert/strict'
import { test } from 'node:test'
import { table, tuple, type RowTexts } from '../testing/operations.ts'
import { expression } from './expression.ts'

const orders = table('orders', {
  id: 'int8',
  price: 'numeric',
  quantity: 'int4',
  name: 'text',
  paid: 'boolean',
  day: 'date',
  ratio: 'float8'
})
const row: RowTexts = ['9007199254740993', '19.990', '3', 'Zoë 🦊', 't', '2024-02-29', '0.1']

function of(text: string, texts = row): [string | null, string] {
  const { text: textOf, type } = expression(text, orders)
  return [textOf(tuple(texts)), type.name]
}

test('numbers keep every digit', () => {
  assert.deepEqual(of('id + 1'), ['9007199254740994', 'int8'])
  assert.deepEqual(of('price * quantity'), ['59.970', 'numeric'])
  assert.deepEqual(of('price / quantity'), ['6.6633333333333333', 'numeric'])
  assert.deepEqual(of('id * 1.10'), ['9907919180215092.30', 'numeric'])
  assert.deepEqual(of('round(price * 1.077, 2)'), ['21.53', 'numeric'])
  assert.deepEqual(of('(-7) / 2'), ['-3', 'int8'])
  assert.deepEqual(of('price::numeric(6, 1)'), ['20.0', 'numeric'])
})

test('texts are counted in characters', () => {
  assert.deepEqual(of("left(name, 3) || '-' || id"), ['Zoë-9007199254740993', 'text'])
  assert.deepEqual(of('length(name)'), ['5', 'int8'])
  assert.deepEqual(of('right(name, 1)'), ['🦊', 'text'])
  assert.deepEqual(of("split_part('a,b,c', ',', -1)"), ['c', 'text'])
})

test('conditions are those of filters, CASE takes the first that holds', () => {
  assert.deepEqual(of("price > 10 and day < '2025-01-01'"), ['t', 'bool'])
  assert.deepEqual(of("case when quantity > 5 then 'many' when paid then 'paid' else 'open' end"), ['paid', 'text'])
  assert.deepEqual(of('case quantity when 3 then 1 end'), ['1', 'int8'])
  assert.deepEqual(of('case when paid then quantity else price end'), ['3', 'numeric'])
  assert.deepEqual(of('case when quantity > 5 then day end'), [null, 'date'])
})

test('NULL makes NULL, but not of coalesce and concat', () => {
  const empty: RowTexts = ['1', null, null, null, null, null, null]
  assert.deepEqual(of('price * 2', empty), [null, 'numeric'])
  assert.deepEqual(of("name || '!'", empty), [null, 'text'])
  assert.deepEqual(of('coalesce(price, quantity, 0)', empty), ['0', 'numeric'])
  assert.deepEqual(of("concat(name, '!', 2)", empty), ['!2', 'text'])
  assert.deepEqual(of('price / nullif(quantity, 0)', empty), [null, 'numeric'])
})

test('a column by itself keeps its type', () => {
  assert.deepEqual(of('quantity'), ['3', 'int4'])
  assert.deepEqual(of('day'), ['2024-02-29', 'date'])
  assert.deepEqual(of('day::text'), ['2024-02-29', 'text'])
  assert.deepEqual(of('paid::text'), ['true', 'text'])
})

test('what cannot be computed stops, and tells no value', () => {
  const refused = (text: string, message: RegExp, texts = row) =>
    assert.throws(
      () => of(text, texts),
      (error: Error & { code: string }) => {
        assert.equal(error.code, 'ROW_UNSUITABLE')
        assert.match(error.message, message)
        assert.doesNotMatch(error.message, /9007199254740993/)
        return true
      }
    )
  refused('price / (quantity - 3)', /divides by zero/)
  refused('id * id', /beyond int8/)
  refused('price::numeric(2, 2)', /beyond numeric\(2, 2\)/)
  refused('name::int8', /no whole number/)
  refused('price + 1', /NaN or Infinity/, ['1', 'NaN', '1', '', 't', '2024-02-29', '0'])
})

test('what is not understood is told with its place, and nothing is run', () => {
  const refused = (text: string, code: string, message: RegExp) => assert.throws(() => of(text), { code, message })
  refused('price *', 'EXPRESSION_INVALID', /not understood at its end \(line 1, column 8\)/)
  refused('price * prise', 'COLUMN_UNKNOWN', /names `prise`.*\(line 1, column 9\)/)
  refused('ratio * 2', 'EXPRESSION_INVALID', /floating-point/)
  refused('day + 1', 'EXPRESSION_INVALID', /computes with `day`, which is of type date/)
  refused('now()', 'EXPRESSION_INVALID', /calls now/)
  refused('constructor(id)', 'EXPRESSION_INVALID', /calls constructor/)
  refused('pg_catalog.lower(name)', 'EXPRESSION_INVALID', /calls lower/)
  refused('left(name)', 'EXPRESSION_INVALID', /calls left\(text\)/)
  refused("case when paid then 1 else 'x' end", 'EXPRESSION_INVALID', /values of several types/)
  refused('(select 1)', 'EXPRESSION_INVALID', /not available/)
  refused("name < 'b'", 'EXPRESSION_INVALID', /depends on the collation/)
  refused('current_user', 'EXPRESSION_INVALID', /not available/)
})
