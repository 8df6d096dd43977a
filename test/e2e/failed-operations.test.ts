import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { TransactionConsumer, type ConsumedTransaction } from '@tidemark/tcc-consumer'
import { startProgram } from '../support/child.ts'
import { applyBank, runBank, tidemark } from './bank-subscription.ts'
import { useSubscribedDatabase, type SubscribedDatabase } from './subscribed-database.ts'

const program = join(import.meta.dirname, '../../capture/main.ts')

/** Sends two records of a payment; fails between them when it is above 500. */
const processor = `export default {
  name: 'payments',
  process(operation, out) {
    if (operation.kind !== 'insert') return
    out.default(operation)
    if (operation.after.number('amount') > 500) throw new Error('too much for ' + operation.after.text('payee'))
    out.send({ topic: 'TOPIC', key: operation.key, value: 'booked' })
  }
}
`

/** SubscribedDatabase through the processor above, with the policy given; one row that fails is there before. */
async function usePayments(t: TestContext, onFailure: string, more = ''): Promise<SubscribedDatabase> {
  const payments = await useSubscribedDatabase(t, 'pay', 2)
  writeFileSync(join(payments.directory, 'payments.mjs'), processor.replace('TOPIC', `${payments.name}.booked`))
  payments.configure(`tables:
  public.payment:
    processor: payments.mjs
    onFailure: ${onFailure}
    columns: {payee: {hash: {salt: 0123456789abcdef}}}
${more}`)
  await payments.sql('CREATE TABLE payment (id int PRIMARY KEY, payee text, amount numeric(12,2))')
  await payments.sql("INSERT INTO payment VALUES (1, 'Ann', 900), (2, 'Ben', 1)")
  return payments
}

/** What a reader is handed, until the payment of that id. */
async function readUntil({ brokers, name }: SubscribedDatabase, id: number): Promise<ConsumedTransaction[]> {
  const consumer = new TransactionConsumer({ brokers, commitStream: `${name}.commits` })
  const transactions: ConsumedTransaction[] = []
  for await (const transaction of consumer) {
    // Those that say where a first copy begins and ends are of no interest.
    if (transaction.records.length + transaction.parked.length > 0) transactions.push(transaction)
    if (transaction.records.some(({ value }) => value?.includes(`{"id":${id},`))) break
  }
  await consumer.close()
  return transactions
}

/** `topic key` of each record, `topic id` of each letter. */
function outline({ name }: SubscribedDatabase, { records, parked }: ConsumedTransaction): unknown {
  const lines = records.map(({ topic, key, value }) => {
    const short = topic.slice(name.length + 1)
    if (short !== 'dead-letters') return `${short} ${key?.toString()}`
    const letter = JSON.parse(value!.toString()) as { key: { id: number }; reason: string }
    return `${short} ${letter.key.id} ${letter.reason}`
  })
  return [lines, parked.map(({ operation, table, reason }) => `${operation} ${table} ${reason}`)]
}

const booked = (id: number): string[] => [`public.payment {"id":${id}}`, `booked {"id":${id}}`]
const letter = (id: number): string => `dead-letters ${id} PROCESSOR_FAILED`
const entry = (operation: number): string => `${operation} public.payment PROCESSOR_FAILED`

/** Transactions with a failing operation first, amid others, and alone. */
async function pay({ sql }: SubscribedDatabase): Promise<void> {
  await sql("BEGIN; INSERT INTO payment VALUES (3, 'Cem', 700); INSERT INTO payment VALUES (4, 'Dag', 4); COMMIT")
  await sql("INSERT INTO payment VALUES (5, 'Eva', 5), (6, 'Fay', 600), (7, 'Gus', 7)")
  await sql("INSERT INTO payment VALUES (8, 'Hal', 800)")
  await sql("INSERT INTO payment VALUES (9, 'Ida', 9)")
}

test('a failed operation is parked once, with its transaction, wherever the agent is killed', async t => {
  const payments = await usePayments(t, 'park')
  await applyBank(t, payments)
  await pay(payments)
  // The first time is the owner's first word.
  for (const point of ['data-stored:2', 'commit-next:2', 'commit-stored:2', 'settle-next:1']) {
    const environment = { TIDEMARK_FAULT_POINT: point }
    const { signal } = await startProgram(t, program, { args: ['run', '-c', payments.config], environment }).ended
    assert.equal(signal, 'SIGKILL', point)
  }
  await runBank(t, payments)
  const transactions = await readUntil(payments, 9)
  assert.deepEqual(
    transactions.map(transaction => outline(payments, transaction)),
    [
      [[letter(1), ...booked(2)], [entry(0)]],
      [[letter(3), ...booked(4)], [entry(0)]],
      [[...booked(5), letter(6), ...booked(7)], [entry(1)]],
      [[letter(8)], [entry(0)]],
      [booked(9), []]
    ]
  )
  const letters = transactions.flatMap(({ records }) => records).filter(({ topic }) => topic.endsWith('dead-letters'))
  for (const { value } of letters) assert.doesNotMatch(value!.toString(), /Ann|Cem|Fay|Hal|too much/)
  const said = JSON.parse(letters[1]!.value!.toString()) as Record<string, unknown>
  assert.deepEqual(
    [said['transaction'], said['sequence'], said['ordinal'], said['operation']],
    [transactions[1]!.sourceId, transactions[1]!.sequence, 0, 'insert']
  )
})

test('status counts dead letters', async t => {
  const payments = await usePayments(t, 'park')
  await applyBank(t, payments)
  const { code, output } = await tidemark(t, 'status', '--json', '-c', payments.config)
  const { findings } = JSON.parse(output) as { findings: { code: string; severity: string; what: string }[] }
  const parked = findings.filter(finding => finding.code === 'OPERATIONS_PARKED')
  assert.deepEqual([code, parked.length, parked[0]?.severity], [0, 1, 'warning'])
  assert.match(parked[0]!.what, /dead-letters holds 1 dead letter:/)
})

test('events of an outbox and of logical messages are parked with the transaction that has them', async t => {
  const more = `outbox:
  public.event: {onFailure: park, topic: NAME.events, columns: {payload: {hash: {salt: 0123456789abcdef}}}}
  message: {orders: {onFailure: park, topic: NAME.orders}}
`
  const payments = await usePayments(t, 'park', more)
  writeFileSync(payments.config, readFileSync(payments.config, 'utf8').replaceAll('NAME', payments.name))
  await payments.sql('CREATE TABLE event (id text PRIMARY KEY, aggregatetype text, aggregateid text, payload text)')
  await applyBank(t, payments)
  await runBank(t, payments)
  await payments.sql(`BEGIN;
    INSERT INTO event VALUES ('e1', 'order', '1', 'said'), ('e2', NULL, '2', 'hushed');
    SELECT pg_logical_emit_message(true, 'orders', 'no JSON');
    SELECT pg_logical_emit_message(true, 'orders', '{"id":"m","aggregatetype":"a","aggregateid":"3","payload":"p"}');
    COMMIT`)
  await payments.sql("INSERT INTO payment VALUES (9, 'Ida', 9)")
  const [, transaction] = await readUntil(payments, 9)
  assert.deepEqual(
    transaction!.parked.map(({ operation, table, reason }) => `${operation} ${table} ${reason}`),
    ['1 public.event ROW_UNSUITABLE', '2 orders ROW_UNSUITABLE']
  )
  assert.deepEqual(
    transaction!.records.map(({ topic, key }) => `${topic.slice(payments.name.length + 1)} ${key?.toString()}`),
    ['events 1', 'dead-letters public.event', 'dead-letters orders', 'orders 3']
  )
  const letters = transaction!.records.slice(1, 3).map(({ value }) => value!.toString())
  assert.doesNotMatch(letters[0]!, /hushed/)
  const { content } = JSON.parse(letters[1]!) as { content: string }
  assert.equal(Buffer.from(content, 'base64').toString(), 'no JSON')
})

test('an agent whose processor loops is ended with a word, and nothing of its transaction is lost or half there', async t => {
  const payments = await usePayments(t, 'park', '\nprocessors: {callMsMax: 1000}\n')
  const file = join(dirname(payments.config), 'payments.mjs')
  const correct = readFileSync(file, 'utf8')
  await applyBank(t, payments)
  writeFileSync(file, correct.replace('throw new', "if (operation.after.text('id') === '3') for (;;); throw new"))
  await pay(payments)
  const { code, signal, output } = await tidemark(t, 'run', '-c', payments.config, '--log-format', 'json')
  assert.deepEqual([code, signal], [null, 'SIGKILL'])
  assert.match(output, /"event":"PROCESSOR_STUCK".*payments\.mjs, in process of public\.payment, did not return/)
  writeFileSync(file, correct)
  await runBank(t, payments)
  const transactions = await readUntil(payments, 9)
  assert.deepEqual(outline(payments, transactions[1]!), [[letter(3), ...booked(4)], [entry(0)]])
  assert.equal(transactions.length, 5)
})

test('a failed operation is left out and told, or stops the agent before its transaction', async t => {
  const skipping = await usePayments(t, 'skip')
  await applyBank(t, skipping)
  const agent = await runBank(t, skipping)
  await pay(skipping)
  await agent.line(/producer\.notice.*operations on public\.payment were skipped.*PROCESSOR_FAILED/)
  const transactions = await readUntil(skipping, 9)
  assert.deepEqual(
    transactions.map(transaction => outline(skipping, transaction)),
    [
      [booked(2), []],
      [booked(4), []],
      [[...booked(5), ...booked(7)], []],
      [booked(9), []]
    ]
  )
  const stopping = await usePayments(t, 'stop')
  const { code, output } = await tidemark(t, 'apply', '--yes', '-c', stopping.config)
  assert.equal(code, 1)
  assert.match(output, /PROCESSOR_FAILED.*payments\.mjs/s)
  assert.doesNotMatch(output, /Ann/)
})
