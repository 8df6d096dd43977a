import assert from 'node:assert/strict'
import { test } from 'node:test'
import avsc from 'avsc'
import type { Operation } from '@tidemark/schemas/operation.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import { Producer } from '../producer.ts'
import { tableRule } from '../rules.ts'
import { insert, remove, table, transaction, UNCHANGED, update } from '../testing/operations.ts'
import { RecordingSink } from '../testing/recording-sink.ts'
import { avroAuditFormats } from './avro-audit.ts'

const account = table('account', { id: 'int4', owner: 'text', note: 'text' })
const whole: Table = { ...account, replicaIdentity: 'full' }
const keyless = table('log', { line: 'text' }, { key: [] })

interface Told {
  key: unknown
  value: Record<string, unknown>
  headers: Record<string, string | null>
}

function told(format: string, of: Table, operations: readonly Operation[]): Told[] {
  const schemas: string[] = []
  const entry = (subject: string, schema: string) => ({ subject, schema, id: schemas.push(schema) - 1, ready: null })
  const sink = new RecordingSink()
  const producer = new Producer({
    rules: { tables: [tableRule(of.qualifiedName, 'bank', { format })], outbox: { tables: [], messages: [] } },
    sink,
    formats: avroAuditFormats({ registry: { entry }, subjects: 'topic', namespace: 'bank' })
  })
  for (const operation of operations) producer.process(operation)
  const read = (bytes: Buffer | null): Record<string, unknown> | null => {
    if (bytes === null) return null
    if (!format.endsWith('avro')) return JSON.parse(bytes.toString()) as Record<string, unknown>
    const schema = JSON.parse(schemas[bytes.readInt32BE(1)]!) as avsc.Schema
    const value: unknown = avsc.Type.forSchema(schema, { wrapUnions: false }).fromBuffer(bytes.subarray(5))
    return JSON.parse(JSON.stringify(value)) as Record<string, unknown>
  }
  return sink.records.map(({ headers }, index) => ({
    key: read(sink.keys[index]!),
    value: read(sink.values[index]!)!,
    headers
  }))
}

/** JSON leaves out what was not sent, Avro has null for it; both name it in a header. */
function withNulls(of: Table, value: Record<string, unknown>): Record<string, unknown> {
  const nulls = Object.fromEntries(of.columns.map(({ name }) => [name, null]))
  if (!('beforeImage' in value)) return { ...nulls, ...value }
  const image = (given: unknown): unknown => (given === null ? null : { ...nulls, ...(given as object) })
  return { ...value, beforeImage: image(value['beforeImage']), afterImage: image(value['afterImage']) }
}

function operationsOn(of: Table): Operation[] {
  const copied = insert(of, ['3', 'Cy', 'c'], { transaction: { ...transaction, kind: 'refresh' } })
  const everywhere = [insert(of, ['1', 'Ann', null]), copied]
  if (of === whole) {
    const old = ['1', 'Ann', 'old']
    return [...everywhere, update(of, old, ['1', 'Bob', UNCHANGED]), update(of, old, ['2', 'x', 'y']), remove(of, old)]
  }
  return [
    ...everywhere,
    update(of, null, ['1', 'Bob', UNCHANGED]),
    update(of, ['1', null, null], ['2', 'Bob', 'n'], true),
    remove(of, ['2', null, null], true)
  ]
}

for (const shape of ['audit', 'audit-single']) {
  test(`the records of ${shape}-avro tell what those of ${shape} tell`, () => {
    for (const audited of [account, whole]) {
      const expected = told(shape, audited, operationsOn(audited)).map(({ value, ...rest }) => ({
        ...rest,
        value: withNulls(audited, value)
      }))
      assert.deepEqual(told(`${shape}-avro`, audited, operationsOn(audited)), expected)
    }
  })
}

test('a journal column follows each transaction, with all its microseconds', () => {
  const later = { ...transaction, sourceId: '758', commitTime: transaction.commitTime + 1 }
  const [first, second] = told('audit-avro', account, [
    insert(account, ['1', 'Ann', null]),
    insert(account, ['2', 'Bob', null], { transaction: later, ordinal: 0 })
  ])
  assert.deepEqual(
    [first, second].map(record => [record!.value['A_CCID'], record!.value['A_TIMSTAMP'], record!.value['A_SEQNO']]),
    [
      ['757', '2024-02-29T12:00:00.000001Z', 3],
      ['758', '2024-02-29T12:00:00.000002Z', 0]
    ]
  )
})

test('a table without a key is audited without keys; a column named like a journal column only in single records', () => {
  assert.equal(told('audit-avro', keyless, [insert(keyless, ['a'])])[0]!.key, null)
  const clash = table('clash', { id: 'int4', A_CCID: 'text' })
  assert.throws(() => told('audit-avro', clash, [insert(clash, ['1', 'x'])]), { code: 'ROW_UNSUITABLE' })
  assert.equal(told('audit-single-avro', clash, [insert(clash, ['1', 'x'])]).length, 1)
})
