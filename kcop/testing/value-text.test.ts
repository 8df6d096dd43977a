import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { columnValue } from '@tidemark/schemas/column-value.ts'
import { typeOfSpec, type ColumnSpec } from './column-spec.ts'
import { valueText } from './value-text.ts'

const values: [ColumnSpec, fc.Arbitrary<unknown>][] = [
  ['boolean', fc.boolean()],
  ['integer', fc.integer()],
  ['bigint', fc.oneof(fc.maxSafeInteger(), fc.bigInt(2n ** 60n, 2n ** 63n - 1n))],
  ['double precision', fc.double().filter(value => !Object.is(value, -0))],
  ['numeric', fc.tuple(fc.bigInt(), fc.nat()).map(([whole, part]) => `${whole}.${part}`)],
  ['text', fc.string({ unit: 'binary' })],
  ['bytea', fc.uint8Array().map(bytes => Buffer.from(bytes))],
  [
    'jsonb',
    fc
      .array(fc.oneof(fc.string({ unit: 'binary' }), fc.integer(), fc.boolean(), fc.constant(null)))
      .map(items => ({ items }))
  ],
  ['timestamptz', fc.date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true }).map(iso)],
  ['timestamp', fc.date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true }).map(bare)],
  ['text[]', fc.array(fc.oneof(fc.constant(null), fc.string({ unit: 'binary' })))],
  ['integer[]', fc.array(fc.array(fc.integer(), { minLength: 1 }))],
  ['bytea[]', fc.array(fc.uint8Array().map(bytes => Buffer.from(bytes)))]
]

function iso(date: Date): string {
  return date.toISOString()
}

function bare(date: Date): string {
  return date.toISOString().slice(0, -1)
}

for (const [spec, arbitrary] of values) {
  test(`a value of ${JSON.stringify(spec)} comes back from its text`, () => {
    const type = typeOfSpec(spec, 'a')
    fc.assert(fc.property(arbitrary, value => assert.deepEqual(columnValue(type, valueText(type, value)), value)))
  })
}

test('a value of another type is refused without being told', () => {
  const wrong: [ColumnSpec, unknown][] = [
    ['boolean', 'secret'],
    ['integer', 1.5],
    ['numeric', '1e5'],
    ['text', 5],
    ['timestamptz', 'secret'],
    ['bytea', 'secret'],
    ['text[]', 'secret']
  ]
  for (const [spec, value] of wrong) {
    assert.throws(
      () => valueText(typeOfSpec(spec, 'a'), value),
      (error: unknown) => error instanceof TypeError && !error.message.includes('secret')
    )
  }
})
