import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseArrayLiteral } from './array-literal.ts'

const read = (text: string, delimiter = ',') => parseArrayLiteral(text, delimiter, item => item)

test('elements, nulls, quotes and dimensions are read', () => {
  assert.deepEqual(read('{}'), [])
  assert.deepEqual(read('{1,NULL,"NULL",""}'), ['1', null, 'NULL', ''])
  assert.deepEqual(read('{{a,b},{"c,d","e\\"\\\\f"}}'), [
    ['a', 'b'],
    ['c,d', 'e"\\f']
  ])
  assert.deepEqual(read('{(1,1),(0,0);(2,2),(1,1)}', ';'), ['(1,1),(0,0)', '(2,2),(1,1)'])
})

test('explicit lower bounds have no plain array', () => {
  assert.equal(read('[0:1]={1,2}'), null)
})

test('what is not an array literal is refused', () => {
  for (const text of ['', 'a', '{', '{1', '{1,}', '{"a}', '{1}2', '{1 }}', '{,1}']) {
    assert.throws(() => read(text), SyntaxError, text)
  }
})

test('any strings come back from their literal', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.string({ unit: 'binary' })), { minLength: 1 }), items => {
      const quoted = items.map(item => (item === null ? 'NULL' : `"${item.replaceAll(/["\\]/g, '\\$&')}"`))
      assert.deepEqual(read(`{${quoted.join(',')}}`), items)
    })
  )
})
