import assert from 'node:assert/strict'
import { test } from 'node:test'
import avsc from 'avsc'
import fc from 'fast-check'
import type { ColumnType } from '@tidemark/schemas/table.ts'
import { Scratch } from '../scratch.ts'
import { columnType } from '../testing/operations.ts'
import { writeAvroColumn } from './avro-column.ts'
import { writeBigLong, writeLong } from './avro-long.ts'
import { avroTypeOf } from './avro-type.ts'
import { floatOfText } from './float-text.ts'

/** longs as bigint, so that none of their bits is lost. */
const longType = avsc.types.LongType.__with({
  fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
  toBuffer: (value: bigint) => {
    const bytes = Buffer.alloc(8)
    bytes.writeBigInt64LE(value)
    return bytes
  },
  fromJSON: BigInt as never,
  toJSON: Number as never,
  isValid: (value: unknown) => typeof value === 'bigint',
  compare: (a: bigint, b: bigint) => (a === b ? 0 : a < b ? -1 : 1)
})

function typeOf(kind: string, modifier = -1): ColumnType {
  return { ...columnType(kind), modifier }
}

function encoded(type: ColumnType, text: string): Buffer | string {
  const into = new Scratch()
  const bytes = Buffer.from(`9${text}9`)
  return writeAvroColumn(avroTypeOf(type), bytes, 1, bytes.length - 1, into) ?? into.copy()
}

/** What another implementation reads of it, by the same schema. */
function readBack(type: ColumnType, text: string): unknown {
  const bytes = encoded(type, text)
  assert.ok(Buffer.isBuffer(bytes), `${type.name} ${text}: ${String(bytes)}`)
  // avsc takes a long of its own only where no logical type stands.
  const text64 = JSON.stringify(avroTypeOf(type).schema).replaceAll(/\{"type":"long",[^}]*\}/g, '"long"')
  const schema = JSON.parse(text64) as avsc.Schema
  const reader = avsc.Type.forSchema(schema, {
    registry: { long: longType },
    wrapUnions: false
  })
  return reader.fromBuffer(bytes)
}

test('any long is encoded as another implementation reads it', () => {
  const read = (write: (into: Scratch) => void): bigint => {
    const into = new Scratch()
    write(into)
    return longType.fromBuffer(into.copy()) as bigint
  }
  fc.assert(
    fc.property(fc.maxSafeInteger(), value =>
      assert.equal(
        read(into => writeLong(value, into)),
        BigInt(value)
      )
    )
  )
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), value => {
      assert.equal(
        read(into => writeBigLong(value, into)),
        value
      )
      assert.equal(readBack(typeOf('int8'), String(value)), value)
    })
  )
  for (const value of [0, -1, 63, 64, -64, -65, 2 ** 31, -(2 ** 31), 2 ** 30, 2 ** 52, -(2 ** 52)]) {
    assert.equal(
      read(into => writeLong(value, into)),
      BigInt(value)
    )
  }
})

test('any float is the number its text names', () => {
  const of = (text: string) => floatOfText(Buffer.from(`9${text}9`), 1, text.length + 1)
  fc.assert(fc.property(fc.double(), value => assert.equal(of(Object.is(value, -0) ? '-0' : String(value)), value)))
  fc.assert(
    fc.property(fc.integer(), fc.nat(999_999), (whole, fraction) => {
      assert.equal(of(`${whole}.${fraction}`), Number(`${whole}.${fraction}`))
    })
  )
  for (const text of ['', '-', '.', '1.2.3', 'abc', '1e', '0x1', ' 1']) assert.equal(of(text), undefined, text)
})

const timestamp = BigInt(Date.UTC(2024, 1, 29, 12, 34, 56)) * 1000n
const numeric = (precision: number, scale: number): number => ((precision << 16) | (scale & 0x7ff)) + 4

test('each type is read back as its Avro type says', () => {
  const mapping: [ColumnType, text: string, value: unknown][] = [
    [typeOf('boolean'), 't', true],
    [typeOf('boolean'), 'f', false],
    [typeOf('int2'), '-32768', -32768],
    [typeOf('int4'), '2147483647', 2147483647],
    [typeOf('int8'), '-9223372036854775808', -9223372036854775808n],
    [typeOf('oid'), '4294967295', 4294967295n],
    [typeOf('float4'), '1.5', 1.5],
    [typeOf('float8'), '0.1', 0.1],
    [typeOf('float8'), '1e+300', 1e300],
    [typeOf('float8'), 'NaN', Number.NaN],
    [typeOf('float8'), '-Infinity', -Infinity],
    [typeOf('text'), '', ''],
    [typeOf('text'), 'ünïcödé \u{1f600}', 'ünïcödé \u{1f600}'],
    [typeOf('json'), '{"a": 1.50}', '{"a": 1.50}'],
    [typeOf('uuid'), '4d47e190-0402-4048-bc2c-89dd54343cdc', '4d47e190-0402-4048-bc2c-89dd54343cdc'],
    [typeOf('bytea'), '\\x', Buffer.alloc(0)],
    [typeOf('bytea'), '\\x00ff', Buffer.from([0, 255])],
    [typeOf('numeric'), '1.10', '1.10'],
    [typeOf('numeric'), 'NaN', 'NaN'],
    [typeOf('numeric', numeric(10, 2)), '-0.01', Buffer.from([255])],
    [typeOf('numeric', numeric(10, 2)), '1234567.80', Buffer.from('075bcd0c', 'hex')],
    [typeOf('numeric', numeric(2, 5)), '0.00012', '0.00012'],
    [typeOf('numeric', numeric(5, -2)), '12300', '12300'],
    [typeOf('date'), '2024-02-29', 19782],
    [typeOf('date'), '-infinity', -2147483648],
    [typeOf('time'), '24:00:00', 86_400_000_000n],
    [typeOf('timetz'), '12:34:56-08', '12:34:56-08'],
    [typeOf('timestamp'), '2024-02-29 12:34:56.000001', timestamp + 1n],
    [typeOf('timestamp'), '0044-03-15 10:00:00 BC', -63517788000000000n],
    [typeOf('timestamptz'), '2024-02-29 12:34:56+00', timestamp],
    [typeOf('timestamptz'), 'infinity', 2n ** 63n - 1n],
    [typeOf('interval'), 'P1D', 'P1D'],
    [typeOf('int4[]'), '{}', []],
    [typeOf('int4[]'), '{1,NULL,-3}', [1, null, -3]],
    [typeOf('text[]'), '{a,"b,c","d\\"e",NULL}', ['a', 'b,c', 'd"e', null]],
    [typeOf('enum'), 'happy', 'happy'],
    [typeOf('box'), '(2,2),(0,0)', '(2,2),(0,0)']
  ]
  for (const [type, text, value] of mapping) assert.deepEqual(readBack(type, text), value, `${type.name} ${text}`)
})

test('what the Avro type cannot tell is refused, without quoting it', () => {
  const wrong: [ColumnType, text: string, what: RegExp][] = [
    [typeOf('int4'), '1.5', /whole number/],
    [typeOf('int8'), '', /whole number/],
    [typeOf('boolean'), 'true', /boolean/],
    [typeOf('float8'), '1,5', /number/],
    [typeOf('bytea'), 'escape\\000', /bytea_output=hex/],
    [typeOf('bytea'), '\\x0g', /bytea_output=hex/],
    [typeOf('numeric', numeric(10, 2)), 'NaN', /NaN/],
    [typeOf('date'), '29.02.2024', /DateStyle/],
    [typeOf('time'), '12:34', /DateStyle/],
    [typeOf('timestamptz'), '2024-02-29 12:34:56+02', /TimeZone/],
    [typeOf('timestamp'), '294276-12-31 23:59:59', /64 bits/],
    [typeOf('int4[]'), '{{1,2},{3,4}}', /one dimension/],
    [typeOf('int4[]'), '[0:1]={1,2}', /lower bounds/],
    [typeOf('int4[]'), '{1,x}', /whole number/],
    [typeOf('int4[]'), '{1', /array literal/]
  ]
  for (const [type, text, what] of wrong) assert.match(String(encoded(type, text)), what, `${type.name} ${text}`)
})
