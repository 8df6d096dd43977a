import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { defineTable, insert, message, transaction, update } from '@tidemark/kcop/testing'
import { configuredHarness } from './configured-harness.ts'

const head = `
subscription: bank
postgres: {url: "postgres://tidemark:\${PGPASSWORD}@127.0.0.1/bank"}
kafka: {brokers: ["127.0.0.1:9092"]}
`
const processor = `export default { name: 'own', process(operation, out) {
  out.default(operation)
  out.send({ topic: 'own', key: null, value: operation.after.text('owner') })
} }`

/** A configuration, and a processor beside it. */
function configure(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-harness-'))
  t.after(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'own.ts'), processor)
  const file = join(folder, 'tidemark.yaml')
  writeFileSync(file, text)
  return file
}

const accountColumns = { id: 'bigint', owner: 'text', balance: 'numeric(12,2)' } as const
const account = defineTable('public.account', accountColumns, { key: ['id'] })

test('a configuration file is run as the agent would: rules, processor, Avro, nothing contacted', async t => {
  const file = configure(
    t,
    `${head}
registry: {url: "http://127.0.0.1:1"}
tables:
  public.account:
    processor: ./own.ts
    columns: {owner: {mask: {keepLast: 1}}}
    also: [{topic: accounts.avro, format: avro, columns: [balance]}]
  public.other: {format: csv}`
  )
  const harness = await configuredHarness(file, { PGPASSWORD: 'none' })
  const other = defineTable('public.other', { id: 'integer' }, { key: ['id'] })
  const stranger = defineTable('public.stranger', { id: 'integer' }, { key: ['id'] })
  const row = { id: 1, owner: 'Ada', balance: '10.50' }
  assert.deepEqual(
    harness.run(transaction(insert(account, row), insert(other, { id: 2 }), insert(stranger, { id: 3 }))),
    [
      { topic: 'bank.public.account', key: { id: 1 }, value: { ...row, owner: '**a' }, headers: {} },
      { topic: 'accounts.avro', key: { id: 1 }, value: { id: 1, balance: '10.50' }, headers: {} },
      { topic: 'own', key: null, value: '**a', headers: {} },
      { topic: 'bank.public.other', key: '2', value: '2', headers: {} }
    ]
  )
})

test("Debezium's envelope in Avro is decoded too, records named once included", async t => {
  const file = configure(
    t,
    `${head}
registry: {url: "http://127.0.0.1:1"}
tables: {public.account: {format: debezium-avro}}`
  )
  const harness = await configuredHarness(file, { PGPASSWORD: 'none' })
  const before = { id: 1, owner: 'Ada', balance: '10.50' }
  const full = defineTable('public.account', accountColumns, { key: ['id'], replicaIdentity: 'full' })
  const [record] = harness.run(transaction(update(full, before, { balance: '-0.07' })))
  const value = record!.value as Record<string, unknown>
  assert.deepEqual([record!.key, value['op']], [{ id: 1 }, 'u'])
  assert.deepEqual([value['before'], value['after']], [before, { ...before, balance: '-0.07' }])
})

test('queues of a configuration are run too', async t => {
  const file = configure(
    t,
    `subscription: orders
kafka: {brokers: ["127.0.0.1:9092"]}
mq: {queueManager: QM1, connection: {channel: APP.SVRCONN, name: host(1414)}, queues: {ORDERS.IN: {topic: orders.in}}}`
  )
  const harness = await configuredHarness(file)
  const [record] = harness.run(transaction(message('ORDERS.IN', 'hello', { 'mq.MsgId': 'aa' })))
  assert.deepEqual([record!.topic, record!.value], ['orders.in', 'hello'])
})

test('a configuration that is wrong is refused by file and line', async t => {
  const file = configure(t, `${head}tables: {public.account: {format: strange}}`)
  await assert.rejects(configuredHarness(file, { PGPASSWORD: 'none' }), { code: 'CONFIG_INVALID' })
})
