import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Operation } from '@tidemark/schemas/operation.ts'
import { Producer } from '../producer.ts'
import { tableRule, type TableRule } from '../rules.ts'
import { insert, remove, table, transaction, UNCHANGED, update } from '../testing/operations.ts'
import { RecordingSink, type RecordedRecord } from '../testing/recording-sink.ts'
import { cloudEventsFormat } from './cloudevents.ts'

const account = table('account', { id: 'int8', owner: 'text' })
const position = '0000000000000000'

function recordsOf(operations: Operation[], given: Partial<TableRule> = {}): RecordedRecord[] {
  const sink = new RecordingSink()
  const tables = [tableRule('public.account', 'bank', { format: 'cloudevents', ...given })]
  const rules = { tables, outbox: { tables: [], messages: [] } }
  const producer = new Producer({ rules, sink, formats: [cloudEventsFormat('bank 1')] })
  for (const operation of operations) producer.process(operation)
  return sink.take()
}

function attributes(id: string, happening: string): Record<string, string> {
  return {
    ce_id: id,
    ce_specversion: '1.0',
    ce_source: '/tidemark/bank%201',
    ce_type: `dev.tidemark.row.${happening}`,
    ce_subject: 'public.account',
    ce_time: '2024-02-29T12:00:00.000001Z',
    'content-type': 'application/json'
  }
}

test('an event is the row as JSON with its attributes in headers', () => {
  assert.deepEqual(recordsOf([insert(account, ['1', 'Ann'])]), [
    {
      topic: 'bank.public.account',
      key: '{"id":1}',
      value: '{"id":1,"owner":"Ann"}',
      headers: attributes(`${position}:757:3`, 'inserted')
    }
  ])
})

test('the type tells what happened; a tombstone is an event without data', () => {
  const copied = { transaction: { ...transaction, kind: 'refresh' as const } }
  const records = recordsOf([
    insert(account, ['1', 'Ann'], copied),
    update(account, null, ['1', 'Bob']),
    remove(account, ['1', null], true)
  ])
  assert.deepEqual(
    records.map(({ value, headers }) => [value, headers['ce_type']]),
    [
      ['{"id":1,"owner":"Ann"}', 'dev.tidemark.row.read'],
      ['{"id":1,"owner":"Bob"}', 'dev.tidemark.row.updated'],
      [null, 'dev.tidemark.row.deleted']
    ]
  )
  assert.deepEqual(records[2]!.headers, attributes(`${position}:757:3:d`, 'deleted'))
})

test('the two events of a changed key have ids of their own', () => {
  const records = recordsOf([update(account, ['1', null], ['2', 'Ann'], true)])
  assert.deepEqual(
    records.map(({ key, headers }) => [key, headers['ce_id']]),
    [
      ['{"id":1}', `${position}:757:3:d`],
      ['{"id":2}', `${position}:757:3`]
    ]
  )
})

test('the same operation sent again has the same id, another transaction another one', () => {
  const other = { ...transaction, sourceId: '758', commitTime: transaction.commitTime + 1 }
  const records = recordsOf([
    insert(account, ['1', 'Ann']),
    insert(account, ['1', 'Ann'], { transaction: other, ordinal: 12 }),
    insert(account, ['1', 'Ann'])
  ])
  assert.deepEqual(
    records.map(({ headers }) => [headers['ce_id'], headers['ce_time']]),
    [
      [`${position}:757:3`, '2024-02-29T12:00:00.000001Z'],
      [`${position}:758:12`, '2024-02-29T12:00:00.000002Z'],
      [`${position}:757:3`, '2024-02-29T12:00:00.000001Z']
    ]
  )
})

test('headers of the row itself come along', () => {
  const [record] = recordsOf([update(account, null, ['1', UNCHANGED])])
  assert.equal(record!.headers['tidemark.unchanged'], '["owner"]')
  const [content] = recordsOf([remove(account, ['1', null], true)], { deletes: 'content' })
  assert.equal(content!.headers['tidemark.operation'], 'delete')
  assert.equal(content!.headers['ce_type'], 'dev.tidemark.row.deleted')
})
