import assert from 'node:assert/strict'
import { test } from 'node:test'
import avsc from 'avsc'
import fc from 'fast-check'
import { avroValue, DerivedSchemas } from './avro-value.ts'

const schema = {
  type: 'record',
  name: 'row',
  fields: [
    { name: 'id', type: 'long' },
    { name: 'flag', type: ['null', 'boolean'], default: null },
    { name: 'name', type: ['null', 'string'], default: null },
    { name: 'ratio', type: ['null', 'double'], default: null },
    { name: 'tags', type: ['null', { type: 'array', items: ['null', 'string'] }], default: null }
  ]
} as const

test('a value in the wire format is read as another implementation writes it', () => {
  const writer = avsc.Type.forSchema(structuredClone(schema) as never, { wrapUnions: false })
  const schemas = new DerivedSchemas()
  const entry = schemas.entry('a-value', JSON.stringify(schema))
  const optional = <T>(values: fc.Arbitrary<T>) => fc.option(values)
  const columns = {
    // avsc writes longs exactly up to 2^52.
    id: fc.maxSafeInteger().map(value => Math.trunc(value / 2) + 0),
    flag: optional(fc.boolean()),
    name: optional(fc.string({ unit: 'binary' })),
    ratio: optional(fc.double({ noNaN: true, noDefaultInfinity: true })),
    tags: optional(fc.array(optional(fc.string())))
  }
  const rows = fc.record(columns, { noNullPrototype: true })
  fc.assert(
    fc.property(rows, row => {
      const bytes = Buffer.concat([Buffer.from([0, 0, 0, 0, entry.id]), writer.toBuffer(row)])
      assert.equal(schemas.of(bytes), entry)
      assert.deepEqual(avroValue(bytes, entry), row)
    })
  )
})

test('decimals keep all digits, and longs beyond 2^53 too', () => {
  const type = { type: 'bytes', logicalType: 'decimal', precision: 30, scale: 2 }
  const entry = new DerivedSchemas().entry('a', JSON.stringify(type))
  const decimal = (hex: string) => avroValue(Buffer.from(`0000000001${hex}`, 'hex'), entry)
  assert.equal(decimal('0405dc'), '15.00')
  assert.equal(decimal('02ff'), '-0.01')
  assert.equal(decimal('0200'), '0.00')
  const long = new DerivedSchemas().entry('a', '"long"')
  assert.equal(avroValue(Buffer.from('0000000001feffffffffffffffff01', 'hex'), long), 9_223_372_036_854_775_807n)
})

test('bytes that are no such value are told apart', () => {
  const schemas = new DerivedSchemas()
  const entry = schemas.entry('a', '"string"')
  assert.equal(schemas.entry('a', '"string"'), entry)
  assert.equal(schemas.of(Buffer.from('{"a":1}')), null)
  assert.equal(schemas.of(Buffer.from('0000000009', 'hex')), null)
  assert.throws(() => avroValue(Buffer.from('000000000104', 'hex'), entry), RangeError)
  assert.throws(() => avroValue(Buffer.from('0000000001026161', 'hex'), entry), RangeError)
})
