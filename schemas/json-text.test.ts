import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseJson } from './json-text.ts'

test('integers beyond 2^53 come as bigint, wherever they stand', () => {
  const text = '{"a":9223372036854775807,"b":[-9223372036854775808,{"c":9007199254740993}],"d":9007199254740991}'
  assert.deepEqual(parseJson(text), {
    a: 9223372036854775807n,
    b: [-9223372036854775808n, { c: 9007199254740993n }],
    d: 9007199254740991
  })
  assert.equal(parseJson(Buffer.from('12345678901234567890')), 12345678901234567890n)
})

test('digits in strings and names stay text, other numbers stay numbers', () => {
  const text = '{"9007199254740993":"9007199254740993","f":1.2345678901234567,"e":1e300}'
  assert.deepEqual(parseJson(text), { '9007199254740993': '9007199254740993', f: 1.2345678901234567, e: 1e300 })
})

test('any integer comes back exactly', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n }), integer => {
      const value = parseJson(Buffer.from(`[${integer}]`)) as (number | bigint)[]
      assert.equal(BigInt(value[0]!), integer)
    })
  )
})

test('everything else is read as JSON.parse reads it', () => {
  fc.assert(
    fc.property(fc.jsonValue(), value => {
      const text = JSON.stringify(value)
      if (!/\d{16}/.test(text)) assert.deepEqual(parseJson(text), JSON.parse(text))
    })
  )
})

test('what is not JSON is refused', () => {
  for (const text of ['', '{', '1234567890123456789012x']) assert.throws(() => parseJson(text), SyntaxError)
})
