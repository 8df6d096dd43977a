import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Operation } from '@tidemark/schemas/operation.ts'
import { Producer } from '../producer.ts'
import { tableRule, type TableRule } from '../rules.ts'
import { insert, remove, table, transaction, UNCHANGED, update, type RowTexts } from '../testing/operations.ts'
import { RecordingSink, type RecordedRecord } from '../testing/recording-sink.ts'

const account = table('account', { id: 'int8', owner: 'text' })
const whole = { ...account, replicaIdentity: 'full' as const }

function recordsOf(operation: Operation, given: Partial<TableRule> = {}): RecordedRecord[] {
  const sink = new RecordingSink()
  const tables = [tableRule('public.account', 'bank', { format: 'csv', ...given })]
  new Producer({ rules: { tables, outbox: { tables: [], messages: [] } }, sink }).process(operation)
  return sink.take()
}

function lineOf(columns: Record<string, string>, texts: RowTexts): string {
  return recordsOf(insert(table('account', columns), texts))[0]!.value!
}

/** A reader of RFC 4180 of one record: cells with whether they were quoted. */
function cellsOf(line: string): { text: string; quoted: boolean }[] {
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|$)/gy
  const cells: { text: string; quoted: boolean }[] = []
  for (let more = true; more;) {
    const match = cell.exec(line)
    assert.ok(match, `not a line of RFC 4180 from ${cell.lastIndex}`)
    const [, quoted, plain, end] = match
    cells.push({ text: quoted?.replaceAll('""', '"') ?? plain!, quoted: quoted !== undefined })
    more = end === ','
  }
  return cells
}

test('a row is a line without a line break, its key the cells of the key columns', () => {
  const [record] = recordsOf(insert(account, ['1', 'Ann']))
  assert.deepEqual(record, { topic: 'bank.public.account', key: '1', value: '1,Ann', headers: {} })
})

test('quotes, commas and line breaks are quoted; null and what was not sent have markers that no text can be taken for', () => {
  const columns = { id: 'int8', a: 'text', b: 'text' }
  assert.equal(lineOf(columns, ['1', 'say "x", y', 'two\r\nlines']), '1,"say ""x"", y","two\r\nlines"')
  assert.equal(lineOf(columns, ['1', null, '']), '1,\\N,""')
  assert.equal(lineOf(columns, ['1', '\\N', '\\U']), '1,"\\N","\\U"')
  const [record] = recordsOf(update(account, null, ['1', UNCHANGED]))
  assert.deepEqual([record!.value, record!.headers], ['1,\\U', { 'tidemark.unchanged': '["owner"]' }])
})

test('values are those of docs/types.md without the quotes of JSON', () => {
  const types: [kind: string, text: string, cell: string][] = [
    ['boolean', 't', 'true'],
    ['float8', 'NaN', 'NaN'],
    ['numeric', '1.10', '1.10'],
    ['timestamptz', '2024-02-29 12:00:00.5+00', '2024-02-29T12:00:00.5Z'],
    ['timestamp', '2024-02-29 12:00:00', '2024-02-29T12:00:00'],
    ['bytea', '\\x00ff', 'AP8='],
    ['bytea', '\\x', '""'],
    ['json', '{"a": 1}', '"{""a"": 1}"'],
    ['int4[]', '{1,NULL}', '"[1,null]"'],
    ['text[]', '[0:1]={"a\\"b",c}', '"[0:1]={""a\\""b"",c}"']
  ]
  for (const [kind, text, cell] of types) assert.equal(lineOf({ id: 'int8', a: kind }, ['1', text]), `1,${cell}`, kind)
})

test('any texts come back from a reader of RFC 4180', () => {
  const value = fc.option(fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('"', ',', '\n', '\\', 'N', 'é') })))
  fc.assert(
    fc.property(value, value, (a, b) => {
      const cells = cellsOf(lineOf({ id: 'int8', a: 'text', b: 'text' }, ['1', a, b]))
      const texts = cells.map(({ text, quoted }) => (text === '\\N' && !quoted ? null : text))
      assert.deepEqual(texts, ['1', a, b])
    })
  )
})

test('a delete is a tombstone, or the old row with a header that says so', () => {
  assert.deepEqual(recordsOf(remove(account, ['1', null], true)), [
    { topic: 'bank.public.account', key: '1', value: null, headers: {} }
  ])
  const content = recordsOf(remove(account, ['1', null], true), { deletes: 'content' })
  assert.deepEqual(content[0]!.headers, { 'tidemark.operation': 'delete', 'tidemark.unknown': '["owner"]' })
  assert.equal(content[0]!.value, '1,\\U')
})

test('with the journal each row ends in entry type, commit time, transaction and ordinal', () => {
  const journal = '2024-02-29T12:00:00.000001Z,757,3'
  const lines = (operation: Operation) =>
    recordsOf(operation, { format: 'csv-journal', deletes: 'content' }).map(record => record.value)
  const copied = { transaction: { ...transaction, kind: 'refresh' as const, sourceId: 'refresh:public."a,b"' } }
  assert.deepEqual(lines(insert(account, ['1', 'Ann'])), [`1,Ann,PT,${journal}`])
  assert.deepEqual(lines(update(whole, ['1', 'Ann'], ['1', 'Bob'])), [`1,Bob,UP,${journal}`])
  assert.deepEqual(lines(update(whole, ['1', 'Ann'], ['2', 'Ann'])), [`1,Ann,DL,${journal}`, `2,Ann,UP,${journal}`])
  assert.deepEqual(lines(remove(whole, ['1', 'Ann'])), [`1,Ann,DL,${journal}`])
  assert.deepEqual(lines(insert(account, ['1', 'Ann'], copied)), [
    '1,Ann,RR,2024-02-29T12:00:00.000001Z,"refresh:public.""a,b""",3'
  ])
})
