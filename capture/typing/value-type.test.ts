import assert from 'node:assert/strict'
import { test } from 'node:test'
import { columnValue } from '@tidemark/schemas/column-value.ts'
import type { ColumnType, TypeKind } from '@tidemark/schemas/table.ts'
import { quoted, valueType } from './value-type.ts'

const labels = new Map([[7, ['happy', 'sad']]])

function typeOf(kind: TypeKind, element: ColumnType | null = null): ColumnType {
  return { oid: 7, name: kind, kind, element, modifier: -1 }
}

/** Texts of a type, and TypeScript's name for what they become. */
const values: [TypeKind, string, readonly string[]][] = [
  ['boolean', 'boolean', ['t', 'f']],
  ['int2', 'number', ['-32768']],
  ['int4', 'number', ['2147483647']],
  ['int8', 'number | bigint', ['1', '9223372036854775807']],
  ['oid', 'number', ['4294967295']],
  ['float4', 'number', ['1.5', 'NaN', '-Infinity']],
  ['float8', 'number', ['1e300']],
  ['numeric', 'string', ['1.10']],
  ['text', 'string', ['']],
  ['date', 'string', ['2024-02-29']],
  ['timestamptz', 'string', ['2024-02-29 10:00:00+00', 'infinity']],
  ['uuid', 'string', ['4d47e190-0402-4048-bc2c-89dd54343cdc']],
  ['other', 'string', ['(1,2)']],
  ['enum', "'happy' | 'sad'", ['sad']]
]

test('the type written is the type of the values that rows give', () => {
  for (const [kind, type, texts] of values) {
    assert.equal(valueType(typeOf(kind), labels), type)
    const own = type.includes("'") ? ['string'] : type.split(' | ')
    for (const text of texts) assert.ok(own.includes(typeof columnValue(typeOf(kind), text)), `${kind} ${text}`)
  }
  assert.equal(valueType(typeOf('bytea'), labels), 'Buffer')
  assert.ok(Buffer.isBuffer(columnValue(typeOf('bytea'), '\\x00ff')))
})

test('an array may be a text, where its bounds are its own', () => {
  const integers = typeOf('array', typeOf('int4'))
  assert.equal(valueType(integers, labels), 'ArrayValue<number>')
  assert.deepEqual(columnValue(integers, '{{1,NULL},{3,4}}'), [
    [1, null],
    [3, 4]
  ])
  assert.equal(columnValue(integers, '[0:1]={1,2}'), '[0:1]={1,2}')
})

test('an enum that nobody knows any more is text', () => assert.equal(valueType(typeOf('enum'), new Map()), 'string'))

test('a literal is the text again, whatever is in it', () => {
  for (const text of ["it's", 'say "x"', `both " and '`, 'a\\b', 'line\nfeed', '\\', "\\'"]) {
    // eslint-disable-next-line no-eval
    assert.equal((0, eval)(quoted(text)), text)
  }
})
