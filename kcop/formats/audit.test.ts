import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Operation } from '@tidemark/schemas/operation.ts'
import { Producer } from '../producer.ts'
import { tableRule } from '../rules.ts'
import { insert, remove, table, transaction, UNCHANGED, update } from '../testing/operations.ts'
import { RecordingSink, type RecordedRecord } from '../testing/recording-sink.ts'
import { isoMicroseconds } from './journal.ts'

const account = table('account', { id: 'int8', owner: 'text' })
const whole = { ...account, replicaIdentity: 'full' as const }
const journal = (entry: string) => ({
  A_ENTTYP: entry,
  A_TIMSTAMP: '2024-02-29T12:00:00.000001Z',
  A_CCID: '757',
  A_SEQNO: 3
})

function recordsOf(operation: Operation, format: string): RecordedRecord[] {
  const sink = new RecordingSink()
  const rules = { tables: [tableRule('public.account', 'bank', { format })], outbox: { tables: [], messages: [] } }
  const producer = new Producer({ rules, sink })
  producer.process(operation)
  return sink.take()
}

function rowsOf(operation: Operation, format = 'audit'): [key: unknown, value: unknown, headers: unknown][] {
  return recordsOf(operation, format).map(({ key, value, headers }) => [
    key === null ? null : JSON.parse(key),
    JSON.parse(value!),
    headers
  ])
}

test('an insert is one row with its journal columns, an update two, a delete the row before', () => {
  assert.deepEqual(rowsOf(insert(account, ['1', 'Ann'])), [[{ id: 1 }, { id: 1, owner: 'Ann', ...journal('PT') }, {}]])
  assert.deepEqual(rowsOf(update(whole, ['1', 'Ann'], ['1', 'Bob'])), [
    [{ id: 1 }, { id: 1, owner: 'Ann', ...journal('UB') }, {}],
    [{ id: 1 }, { id: 1, owner: 'Bob', ...journal('UP') }, {}]
  ])
  assert.deepEqual(rowsOf(remove(whole, ['1', 'Ann'])), [[{ id: 1 }, { id: 1, owner: 'Ann', ...journal('DL') }, {}]])
})

test('a row of a first copy is told from an insert', () => {
  const copied = insert(account, ['1', 'Ann'], { transaction: { ...transaction, kind: 'refresh' } })
  assert.deepEqual(rowsOf(copied), [[{ id: 1 }, { id: 1, owner: 'Ann', ...journal('RR') }, {}]])
})

test('a row before of which the server sent less names what it lacks', () => {
  const unknown = { 'tidemark.unknown': '["owner"]' }
  assert.deepEqual(rowsOf(update(account, null, ['1', 'Bob'])), [
    [{ id: 1 }, { id: 1, ...journal('UB') }, unknown],
    [{ id: 1 }, { id: 1, owner: 'Bob', ...journal('UP') }, {}]
  ])
  assert.deepEqual(rowsOf(update(account, ['1', null], ['2', 'Bob'], true)), [
    [{ id: 1 }, { id: 1, ...journal('UB') }, unknown],
    [{ id: 2 }, { id: 2, owner: 'Bob', ...journal('UP') }, {}]
  ])
  assert.deepEqual(rowsOf(remove(account, ['1', null], true)), [[{ id: 1 }, { id: 1, ...journal('DL') }, unknown]])
})

test('a single audit row has both images, null where there is none', () => {
  const single = (operation: Operation) => rowsOf(operation, 'audit-single')
  assert.deepEqual(single(insert(account, ['1', 'Ann'])), [
    [{ id: 1 }, { beforeImage: null, afterImage: { id: 1, owner: 'Ann' }, ...journal('PT') }, {}]
  ])
  assert.deepEqual(single(update(whole, ['1', 'Ann'], ['2', 'Bob'])), [
    [{ id: 2 }, { beforeImage: { id: 1, owner: 'Ann' }, afterImage: { id: 2, owner: 'Bob' }, ...journal('UP') }, {}]
  ])
  assert.deepEqual(single(remove(whole, ['1', 'Ann'])), [
    [{ id: 1 }, { beforeImage: { id: 1, owner: 'Ann' }, afterImage: null, ...journal('DL') }, {}]
  ])
})

test('a single audit row names what either image lacks', () => {
  const [record] = rowsOf(update(account, null, ['1', UNCHANGED]), 'audit-single')
  assert.deepEqual(record, [
    { id: 1 },
    { beforeImage: { id: 1 }, afterImage: { id: 1 }, ...journal('UP') },
    { 'tidemark.unknown': '["owner"]', 'tidemark.unchanged': '["owner"]' }
  ])
})

test('a table without a key can be audited: its records have none', () => {
  const keyless = { ...whole, keyColumns: [] }
  assert.deepEqual(rowsOf(update(keyless, ['1', 'Ann'], ['1', 'Bob'])), [
    [null, { id: 1, owner: 'Ann', ...journal('UB') }, {}],
    [null, { id: 1, owner: 'Bob', ...journal('UP') }, {}]
  ])
})

test('a column named like a journal column is refused in the flat form only', () => {
  const clash = table('account', { id: 'int8', A_CCID: 'text' })
  assert.throws(() => recordsOf(insert(clash, ['1', 'x']), 'audit'), { code: 'ROW_UNSUITABLE' })
  assert.equal(recordsOf(insert(clash, ['1', 'x']), 'audit-single').length, 1)
})

test('journal columns follow the transaction', () => {
  const sink = new RecordingSink()
  const rules = {
    tables: [tableRule('public.account', 'bank', { format: 'audit' })],
    outbox: { tables: [], messages: [] }
  }
  const producer = new Producer({ rules, sink })
  const ids = ['refresh:"odd":1', '758'].map((sourceId, ordinal) => {
    producer.process(
      insert(account, ['1', 'x'], { ordinal: ordinal * 1_000_000, transaction: { ...transaction, sourceId } })
    )
    const { A_CCID, A_SEQNO } = JSON.parse(sink.take()[0]!.value!) as Record<string, unknown>
    return [A_CCID, A_SEQNO]
  })
  assert.deepEqual(ids, [
    ['refresh:"odd":1', 0],
    ['758', 1_000_000]
  ])
})

test('commit times keep their microseconds, before 1970 too', () => {
  assert.equal(isoMicroseconds(1_709_208_000_123_456), '2024-02-29T12:00:00.123456Z')
  assert.equal(isoMicroseconds(-1), '1969-12-31T23:59:59.999999Z')
  assert.equal(isoMicroseconds(0), '1970-01-01T00:00:00.000000Z')
})
