import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Scratch } from '../scratch.ts'
import { writeBase64 } from './base64.ts'
import { scaleOf, writeUnscaled } from './unscaled-decimal.ts'

function hexOf(text: string): string | null {
  const into = new Scratch()
  const bytes = Buffer.from(`9${text}9`)
  return writeUnscaled(bytes, 1, bytes.length - 1, into) ? into.copy().toString('hex') : null
}

/** Of two's complement, big-endian. */
function numberOf(hex: string): bigint {
  return BigInt.asIntN(hex.length * 4, BigInt(`0x${hex}`))
}

test('digits become the shortest two-complement bytes, as BigInteger.toByteArray gives them', () => {
  const known: [string, string][] = [
    ['0', '00'],
    ['0.00', '00'],
    ['-0.01', 'ff'],
    ['1.27', '7f'],
    ['1.28', '0080'],
    ['-128', '80'],
    ['-129', 'ff7f'],
    ['10.50', '041a'],
    ['99999999999999', '5af3107a3fff'],
    ['100000000000000', '5af3107a4000'],
    ['-100000000000000', 'a50cef85c000'],
    ['9223372036854775807', '7fffffffffffffff'],
    ['9223372036854775808', '008000000000000000'],
    ['-9223372036854775808', '8000000000000000']
  ]
  for (const [text, hex] of known) assert.equal(hexOf(text), hex, text)
})

test('any number comes back, and no byte of it could be left out', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }), value => {
      const hex = hexOf(String(value))!
      assert.equal(numberOf(hex), value)
      if (hex.length > 2) assert.notEqual(numberOf(hex.slice(2)), value)
    })
  )
})

test('what is no number is refused', () => {
  for (const text of ['NaN', 'Infinity', '-Infinity', '1e5', `${'1'.repeat(20)}x`]) assert.equal(hexOf(text), null)
})

test('the scale is the number of digits behind the point', () => {
  const scale = (text: string) => scaleOf(Buffer.from(text), 0, text.length)
  assert.deepEqual(['1', '1.10', '-0.000'].map(scale), [0, 2, 3])
})

test('any bytes are written in base64', () => {
  fc.assert(
    fc.property(fc.uint8Array(), bytes => {
      const into = new Scratch()
      writeBase64(Buffer.from(bytes), 0, bytes.length, into)
      assert.equal(into.copy().toString(), Buffer.from(bytes).toString('base64'))
    })
  )
})
