import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import avsc from 'avsc'
import { TransactionConsumer, type ConsumedTransaction, type TransactionRecord } from '@tidemark/tcc-consumer'
import { useSchemaRegistry, type TestRegistry } from '../support/schema-registry.ts'
import { applyBank, runBank, tidemark } from './bank-subscription.ts'
import { useSubscribedDatabase, type SubscribedDatabase } from './subscribed-database.ts'

/** A database with items, and a configuration whose tables come in the formats given. */
async function useShop(t: TestContext, registry: TestRegistry, tables: string): Promise<SubscribedDatabase> {
  const shop = await useSubscribedDatabase(t, 'shop', 2)
  shop.configure(`registry: {url: '${registry.url}'}\n${tables.replaceAll('NAME', shop.name)}`)
  await shop.sql(
    'CREATE TABLE item (id int PRIMARY KEY, name text, price numeric(8,2)); CREATE TABLE mark (id int PRIMARY KEY)'
  )
  return shop
}

/** Mirrored transactions up to the one that writes a number into `mark`. */
async function readUntilMark(shop: SubscribedDatabase, mark: number): Promise<ConsumedTransaction[]> {
  const consumer = new TransactionConsumer({ brokers: shop.brokers, commitStream: `${shop.name}.commits` })
  const transactions: ConsumedTransaction[] = []
  for await (const transaction of consumer) {
    const { records } = transaction
    if (records.some(({ topic, value }) => topic.endsWith('.mark') && value?.toString() === `{"id":${mark}}`)) break
    transactions.push(transaction)
  }
  await consumer.close()
  return transactions
}

function decoded(registry: TestRegistry, bytes: Buffer | null): unknown {
  if (bytes === null) return null
  const schema = JSON.parse(registry.schema(bytes.readInt32BE(1))) as avsc.Schema
  const value: unknown = avsc.Type.forSchema(schema, { wrapUnions: false }).fromBuffer(bytes.subarray(5))
  return { ...(value as object) }
}

function items(transactions: readonly ConsumedTransaction[]): TransactionRecord[] {
  return transactions.flatMap(({ records }) => records.filter(({ topic }) => topic.endsWith('.item')))
}

test('rows in Avro follow columns that come and go, from the first copy on', async t => {
  const registry = await useSchemaRegistry(t)
  const shop = await useShop(t, registry, 'tables: {public.item: {format: avro}, public.mark: {}}')
  await shop.sql("INSERT INTO item VALUES (1, 'copied', 1.50)")
  await applyBank(t, shop)
  await runBank(t, shop)
  await shop.sql("INSERT INTO item VALUES (2, 'ink', 2.00)")
  await shop.sql('ALTER TABLE item ADD note text')
  await shop.sql("UPDATE item SET note = 'new' WHERE id = 2")
  await shop.sql('ALTER TABLE item DROP name')
  await shop.sql('DELETE FROM item WHERE id = 1')
  await shop.sql("INSERT INTO item VALUES (3, 3.00, 'x')")
  await shop.sql('INSERT INTO mark VALUES (1)')
  const price = (cents: number) => Buffer.from([cents >> 8, cents & 255].slice(cents < 128 ? 1 : 0))
  assert.deepEqual(
    items(await readUntilMark(shop, 1)).map(({ key, value }) => [decoded(registry, key), decoded(registry, value)]),
    [
      [{ id: 1 }, { id: 1, name: 'copied', price: price(150) }],
      [{ id: 2 }, { id: 2, name: 'ink', price: price(200) }],
      [{ id: 2 }, { id: 2, name: 'ink', price: price(200), note: 'new' }],
      [{ id: 1 }, null],
      [{ id: 3 }, { id: 3, price: price(300), note: 'x' }]
    ]
  )
  assert.equal(registry.versions(`${shop.name}.public.item-value`).length, 3)
})

test('while the registry is away rows of new schemas wait, and all comes in order once it is back', async t => {
  const registry = await useSchemaRegistry(t)
  const shop = await useShop(t, registry, 'tables: {public.item: {format: avro}, public.mark: {}}')
  await applyBank(t, shop)
  const agent = await runBank(t, shop)
  await shop.sql("INSERT INTO item VALUES (1, 'a', 1)")
  await shop.sql('INSERT INTO mark VALUES (1)')
  await readUntilMark(shop, 1)
  registry.mode = 'unavailable'
  // What is known goes on.
  await shop.sql("INSERT INTO item VALUES (2, 'b', 1)")
  await shop.sql('INSERT INTO mark VALUES (2)')
  assert.equal(items(await readUntilMark(shop, 2)).length, 2)
  await shop.sql('ALTER TABLE item ADD note text')
  for (let id = 3; id < 50; id++)
    await shop.sql(`INSERT INTO item VALUES (${id}, 'c', 1, 'n'), (${id + 100}, 'd', 1, 'n')`)
  await agent.line(/held until subject .*item-value is registered/)
  await shop.sql('INSERT INTO mark VALUES (3)')
  registry.mode = 'well'
  const ids = items(await readUntilMark(shop, 3)).map(({ value }) => (decoded(registry, value) as { id: number }).id)
  const expected = Array.from({ length: 47 }, (_, index) => [index + 3, index + 103]).flat()
  assert.deepEqual(ids, [1, 2, ...expected])
  assert.match(agent.output, /is registered: going on/)
})

test('the same rows come as CSV, CloudEvents and in the envelope of Debezium', async t => {
  const registry = await useSchemaRegistry(t)
  const shop = await useShop(
    t,
    registry,
    `tables:
  public.item:
    format: csv-journal
    also: [{topic: NAME.events, format: cloudevents}, {topic: NAME.dbz, format: debezium}]
  public.mark:`
  )
  await applyBank(t, shop)
  await runBank(t, shop)
  await shop.sql("INSERT INTO item VALUES (1, 'a,b', 1)")
  await shop.sql('DELETE FROM item')
  await shop.sql('INSERT INTO mark VALUES (1)')
  const transactions = await readUntilMark(shop, 1)
  const told = transactions
    .filter(({ kind }) => kind === 'mirror')
    .map(({ records }) =>
      records.map(({ topic, value, headers }) => {
        const kind = topic.slice(shop.name.length + 1)
        if (kind === 'events') return [kind, value?.toString() ?? null, new Map(headers).get('ce_type')?.toString()]
        if (kind === 'dbz' && value !== null) return [kind, (JSON.parse(value.toString()) as { op: string }).op]
        return [kind, value?.toString().replace(/,\d{4}-.*/, '') ?? null]
      })
    )
  assert.deepEqual(told, [
    [
      ['public.item', '1,"a,b",1.00,PT'],
      ['events', '{"id":1,"name":"a,b","price":"1.00"}', 'dev.tidemark.row.inserted'],
      ['dbz', 'c']
    ],
    [
      ['public.item', null],
      ['events', null, 'dev.tidemark.row.deleted'],
      ['dbz', 'd'],
      ['dbz', null]
    ]
  ])
})

test('check tells what the registry would refuse, and registers nothing', async t => {
  const registry = await useSchemaRegistry(t)
  const shop = await useShop(t, registry, 'tables: {public.item: {format: avro}, public.mark: {}}')
  const fine = await tidemark(t, 'check', '-c', shop.config)
  assert.equal(fine.code, 0, fine.output)
  assert.deepEqual(registry.versions(`${shop.name}.public.item-value`), [])
  await applyBank(t, shop)
  await shop.sql('ALTER TABLE item ALTER name TYPE int USING 0')
  const refused = await tidemark(t, 'check', '-c', shop.config)
  assert.notEqual(refused.code, 0)
  assert.match(refused.output, /SCHEMA_INCOMPATIBLE/)
  registry.mode = 'unavailable'
  const away = await tidemark(t, 'check', '-c', shop.config)
  assert.match(away.output, /REGISTRY_UNREACHABLE/)
})

test('a retyped column that the registry refuses stops the agent before its first row, and nothing is lost', async t => {
  const registry = await useSchemaRegistry(t)
  const shop = await useShop(t, registry, 'tables: {public.item: {format: avro}, public.mark: {}}')
  await applyBank(t, shop)
  const agent = await runBank(t, shop)
  await shop.sql("INSERT INTO item VALUES (1, 'ink', 1)")
  await shop.sql('ALTER TABLE item ALTER name TYPE int USING 0')
  await shop.sql('INSERT INTO item VALUES (2, 2, 2)')
  await shop.sql('INSERT INTO mark VALUES (1)')
  const { code } = await agent.ended
  assert.notEqual(code, 0)
  assert.match(agent.output, /SCHEMA_INCOMPATIBLE.*item-value/)
  const again = await tidemark(t, 'run', '-c', shop.config)
  assert.match(again.output, /SCHEMA_INCOMPATIBLE/)
  registry.rule = 'none'
  await runBank(t, shop)
  const rows = items(await readUntilMark(shop, 1)).map(({ value }) => decoded(registry, value))
  assert.deepEqual(
    rows.map(row => (row as { name: unknown }).name),
    ['ink', 2]
  )
})

test("Debezium's envelope and audit rows come in Avro by the schemas in the registry", async t => {
  const registry = await useSchemaRegistry(t)
  const shop = await useShop(
    t,
    registry,
    `tables:
  public.item:
    format: debezium-avro
    also: [{topic: NAME.audit, format: audit-avro}, {topic: NAME.single, format: audit-single-avro}]
  public.mark:`
  )
  await applyBank(t, shop)
  await runBank(t, shop)
  await shop.sql("INSERT INTO item VALUES (1, 'ink', 1)")
  await shop.sql('DELETE FROM item')
  await shop.sql('INSERT INTO mark VALUES (1)')
  const transactions = (await readUntilMark(shop, 1)).filter(({ kind }) => kind === 'mirror')
  const told = transactions.map(({ records }) =>
    records.map(({ topic, value }) => {
      const kind = topic.slice(shop.name.length + 1)
      if (value === null) return [kind, null]
      const schema = JSON.parse(registry.schema(value.readInt32BE(1))) as avsc.Schema
      // Nanoseconds since 1970 are beyond the numbers of JavaScript.
      const long = avsc.types.LongType.__with({
        fromBuffer: (bytes: Buffer) => String(bytes.readBigInt64LE()),
        toBuffer: () => Buffer.alloc(8),
        fromJSON: String,
        toJSON: String,
        isValid: (given: unknown) => typeof given === 'string',
        compare: () => 0
      })
      const type = avsc.Type.forSchema(schema, { registry: { long }, wrapUnions: false })
      const row = type.fromBuffer(value.subarray(5)) as Record<string, unknown>
      return [kind, row['op'] ?? row['A_ENTTYP']]
    })
  )
  assert.deepEqual(told, [
    [
      ['public.item', 'c'],
      ['audit', 'PT'],
      ['single', 'PT']
    ],
    [
      ['public.item', 'd'],
      ['public.item', null],
      ['audit', 'DL'],
      ['single', 'DL']
    ]
  ])
})
