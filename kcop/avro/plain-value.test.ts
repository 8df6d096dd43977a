import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Scratch } from '../scratch.ts'
import { writeAvroColumn } from './avro-column.ts'
import { BOOLEAN, DATE, DECIMAL, DOUBLE, LONG, STRING, TIMESTAMP, TIMESTAMPTZ } from './avro-type.ts'
import { plainRoom, writePlain } from './plain-value.ts'

const before = 3

/** Bytes of a value in its usual form; null: left to writeAvroColumn. Nothing is written beyond the room it states. */
function plain(code: number, text: string): string | null {
  const source = Buffer.from(`<${text}>`)
  const length = source.length - 2
  const bytes = Buffer.alloc(before + length + plainRoom + 8, 0xaa)
  const after = writePlain(code, source, 1, 1 + length, bytes, before)
  assert.ok(bytes.subarray(before + length + plainRoom).every(byte => byte === 0xaa))
  return after < 0 ? null : bytes.toString('hex', before, after)
}

/** Bytes of a value in any form; a sentence: what is wrong with it. */
function inFull(code: number, text: string): string {
  const into = new Scratch()
  const source = Buffer.from(text)
  const wrong = writeAvroColumn({ code, schema: 'string', element: null, array: null }, source, 0, source.length, into)
  return wrong ?? into.bytes.toString('hex', 0, into.length)
}

const digits = (count: number) => fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength: count })
const two = fc.integer({ min: 0, max: 99 }).map(value => String(value).padStart(2, '0'))
const clock = fc.tuple(two, two, two).map(parts => parts.join(':'))
const day = fc
  .tuple(fc.integer({ min: 0, max: 9999 }), fc.integer({ min: 0, max: 13 }), fc.integer({ min: 0, max: 32 }))
  .map(([year, month, of]) =>
    [String(year).padStart(4, '0'), String(month).padStart(2, '0'), String(of).padStart(2, '0')].join('-')
  )
const fraction = fc.oneof(
  fc.constant(''),
  digits(7).map(text => `.${text}`)
)
const zone = fc.constantFrom('', '+00', '+02', '+00 BC', ' BC')
const sign = fc.constantFrom('', '-')

/** Texts of all types, right and wrong ones, so that each code meets its own and the others'. */
const texts = fc.oneof(
  fc.tuple(sign, digits(18)).map(parts => parts.join('')),
  fc.tuple(sign, digits(12), digits(4)).map(([minus, whole, part]) => `${minus}${whole}.${part}`),
  fc.tuple(day, zone).map(parts => parts.join('')),
  fc.tuple(day, clock, fraction, zone).map(([of, at, part, behind]) => `${of} ${at}${part}${behind}`),
  fc.constantFrom(
    '',
    '-',
    '.',
    't',
    'f',
    'x',
    'NaN',
    'infinity',
    '-infinity',
    '0',
    '-0',
    '00012',
    '1e5',
    '12345-01-01'
  ),
  fc.string({ unit: 'grapheme', maxLength: 90 }),
  fc
    .tuple(day, clock, fc.nat(18), fc.constantFrom('x', '/', ':', '-'))
    .map(([of, at, place, other]) => `${`${of} ${at}`.slice(0, place)}${other}${`${of} ${at}`.slice(place + 1)}+00`)
)

test('what is written as a plain value is what is written in full', () => {
  const codes = fc.constantFrom(STRING, LONG, BOOLEAN, DECIMAL, DATE, TIMESTAMP, TIMESTAMPTZ, DOUBLE)
  let plainly = 0
  fc.assert(
    fc.property(codes, texts, (code, text) => {
      const written = plain(code, text)
      if (written === null) return
      plainly++
      assert.equal(written, inFull(code, text))
    }),
    { numRuns: 4_000 }
  )
  assert.ok(plainly > 400)
})

test('values in their usual form are written plainly', () => {
  const usual: [number, string][] = [
    [STRING, ''],
    [STRING, 'ü'.repeat(100)],
    [LONG, '-999999999'],
    [BOOLEAN, 't'],
    [DECIMAL, '-1234567.9'],
    [DATE, '0001-01-01'],
    [TIMESTAMP, '2024-02-29 12:34:56'],
    [TIMESTAMPTZ, '2112-09-17 23:53:47.370495+00'],
    [TIMESTAMPTZ, '1969-12-31 23:59:59.5+00'],
    [TIMESTAMPTZ, '1828-01-01 00:00:00+00']
  ]
  for (const [code, text] of usual) assert.equal(plain(code, text), inFull(code, text), text)
})

test('every other form is left to the full encoding', () => {
  const others: [number, string][] = [
    [LONG, '1000000000'],
    [LONG, '12x'],
    [BOOLEAN, 'true'],
    [DECIMAL, 'NaN'],
    [DATE, 'infinity'],
    [DATE, '2024-13-01'],
    [DATE, '0044-03-15 BC'],
    [TIMESTAMP, '2024-02-29 12:34:56+00'],
    [TIMESTAMPTZ, '2024-02-29 12:34:56+02'],
    [TIMESTAMPTZ, '2112-09-17 23:53:47.370496+00'],
    [TIMESTAMPTZ, '0044-03-15 12:00:00+00 BC'],
    [DOUBLE, '1.5']
  ]
  for (const [code, text] of others) assert.equal(plain(code, text), null, text)
})
