import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { Column, Table } from '@tidemark/schemas/table.ts'
import { withFullNames } from '../../../test/debezium/full-names.ts'
import { learnedFile, type LearnedSchemas } from '../../../test/debezium/learned-schemas.ts'
import { ourSchemas } from '../../../test/debezium/our-records.ts'
import { bare, columnsOf, withoutColumns, type AvroRecord } from '../../../test/debezium/schema-comparison.ts'
import { table } from '../../testing/operations.ts'

// What a running Debezium and an AvroConverter made, as `npm run debezium -- --learn` wrote it down.
const learned = JSON.parse(readFileSync(learnedFile, 'utf8')) as LearnedSchemas
const account = table('account', { id: 'int4', v: 'text' })

function valueOf(of: Table): AvroRecord {
  return withFullNames(ourSchemas(of, 'compared').value) as AvroRecord
}

test('key and envelope have the schemas that a real Debezium and an AvroConverter gave them', () => {
  assert.deepEqual(withFullNames(ourSchemas(account, 'compared').key), learned.key)
  assert.deepEqual(withoutColumns(valueOf(account)), learned.envelope)
})

test('a column of every type has the schema that a real Debezium and an AvroConverter gave it', () => {
  assert.ok(learned.columns.length > 70)
  const [id, v] = account.columns as [Column, Column]
  for (const { type, schema } of learned.columns) {
    const of: Table = { ...account, columns: [id, { ...v, type }] }
    assert.deepEqual(bare(columnsOf(valueOf(of))[1]!.type), schema, JSON.stringify(type))
  }
})
