import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import {
  fieldOpener,
  openJson,
  ReaderKeys,
  TransactionConsumer,
  type ConsumedTransaction,
  type TransactionRecord
} from '@tidemark/tcc-consumer'
import { applyBank, runBank, tidemark } from './bank-subscription.ts'
import { useSubscribedDatabase, type SubscribedDatabase } from './subscribed-database.ts'

const { publicKey, privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' }
})
const secret = randomBytes(32).toString('base64')

/** A database with customers and transfers, and a configuration with the tables and options given. */
async function useCrm(t: TestContext, options: (name: string) => string): Promise<SubscribedDatabase> {
  const crm = await useSubscribedDatabase(t, 'crm', 2)
  writeFileSync(join(crm.directory, 'pii.pub.pem'), publicKey)
  writeFileSync(join(crm.directory, 'pii.key'), secret)
  crm.configure(`${options(crm.name)}
encryption: {keys: {pii: {publicKey: pii.pub.pem, secretKey: pii.key}}}`)
  await crm.sql(`
    CREATE TABLE customer (id int PRIMARY KEY, name text, ssn text, born date, status text);
    ALTER TABLE customer REPLICA IDENTITY FULL;
    CREATE TABLE transfer (id int PRIMARY KEY, amount numeric(12,2));`)
  return crm
}

async function readUntil(
  crm: SubscribedDatabase,
  last: (transaction: ConsumedTransaction) => boolean
): Promise<ConsumedTransaction[]> {
  const consumer = new TransactionConsumer({ brokers: crm.brokers, commitStream: `${crm.name}.commits` })
  const transactions: ConsumedTransaction[] = []
  for await (const transaction of consumer) {
    if (transaction.kind === 'mirror') transactions.push(transaction)
    if (last(transaction)) break
  }
  await consumer.close()
  return transactions
}

function opened(record: TransactionRecord): unknown {
  const keys = new ReaderKeys({ privateKeys: [privateKey], secretKeys: [secret] })
  const opener = fieldOpener(record.topic, Object.fromEntries(record.headers), keys)
  const { value, sealed } = openJson(record.value, opener)
  assert.deepEqual(sealed, {})
  return value
}

test('protected, filtered and repeated rows, and what a rule told, reach a reader as whole transactions', async t => {
  const crm = await useCrm(
    t,
    name => `tables:
  public.customer:
    filter: "status = 'active'"
    columns: {ssn: {encrypt: pii}, born: {deterministic: pii}, name: {mask: {keepLast: 2}}}
    headers: {what: {journal: operation}}
    also: [{topic: ${name}.ids, columns: [status], headers: {}, filter: "status is not null"}]
  public.transfer:
monitor:
  - {name: large, topic: ${name}.monitor, table: public.transfer, sum: amount, above: 500, per: transaction}`
  )
  await applyBank(t, crm)
  await runBank(t, crm)
  await crm.sql("INSERT INTO customer VALUES (1, 'Ann', '4711', '1970-01-31', 'new')")
  await crm.sql(
    "BEGIN; UPDATE customer SET status = 'active'; INSERT INTO transfer VALUES (1, 300), (2, 200.01); COMMIT"
  )
  await crm.sql("UPDATE customer SET status = 'gone'")
  await crm.sql('INSERT INTO transfer VALUES (9, 9)')
  const transactions = await readUntil(crm, ({ records }) => records.some(({ value }) => value?.includes('"id":9')))
  const told = transactions.map(({ records }) =>
    records.map(record => {
      const topic = record.topic.slice(crm.name.length + 1)
      return [topic, record.value === null ? null : topic === 'monitor' ? 'told' : opened(record)]
    })
  )
  assert.deepEqual(told, [
    [['ids', { id: 1, status: 'new' }]],
    [
      ['public.customer', { id: 1, name: '*nn', ssn: '4711', born: '1970-01-31', status: 'active' }],
      ['ids', { id: 1, status: 'active' }],
      ['public.transfer', { id: 1, amount: '300.00' }],
      ['public.transfer', { id: 2, amount: '200.01' }],
      ['monitor', 'told']
    ],
    [
      ['public.customer', null],
      ['ids', { id: 1, status: 'gone' }]
    ],
    [['public.transfer', { id: 9, amount: '9.00' }]]
  ])
  const [row] = transactions[1]!.records
  assert.equal(Object.fromEntries(row!.headers)['what']?.toString(), 'insert')
  assert.doesNotMatch(row!.value!.toString(), /4711|1970|Ann/)
  const monitor = JSON.parse(transactions[1]!.records.at(-1)!.value!.toString()) as Record<string, unknown>
  assert.deepEqual(
    [monitor['amount'], monitor['transaction'], monitor['sequence']],
    ['500.01', transactions[1]!.sourceId, transactions[1]!.sequence]
  )
})

test('check finds what rules get wrong of the tables, at the place of the rule, with the cure', async t => {
  const crm = await useCrm(
    t,
    () => `tables:
  public.customer:
    columns: {snn: {encrypt: pii}}
    also: [{topic: a, key: [status], columns: {status: {encrypt: pii}}}, {topic: b, columns: {snn: plain}, filter: "status > 'a'"}]
  public.transfer: {filter: "amount > 5"}
monitor:
  - {name: large, topic: m, table: public.customer, sum: name, above: 1}`
  )
  const { code, output } = await tidemark(t, 'check', '--json', '-c', crm.config)
  assert.equal(code, 1)
  const { findings } = JSON.parse(output) as {
    findings: { code: string; place: string; what: string; remedy: string }[]
  }
  const errors = findings.filter(({ place }) => place.includes('tidemark.yaml'))
  assert.deepEqual(
    errors.map(({ code, place }) => `${code} ${place.replace(/^.*tidemark.yaml:/, '')}`),
    [
      'COLUMN_UNKNOWN 7:15',
      'COLUMN_UNKNOWN 8:95',
      'FILTER_INVALID 8:116',
      'ROW_UNSUITABLE 9:29',
      'CONFIG_INVALID 11:58'
    ]
  )
  assert.match(errors[3]!.remedy, /ALTER TABLE public\.transfer REPLICA IDENTITY FULL/)
})
