import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Operation } from '@tidemark/schemas/operation.ts'
import { Producer } from '../producer.ts'
import { tableRule, type MonitorRule } from '../rules.ts'
import { insert, remove, table, transaction, update } from '../testing/operations.ts'
import { RecordingSink } from '../testing/recording-sink.ts'
import { add, amountOf, compare, formatAmount } from './decimal.ts'

const transfer = table('transfer', { id: 'int8', amount: 'numeric', note: 'text' })
const fee = table('fee', { id: 'int8', amount: 'int4' })

function rule(given: Partial<MonitorRule> = {}): MonitorRule {
  return {
    name: 'large',
    topic: 'bank.monitor',
    tables: ['public.transfer'],
    operations: ['insert', 'update'],
    measure: 'sum',
    column: 'amount',
    where: null,
    above: '500',
    below: null,
    equals: null,
    per: 'transaction',
    place: null,
    ...given
  }
}

class PlacedSink extends RecordingSink {
  place() {
    return { stream: 255, epoch: 7, sequence: 42, bookmark: 'tm1.made' }
  }
}

type Told = Record<string, unknown>

/** What a rule tells of each transaction of the operations. */
function told(given: Partial<MonitorRule>, ...transactions: Operation[][]) {
  const sink = new PlacedSink()
  const tables = [tableRule('public.transfer', 'bank'), tableRule('public.fee', 'bank')]
  const producer = new Producer({
    rules: { tables, monitors: [rule(given)], outbox: { tables: [], messages: [] } },
    sink
  })
  return transactions.map(operations => {
    producer.begin(operations[0]?.transaction ?? transaction)
    for (const operation of operations) producer.process(operation)
    producer.commit(operations[0]?.transaction ?? transaction)
    const records = sink.take().filter(record => record.topic === 'bank.monitor')
    return records.map((record): Told => ({ ...(JSON.parse(record.value!) as Told), key: record.key }))
  })
}

function amounts(...texts: (string | null)[]): Operation[] {
  return texts.map((text, index) => insert(transfer, [String(index), text, 'n']))
}

test('a transaction whose amounts sum above the limit is told once, with where it stands', () => {
  const [first, second, third] = told({}, amounts('300.10', '199.91'), amounts('300', '200'), [])
  assert.deepEqual(first, [
    {
      key: 'large',
      rule: 'large',
      per: 'transaction',
      measure: 'sum',
      column: 'amount',
      tables: ['public.transfer'],
      amount: '500.01',
      limits: { above: '500' },
      operations: 2,
      transaction: '757',
      commitTime: '2024-02-29T12:00:00.000001Z',
      position: '0/0',
      stream: '000000ff',
      epoch: 7,
      sequence: 42,
      bookmark: 'tm1.made'
    }
  ])
  assert.deepEqual([second, third], [[], []])
})

test('a rule for each operation tells of the operation', () => {
  const [records] = told({ per: 'operation' }, amounts('500', '500.01', '700'))
  assert.deepEqual(
    records!.map(record => [record.amount, record.kind, record.operation]),
    [
      ['500.01', 'insert', 3],
      ['700', 'insert', 3]
    ]
  )
})

test('counts, smallest and largest values, over tables and conditions, against each limit', () => {
  const one = (given: Partial<MonitorRule>, operations: Operation[]) =>
    told(given, operations)[0]!.map(({ amount }) => amount)
  const both = [...amounts('5', '9.5', null), insert(fee, ['1', '7'])]
  assert.deepEqual(one({ measure: 'count', column: null, above: '2' }, both), ['3'])
  assert.deepEqual(one({ measure: 'count', column: null, tables: [], above: null, equals: '4' }, both), ['4'])
  assert.deepEqual(one({ measure: 'min', above: null, below: '6' }, both), ['5'])
  assert.deepEqual(one({ measure: 'max', above: '9' }, both), ['9.5'])
  assert.deepEqual(one({ tables: ['public.transfer', 'public.fee'], above: '21.4' }, both), ['21.5'])
  assert.deepEqual(one({ where: 'amount > 6', above: '9' }, both), ['9.5'])
  assert.deepEqual(one({ above: '1', below: '14.5' }, both), [])
  assert.deepEqual(one({ above: null, equals: '14.50' }, both), ['14.5'])
})

test('a delete is looked at by the row before, and only when the rule says so', () => {
  const whole = { ...transfer, replicaIdentity: 'full' as const }
  const operations = [remove(whole, ['1', '900', 'n']), update(whole, ['2', '1', 'n'], ['2', '3', 'n'])]
  assert.deepEqual(told({}, operations), [[]])
  assert.equal(told({ operations: ['delete'] }, operations)[0]![0]!.amount, '900')
})

test('of a delete that tells its key alone nothing else is believed: the rule is refused, not passed over', () => {
  const operations = [remove(transfer, ['1', null, null], true)]
  assert.throws(() => told({ operations: ['delete'] }, operations), { code: 'ROW_UNSUITABLE' })
  const count: Partial<MonitorRule> = { operations: ['delete'], measure: 'count', column: null, above: '0' }
  assert.throws(() => told({ ...count, where: "note = 'n'" }, operations), { code: 'ROW_UNSUITABLE' })
  assert.throws(() => told({ ...count, where: 'note IS NULL' }, operations), { code: 'ROW_UNSUITABLE' })
  assert.equal(told({ ...count, where: 'id = 1' }, operations)[0]![0]!.amount, '1')
})

test('a transaction is judged alone: nothing of the one before is left, even if that was given up', () => {
  const sink = new RecordingSink()
  const tables = [tableRule('public.transfer', 'bank')]
  const producer = new Producer({ rules: { tables, monitors: [rule()], outbox: { tables: [], messages: [] } }, sink })
  producer.begin(transaction)
  for (const operation of amounts('400')) producer.process(operation)
  producer.begin(transaction)
  for (const operation of amounts('400')) producer.process(operation)
  producer.commit(transaction)
  assert.deepEqual(
    sink.take().filter(record => record.topic === 'bank.monitor'),
    []
  )
})

test('rows of a first copy are no events', () => {
  const context = { ...transaction, kind: 'refresh' as const }
  assert.deepEqual(told({}, [insert(transfer, ['1', '900', 'n'], { transaction: context })]), [[]])
})

test('a rule that does not fit its table stops when the table is met', () => {
  const refuse = (given: Partial<MonitorRule>, code: string) =>
    assert.throws(() => told(given, amounts('1')), { code, place: 'tidemark.yaml:9:5' })
  const place = 'tidemark.yaml:9:5'
  refuse({ column: 'colour', place }, 'COLUMN_UNKNOWN')
  refuse({ column: 'note', place }, 'CONFIG_INVALID')
  assert.throws(() => told({ where: "colour = 'a'" }, amounts('1')), { code: 'COLUMN_UNKNOWN' })
})

test('sums are exact, whatever the scale', () => {
  assert.equal(formatAmount(add(amountOf('0.1')!, amountOf('0.2')!)), '0.3')
  assert.equal(formatAmount(add(amountOf('-0.05')!, amountOf('0.010')!)), '-0.040')
  assert.equal(formatAmount(amountOf('1.5e3')!), '1500')
  assert.equal(formatAmount(amountOf('25e-3')!), '0.025')
  assert.equal(formatAmount(add('Infinity', amountOf('1')!)), 'Infinity')
  assert.equal(formatAmount(add('Infinity', '-Infinity')), 'NaN')
  assert.ok(compare('NaN', 'Infinity') > 0 && compare('-Infinity', amountOf('-1')!) < 0)
  const cents = fc.array(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }), { maxLength: 20 })
  fc.assert(
    fc.property(cents, values => {
      const texts = values.map(value => formatAmount({ digits: value, scale: 2 }))
      const sum = texts.map(text => amountOf(text)!).reduce(add, amountOf('0')!)
      const wanted = values.reduce((total, value) => total + value, 0n)
      return compare(sum, { digits: wanted, scale: 2 }) === 0
    })
  )
})
