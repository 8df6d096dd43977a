import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { TransactionConsumer } from '@tidemark/tcc-consumer'
import { useSchemaRegistry } from '../support/schema-registry.ts'
import { applyBank, runBank, tidemark } from './bank-subscription.ts'
import { useSubscribedDatabase, type SubscribedDatabase } from './subscribed-database.ts'

/** A database with order lines, and a configuration with the tables given beside a lookup of rates. */
async function useShop(t: TestContext, registry: string, tables: string): Promise<SubscribedDatabase> {
  const shop = await useSubscribedDatabase(t, 'shop', 1)
  writeFileSync(join(shop.directory, 'rates.csv'), 'country,rate\nCH,8.1\nDE,19\n')
  shop.configure(`registry: {url: '${registry}'}
lookups: {rates: {file: rates.csv, key: country}}
tables:
${tables.replaceAll('NAME', shop.name)}`)
  await shop.sql('CREATE TABLE line (id int8 PRIMARY KEY, price numeric(12,2), quantity int4, country text)')
  await shop.sql('ALTER TABLE line REPLICA IDENTITY FULL')
  return shop
}

const columns = `columns:
      total: {expression: price * quantity}
      rate: {lookup: {in: rates, by: country, take: rate}}
      tax: {expression: "(total * rate::numeric / 100)::numeric(12,2)"}
      large: {expression: total > 100}`

test('derived columns come in every format, in the first copy and in updates, and are protected as others', async t => {
  const registry = await useSchemaRegistry(t)
  const shop = await useShop(
    t,
    registry.url,
    `  public.line:
    ${columns}
    also:
      - {topic: NAME.avro, format: avro}
      - {topic: NAME.csv, format: csv, deletes: none}
      - {topic: NAME.audit, format: audit-single}
      - {topic: NAME.events, format: cloudevents, deletes: none}
      - {topic: NAME.dbz, format: debezium, deletes: none}
      - {topic: NAME.masked, columns: [id, {total: {mask: {keepLast: 1}}}]}`
  )
  await shop.sql("INSERT INTO line VALUES (9007199254740993, 19.99, 3, 'CH')")
  await applyBank(t, shop)
  await runBank(t, shop)
  await shop.sql("UPDATE line SET quantity = 10, country = 'FR'")
  await shop.sql('DELETE FROM line')
  const read: Record<string, (Buffer | null)[]> = {}
  const consumer = new TransactionConsumer({ brokers: shop.brokers, commitStream: `${shop.name}.commits` })
  for await (const { records } of consumer) {
    for (const { topic, value } of records) (read[topic.slice(shop.name.length + 1)] ??= []).push(value)
    if (records.some(({ topic, value }) => topic.endsWith('.line') && value === null)) break
  }
  await consumer.close()
  const texts = (topic: string) => read[topic]!.map(value => value?.toString() ?? null)
  const made = '"total":"59.97","rate":"8.1","tax":"4.86","large":false'
  const changed = '"total":"199.90","rate":null,"tax":null,"large":true'
  assert.deepEqual(texts('public.line'), [
    `{"id":9007199254740993,"price":"19.99","quantity":3,"country":"CH",${made}}`,
    `{"id":9007199254740993,"price":"19.99","quantity":10,"country":"FR",${changed}}`,
    null
  ])
  assert.deepEqual(texts('masked'), [
    '{"id":9007199254740993,"total":"****7"}',
    '{"id":9007199254740993,"total":"*****0"}',
    null
  ])
  assert.match(texts('csv')[0]!, /59\.97,8\.1,4\.86,(false|f)/)
  assert.ok(texts('audit')[1]!.includes(made) && texts('audit')[1]!.includes(changed))
  assert.ok(texts('events')[1]!.includes(changed))
  assert.match(texts('dbz')[0]!, /"rate":"8.1"/)
  const [first] = read['avro']!
  const schema = JSON.parse(registry.schema(first!.readInt32BE(1))) as { fields: { name: string; type: unknown }[] }
  const types = Object.fromEntries(schema.fields.map(({ name, type }) => [name, JSON.stringify(type)]))
  assert.match(types['tax']!, /"logicalType":"decimal","precision":12,"scale":2/)
  assert.match(types['large']!, /boolean/)
  assert.match(types['total']!, /string/)
  assert.ok(first!.includes('59.97') && first!.includes(Buffer.of(4, 0x01, 0xe6)))
})

test('check finds what a derived column gets wrong of its table, with place and cure', async t => {
  const registry = await useSchemaRegistry(t)
  const shop = await useShop(t, registry.url, '  public.line: {columns: {total: {expression: price * amount}}}')
  const { output, code } = await tidemark(t, 'check', '--json', '-c', shop.config)
  assert.equal(code, 1)
  const { findings } = JSON.parse(output) as {
    findings: { code: string; place: string; what: string; remedy: string }[]
  }
  const found = findings.find(finding => finding.code === 'COLUMN_UNKNOWN')
  assert.match(found!.what, /the expression of total names column amount, which table public\.line has not/)
  assert.match(found!.place, /tidemark\.yaml:8:47$/)
  assert.match(found!.remedy, /id, price, quantity, country/)
})
