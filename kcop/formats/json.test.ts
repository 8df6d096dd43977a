import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { columnValue, type ColumnValue } from '@tidemark/schemas/column-value.ts'
import { parseJson } from '@tidemark/schemas/json-text.ts'
import { Scratch } from '../scratch.ts'
import { columnType, insert, remove, table, tuple, UNCHANGED, update } from '../testing/operations.ts'
import { jsonFormat } from './json.ts'
import { writeJsonColumn } from './json-column.ts'
import { jsonTypeOf } from './json-type.ts'

function jsonOf(kind: string, text: string): string {
  const into = new Scratch()
  const bytes = Buffer.from(`before${text}behind`)
  const end = bytes.length - 6
  assert.equal(writeJsonColumn(jsonTypeOf(columnType(kind)), bytes, 6, end, into), null)
  return into.bytes.toString('utf8', 0, into.length)
}

function faultOf(kind: string, text: string): string | null {
  const bytes = Buffer.from(text)
  return writeJsonColumn(jsonTypeOf(columnType(kind)), bytes, 0, bytes.length, new Scratch())
}

const mapping: [kind: string, text: string, json: string][] = [
  ['boolean', 't', 'true'],
  ['boolean', 'f', 'false'],
  ['int2', '-32768', '-32768'],
  ['int8', '9223372036854775807', '9223372036854775807'],
  ['oid', '4294967295', '4294967295'],
  ['float8', '1e+300', '1e+300'],
  ['float8', '-0', '-0'],
  ['float4', 'NaN', '"NaN"'],
  ['float8', 'Infinity', '"Infinity"'],
  ['float8', '-Infinity', '"-Infinity"'],
  ['numeric', '0.10', '"0.10"'],
  ['numeric', 'NaN', '"NaN"'],
  ['text', 'plain', '"plain"'],
  ['text', '', '""'],
  ['text', 'say "\\"\n', '"say \\"\\\\\\"\\n"'],
  ['text', '\u0001\u001f\b\f\r\t\u007f', '"\\u0001\\u001f\\b\\f\\r\\t\u007f"'],
  ['bytea', '\\x', '""'],
  ['bytea', '\\x00', '"AA=="'],
  ['bytea', '\\x00ff', '"AP8="'],
  ['bytea', '\\x00ffAB', '"AP+r"'],
  ['date', '2024-02-29', '"2024-02-29"'],
  ['date', '0044-03-15 BC', '"0044-03-15 BC"'],
  ['time', '12:34:56.789', '"12:34:56.789"'],
  ['timestamp', '2024-02-29 12:34:56.123456', '"2024-02-29T12:34:56.123456"'],
  ['timestamp', '0044-03-15 00:00:00 BC', '"0044-03-15 00:00:00 BC"'],
  ['timestamp', '294276-12-31 23:59:59.999999', '"294276-12-31T23:59:59.999999"'],
  ['timestamp', '-infinity', '"-infinity"'],
  ['timestamptz', '2024-02-29 12:34:56+00', '"2024-02-29T12:34:56Z"'],
  ['timestamptz', '2024-02-29 12:34:56.000001+00', '"2024-02-29T12:34:56.000001Z"'],
  ['timestamptz', '0044-03-15 00:00:00+00 BC', '"0044-03-15 00:00:00+00 BC"'],
  ['timestamptz', 'infinity', '"infinity"'],
  ['interval', 'P1Y-2M3DT4H5M6.5S', '"P1Y-2M3DT4H5M6.5S"'],
  ['json', '{"a": 12345678901234567890.10}', '{"a": 12345678901234567890.10}'],
  ['enum', 'so "so"', '"so \\"so\\""'],
  ['other', '(1,"a b")', '"(1,\\"a b\\")"'],
  ['int4[]', '{}', '[]'],
  ['int4[]', '{1,NULL,-3}', '[1,null,-3]'],
  ['int4[]', '{{1,2},{3,4}}', '[[1,2],[3,4]]'],
  ['int4[]', '[0:1]={1,2}', '"[0:1]={1,2}"'],
  [
    'text[]',
    '{a,"NULL",NULL,"","b,c","{d}","e\\"f","g\\\\h","i j"}',
    '["a","NULL",null,"","b,c","{d}","e\\"f","g\\\\h","i j"]'
  ],
  ['boolean[]', '{t,f,NULL}', '[true,false,null]'],
  ['timestamptz[]', '{"2024-02-29 00:00:00+00"}', '["2024-02-29T00:00:00Z"]'],
  ['bytea[]', '{"\\\\x00ff"}', '["AP8="]'],
  ['json[]', '{"{\\"a\\": 1}",null}', '[{"a": 1},null]'],
  ['box[]', '{(1,1),(0,0);(2,2),(1,1)}', '["(1,1),(0,0)","(2,2),(1,1)"]'],
  ['int4[][]', '{"{1,NULL}","[0:0]={2}"}', '[[1,null],"[0:0]={2}"]']
]

test('each type is written as docs/types.md says', () => {
  for (const [kind, text, json] of mapping) assert.equal(jsonOf(kind, text), json, `${kind} ${text}`)
})

test('a text that a wrong session setting brings about is refused, without quoting it', () => {
  const wrong: [string, string][] = [
    ['boolean', 'true'],
    ['bytea', 'escape\\000'],
    ['bytea', '\\x0'],
    ['bytea', '\\x0g'],
    ['bytea', '\\x00000g00'],
    ['timestamptz', '2024-02-29 12:34:56+02'],
    ['timestamptz[]', '{"2024-02-29 12:34:56+05:30"}'],
    ['int4[]', '{1,2'],
    ['text[]', '{"a'],
    ['text[]', 'no array'],
    ['int4[]', '{{1}'],
    ['int4[]', '{1}}']
  ]
  for (const [kind, text] of wrong) {
    const fault = faultOf(kind, text)
    assert.ok(fault !== null, `${kind} ${text}`)
    assert.ok(!fault.includes(text))
  }
})

/** Strings that provoke escapes, at lengths on both sides of every limit in the writer. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 100 }),
  fc.string({
    unit: fc.constantFrom('a', '"', '\\', '\n', '\u0000', '\u001f', '\u007f', 'é', '\u2028', '😀'),
    maxLength: 200
  }),
  fc.integer({ min: 0, max: 20_000 }).map(length => 'x'.repeat(length)),
  fc
    .tuple(fc.integer({ min: 0, max: 9_000 }), fc.string({ unit: 'binary' }))
    .map(([length, end]) => 'y'.repeat(length) + end)
)

test('a string that needs an escape early is whole, however long', () => {
  for (const length of [4094, 4095, 4096, 4097, 8192, 20_000]) {
    const text = '"' + Array.from({ length }, (_, index) => 'abcdefghij'[index % 10]).join('') + '\\'
    assert.equal(JSON.parse(jsonOf('text', text)), text)
  }
})

test('any string comes back from its JSON', () => {
  fc.assert(
    fc.property(anyText, text => {
      assert.equal(JSON.parse(jsonOf('text', text)), text)
    })
  )
})

test('strings are written as JSON.stringify writes them', () => {
  fc.assert(
    fc.property(anyText, text => {
      assert.equal(jsonOf('text', text), JSON.stringify(text))
    })
  )
})

test('any bytes come back from their base64', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), bytes => {
      const hex = Buffer.from(bytes).toString('hex')
      assert.equal(jsonOf('bytea', `\\x${hex}`), `"${Buffer.from(bytes).toString('base64')}"`)
    })
  )
})

interface Nested {
  items: (Nested | string | null)[]
}

/** PostgreSQL's text form of an array of texts: everything quoted but null. */
function literal(nested: Nested): string {
  const items = nested.items.map(item => {
    if (item === null) return 'NULL'
    return typeof item === 'string' ? `"${item.replaceAll(/["\\]/g, '\\$&')}"` : literal(item)
  })
  return `{${items.join(',')}}`
}

const { nested } = fc.letrec<{ nested: Nested }>(tie => ({
  nested: fc.record({
    items: fc.array(fc.oneof({ depthSize: 'small' }, anyText, fc.constant(null), tie('nested')), { maxLength: 5 })
  })
}))

function plain(value: Nested): unknown[] {
  return value.items.map(item => (item === null || typeof item === 'string' ? item : plain(item)))
}

test('any array literal comes back as nested arrays', () => {
  fc.assert(
    fc.property(nested, value => {
      assert.deepEqual(JSON.parse(jsonOf('text[]', literal(value))), plain(value))
    })
  )
})

/** What JSON makes of a JavaScript value of docs/types.md. */
function inJson(value: ColumnValue): unknown {
  if (Buffer.isBuffer(value)) return value.toString('base64')
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
  return Array.isArray(value) ? value.map(item => inJson(item as ColumnValue)) : value
}

test('the JSON of a column, read with parseJson, is the value a row object has', () => {
  for (const [kind, text] of mapping) {
    const value = columnValue(columnType(kind), text)
    assert.deepEqual(parseJson(jsonOf(kind, text)), inJson(value), `${kind} ${text}`)
  }
})

const account = table('account', { id: 'int8', owner: 'text', note: 'text' })

function valueOf(operation: Parameters<ReturnType<typeof jsonFormat.compile>['value']>[0], telling: 'row' | 'removal') {
  const into = new Scratch()
  const headers = jsonFormat.compile(operation.table!, [0], 'topic').value(operation, telling, into)
  const text = into.bytes.toString('utf8', 0, into.length)
  return { text, headers: headers === null ? null : headers.bytes.toString('utf8', headers.start, headers.end) }
}

test('a row is an object of its columns in table order, null where SQL has NULL', () => {
  const { text, headers } = valueOf(insert(account, ['1', 'Ann', null]), 'row')
  assert.equal(text, '{"id":1,"owner":"Ann","note":null}')
  assert.equal(headers, null)
})

test('a column that was not sent is left out and named by a header, wherever it stands', () => {
  const rows: [(string | null | typeof UNCHANGED)[], string, string][] = [
    [['1', 'Ann', UNCHANGED], '{"id":1,"owner":"Ann"}', '["note"]'],
    [['1', UNCHANGED, null], '{"id":1,"note":null}', '["owner"]'],
    [['1', UNCHANGED, UNCHANGED], '{"id":1}', '["owner","note"]'],
    [[UNCHANGED, 'Ann', 'x'], '{"owner":"Ann","note":"x"}', '["id"]']
  ]
  for (const [row, json, names] of rows) {
    const { text, headers } = valueOf(update(account, null, row), 'row')
    assert.equal(text, json)
    assert.match(headers!, /tidemark\.unchanged/)
    assert.ok(headers!.endsWith(names))
  }
})

test('the header follows when other columns are left out in the next row', () => {
  const format = jsonFormat.compile(account, [0], 'topic')
  const names = [
    ['1', UNCHANGED, 'a'],
    ['1', 'b', UNCHANGED],
    ['1', UNCHANGED, UNCHANGED],
    ['1', UNCHANGED, 'c']
  ].map(row => {
    const headers = format.value(update(account, null, row as string[]), 'row', new Scratch())!
    return headers.bytes.toString('utf8', headers.end - 16, headers.end).replace(/^[^[]*/, '')
  })
  assert.deepEqual(names, ['["owner"]', '["note"]', '["owner","note"]', '["owner"]'])
})

test('a removed row of which only the key is known has no columns it was not told', () => {
  const { text, headers } = valueOf(remove(account, ['1', null, null], true), 'removal')
  assert.equal(text, '{"id":1}')
  assert.match(headers!, /tidemark\.operation.delete/)
  assert.match(headers!, /tidemark\.unknown.+\["owner","note"\]/)
})

test('the key is an object of the key columns in key order', () => {
  const pairs = table('pair', { a: 'int4', b: 'text', c: 'text' }, { key: ['c', 'a'] })
  const into = new Scratch()
  jsonFormat.compile(pairs, pairs.keyColumns, 'topic').key(tuple(['1', 'x', 'y"']), null, into)
  assert.equal(into.bytes.toString('utf8', 0, into.length), '{"c":"y\\"","a":1}')
})

test('a key column left out as unchanged is taken from the old key, or refused', () => {
  const format = jsonFormat.compile(account, [0], 'topic')
  const into = new Scratch()
  format.key(tuple([UNCHANGED, 'Ann', 'x']), tuple(['7', null, null]), into)
  assert.equal(into.bytes.toString('utf8', 0, into.length), '{"id":7}')
  assert.throws(() => format.key(tuple([UNCHANGED, 'Ann', 'x']), null, new Scratch()), { code: 'ROW_UNSUITABLE' })
  assert.throws(() => format.key(tuple([UNCHANGED, 'Ann', 'x']), tuple([null, null, null]), new Scratch()), {
    code: 'ROW_UNSUITABLE'
  })
})

test('a fault names table and column, not the value', () => {
  const flags = table('flag', { id: 'int4', 'is "on"': 'boolean' })
  assert.throws(
    () => valueOf(insert(flags, ['1', 'secret']), 'row'),
    (error: Error) => {
      assert.match(error.message, /is "on" of public\.flag/)
      return !error.message.includes('secret')
    }
  )
})

test('column names are JSON strings, whatever they hold', () => {
  const odd = table('odd', { 'a"b\\c\n': 'int4', __proto__2: 'int4', ключ: 'int4' })
  const { text } = valueOf(insert(odd, ['1', '2', '3']), 'row')
  assert.deepEqual(Object.entries(JSON.parse(text) as object), [
    ['a"b\\c\n', 1],
    ['__proto__2', 2],
    ['ключ', 3]
  ])
})

test('a value that is larger than a record may be is refused by name', () => {
  const into = new Scratch(100_000)
  const large = insert(account, ['1', 'x'.repeat(100_000), null])
  assert.throws(() => jsonFormat.compile(account, [0], 'topic').value(large, 'row', into), { code: 'RECORD_TOO_LARGE' })
})
