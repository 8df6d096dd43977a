import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import avsc from 'avsc'
import { KafkaAdmin } from '@tidemark/kafka/admin.ts'
import { Cluster } from '@tidemark/kafka/cluster.ts'
import { compareBookmarks, parseBookmark } from '@tidemark/schemas/bookmark.ts'
import type { ConsumedTransaction } from '@tidemark/tcc-consumer'
import { startKafka } from '../../services/kafka.ts'
import { makeScratchDirectory } from '../../services/scratch.ts'
import { readTopic } from '../support/topic-records.ts'
import { useSchemaRegistry } from '../support/schema-registry.ts'
import { useExample, type Example } from './example-run.ts'

const within = { timeout: 180_000 }

/** Topic and value as text of every record, transaction by transaction. */
function told(transactions: readonly ConsumedTransaction[]): [topic: string, value: string | null][][] {
  return transactions.map(({ records }) => records.map(({ topic, value }) => [topic, value?.toString() ?? null]))
}

async function restrictingKafka(t: TestContext): Promise<string[]> {
  const settings = {
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': 'User:ANONYMOUS'
  }
  const kafka = await startKafka({ settings })
  t.after(() => kafka.stop())
  return kafka.brokers
}

test(
  'restricted-topic: whole rows go where only the named reader may look, some columns to everybody',
  within,
  async t => {
    const example = await useExample(t, 'restricted-topic', { brokers: await restrictingKafka(t) })
    const check = await example.tidemark('check', '--json')
    assert.match(check.output, /User:fraud is to read topic customers\.full and has no ACL for it/)
    await example.run()
    await example.sql('work.sql')
    assert.deepEqual(told(await example.transactions(1)), [
      [
        ['customers.shared', '{"id":1,"name":"Ann","city":"Basel"}'],
        ['customers.full', '{"id":1,"name":"Ann","city":"Basel","ssn":"756.1234.5678.97","income":"90000.00"}'],
        ['customers.shared', '{"id":1,"name":"Ann","city":"Basel"}'],
        ['customers.full', '{"id":1,"name":"Ann","city":"Basel","ssn":"756.1234.5678.97","income":"95000.00"}'],
        ['customers.shared', null],
        ['customers.full', null]
      ]
    ])
  }
)

test('two-formats: each row comes in Avro and in JSON, in one transaction', within, async t => {
  const registry = await useSchemaRegistry(t)
  const example = await useExample(t, 'two-formats', { environment: { REGISTRY: registry.url } })
  await example.run()
  await example.sql('work.sql')
  const [avro, json] = (await example.transactions(1))[0]!.records
  const schema = JSON.parse(registry.schema(avro!.value!.readInt32BE(1))) as avsc.Schema
  const row = avsc.Type.forSchema(schema, { wrapUnions: false }).fromBuffer(avro!.value!.subarray(5)) as object
  const total = Buffer.from([1990 >> 8, 1990 & 255])
  assert.deepEqual({ ...row }, { id: 1, customer: 'Ann', total, placed: Date.parse('2024-02-29T12:00:00Z') * 1000 })
  assert.deepEqual(
    [json!.topic, json!.value!.toString()],
    [`${example.name}.json`, '{"id":1,"customer":"Ann","total":"19.90","placed":"2024-02-29T12:00:00Z"}']
  )
  assert.equal(avro!.operation, json!.operation)
})

test('encryption: only the holder of the private key reads the diagnosis, nobody the number', within, async t => {
  const keys = makeScratchDirectory('keys')
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' }
  })
  writeFileSync(join(keys, 'clinic.pem'), privateKey)
  writeFileSync(join(keys, 'clinic.pub.pem'), publicKey)
  writeFileSync(join(keys, 'clinic.key'), randomBytes(32).toString('base64'))
  const example = await useExample(t, 'encryption', { environment: { KEYS: keys } })
  const agent = await example.run()
  await example.sql('work.sql')
  const line = await example.program('read.ts').line(/^\{"patient"/)
  const { patient, sealed } = JSON.parse(line) as { patient: Record<string, unknown>; sealed: object }
  const { ssn, ...rest } = patient
  assert.deepEqual(rest, { id: 1, name: 'Ann', diagnosis: 'fracture', admitted: '2024-02-29' })
  assert.match(String(ssn), /^[\w-]{43}$/)
  assert.deepEqual(sealed, {})
  const onTheWire = told(await example.transactions(1)).toString() + agent.output
  assert.doesNotMatch(onTheWire, /fracture|756\.1234/)
})

test('large-transfer-alert: the transaction that moves more than 500 tells it once', within, async t => {
  const example = await useExample(t, 'large-transfer-alert')
  await example.run()
  await example.sql('work.sql')
  const alert = JSON.parse(await example.program('alerts.ts').line(/^\{"rule"/)) as Record<string, string>
  const transactions = await example.transactions(3)
  const alerts = transactions.map(({ records }) => records.filter(({ topic }) => topic.endsWith('.alerts')).length)
  assert.deepEqual(alerts, [0, 0, 1])
  assert.deepEqual(
    [alert['rule'], alert['amount'], alert['transaction'], alert['bookmark']],
    ['large', '550.50', transactions[2]!.sourceId, transactions[2]!.bookmark]
  )
})

test(
  'large-transfer-alert: an alert has the bookmark of its transaction, wherever the agent is killed',
  within,
  async t => {
    const example = await useExample(t, 'large-transfer-alert')
    await example.tidemark('apply', '--yes')
    await example.query('INSERT INTO transfer VALUES (1, 1, 2, 900.00)')
    // The first time is the owner's first word, the second the alert or what is behind it.
    for (const point of ['data-stored:2', 'commit-next:2', 'commit-stored:2', 'settle-next:2']) {
      await example.killAt(point)
      await example.query(`INSERT INTO transfer SELECT max(id) + 1, 1, 2, 600.00 FROM transfer`)
    }
    await example.run()
    await example.query('INSERT INTO transfer VALUES (6, 1, 2, 2.00)')
    const transactions = await example.transactions(6)
    const named = await alertsAreNamed(example, transactions)
    assert.equal(named.size, 5)
    const written = await readTopic(example.brokers, `${example.name}.alerts`)
    const inVain = written.map(({ value }) => bookmarkIn(value)).filter(bookmark => !named.has(bookmark))
    assert.ok(inVain.length > 0, 'an agent must have been killed between the data and its commit record')
    for (const bookmark of inVain) await assert.rejects(example.transactions(1, bookmark), { code: 'BOOKMARK_VOID' })
  }
)

/** Each alert leads to the transaction after its own. Gives the bookmarks in them. */
async function alertsAreNamed(example: Example, transactions: readonly ConsumedTransaction[]): Promise<Set<string>> {
  const named = new Set<string>()
  for (const [index, { records, bookmark }] of transactions.entries()) {
    for (const { value } of records.filter(({ topic }) => topic.endsWith('.alerts'))) {
      const told = bookmarkIn(value)
      named.add(told)
      assert.equal(compareBookmarks(parseBookmark(told), parseBookmark(bookmark)), 0)
      const [next] = await example.transactions(1, told)
      assert.equal(next!.sequence, transactions[index + 1]!.sequence)
    }
  }
  return named
}

function bookmarkIn(alert: Uint8Array | null): string {
  return (JSON.parse(Buffer.from(alert!).toString()) as { bookmark: string }).bookmark
}

test('debezium-outbox: an event comes as the event router of Debezium makes it', within, async t => {
  const example = await useExample(t, 'debezium-outbox')
  await example.run()
  await example.sql('work.sql')
  const [transaction] = await example.transactions(1)
  const events = transaction!.records.map(({ topic, key, value, headers }) => ({
    topic,
    key: key?.toString(),
    value: value?.toString(),
    headers: headers.map(([name, bytes]) => [name, bytes?.toString()])
  }))
  assert.deepEqual(events, [
    {
      topic: 'outbox.event.order',
      key: '17',
      value: '{"id": 17, "total": 19.90}',
      headers: [
        ['id', '4d47e190-0402-4048-bc2c-89dd54343cdc'],
        ['eventType', 'OrderPlaced']
      ]
    }
  ])
})

test('custom-processor: what the tills took comes with the payments of the transaction', within, async t => {
  const example = await useExample(t, 'custom-processor')
  const cluster = new Cluster({ brokers: example.brokers, clientId: 'example' })
  const admin = new KafkaAdmin(cluster)
  await admin.createTopics([{ name: 'tills', partitions: 3, replication: 1 }])
  t.after(async () => {
    await admin.deleteTopics(['tills'])
    await cluster.close()
  })
  await example.run()
  await example.sql('work.sql')
  const [transaction] = await example.transactions(1)
  const sourceId = transaction!.sourceId
  assert.deepEqual(
    told([transaction!])[0]!.map(([topic, value]) => [topic.replace(`${example.name}.`, ''), value]),
    [
      ['public.payment', '{"id":1,"till":"a","amount":"12.50","currency":"CHF"}'],
      ['public.payment', '{"id":2,"till":"b","amount":"7.00","currency":"CHF"}'],
      ['public.payment', '{"id":3,"till":"a","amount":"0.50","currency":"CHF"}'],
      ['public.payment', '{"id":1,"till":"a","amount":"13.00","currency":"CHF"}'],
      ['tills', `{"cents":1300,"transaction":"${sourceId}"}`],
      ['tills', `{"cents":700,"transaction":"${sourceId}"}`]
    ]
  )
})
