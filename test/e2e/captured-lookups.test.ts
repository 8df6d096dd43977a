import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import pg from 'pg'
import { TransactionConsumer } from '@tidemark/tcc-consumer'
import { startProgram } from '../support/child.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { until } from '../support/until.ts'
import { applyBank, runBank, startAgent, tidemark } from './bank-subscription.ts'
import { LookupTruth, type TrueLine } from './lookup-truth.ts'
import { writeLines } from './lookup-writers.ts'
import { useSubscribedDatabase } from './subscribed-database.ts'

const lookupColumns = `{rate: {lookup: {in: rates, by: code, take: value}}, label: {lookup: {in: rates, by: code, take: label}}}`

/** A database with lines that name rates, and a configuration that looks them up. */
async function useRates(t: TestContext, more = '', columns = lookupColumns) {
  const rates = await useSubscribedDatabase(t, 'rates', 1)
  const { url, name, sql } = rates
  t.after(() => dropSlot(url, `${name}_truth`))
  const write = (lookup: string) =>
    rates.configure(`lookups: {rates: {table: public.rate, key: code${lookup}}}
tables:
  public.rate: {filter: "value > 500000"}
  public.line: {columns: ${columns}}`)
  write(more)
  await sql('CREATE TABLE rate (code text PRIMARY KEY, value int8, label text, other text)')
  await sql('ALTER TABLE rate REPLICA IDENTITY FULL')
  await sql('CREATE TABLE line (id bigserial PRIMARY KEY, code text, n int4)')
  return { ...rates, write }
}

/** By a connection of its own: that of the test may have ended. */
async function dropSlot(url: string, slot: string): Promise<void> {
  const client = new pg.Client(url)
  await client.connect()
  await client.query('SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1', [
    slot
  ])
  await client.end()
}

/** Lines as their records come, gathered in the background. */
function gatherLines(t: TestContext, shop: { brokers: string[]; name: string }): TrueLine[] {
  const consumer = new TransactionConsumer({ brokers: shop.brokers, commitStream: `${shop.name}.commits` })
  t.after(() => consumer.close())
  const lines: TrueLine[] = []
  const text = (given: unknown) => (given === null ? null : String(given as string | number))
  void (async () => {
    for await (const { records } of consumer) {
      for (const { topic, value } of records) {
        if (!topic.endsWith('.line') || value === null) continue
        const { id, code, n, rate, label } = JSON.parse(value.toString()) as Record<string, unknown>
        lines.push({ id: text(id)!, code: text(code), n: text(n)!, rate: text(rate), label: text(label) })
      }
    }
  })()
  return lines
}

test('every value looked up is that of its transaction, whatever crashes and however much is behind', async t => {
  const { random, seed } = seededRandom()
  t.diagnostic(`seed ${seed}`)
  const shop = await useRates(t)
  const truth = await LookupTruth.open(shop.client, `${shop.name}_truth`)
  await shop.sql("INSERT INTO rate SELECT 'c' || i, i, 'label ' || i, 'x' FROM generate_series(0, 11) i")
  await shop.sql("INSERT INTO line (code, n) SELECT 'c' || i, i FROM generate_series(0, 19) i")
  const copied = (await truth.read()).length
  await applyBank(t, shop)
  const lines = gatherLines(t, shop)
  for (let round = 0; round < 4; round++) {
    const agent = await runBank(t, shop)
    const goal = lines.length + 1 + Math.floor(random() * 40)
    const writing = writeLines(t, { url: shop.url, writers: 4, transactions: 25, random })
    await until(() => lines.length >= goal, {
      what: () => `${goal} lines; the agent said ${agent.output.slice(-2000)}`
    })
    await agent.kill('SIGKILL')
    await writing
  }
  const last = await runBank(t, shop)
  await writeLines(t, { url: shop.url, writers: 4, transactions: 10, random })
  const expected = await truth.read()
  await until(() => lines.length >= expected.length, { what: () => `the last line; ${last.output.slice(-2000)}` })
  t.diagnostic(`${expected.length} lines, ${expected.filter(({ rate }) => rate !== null).length} with a rate`)
  // A first copy has the rows as they are, in any order.
  const byId = (one: TrueLine, other: TrueLine) => Number(one.id) - Number(other.id)
  assert.deepEqual(lines.slice(0, copied).sort(byId), expected.slice(0, copied))
  assert.deepEqual(lines.slice(copied), expected.slice(copied))
})

test('an altered table stops the agent before a value is published that was not so', async t => {
  const shop = await useRates(t)
  await shop.sql("INSERT INTO rate VALUES ('a', 600000, 'A', 'x')")
  await applyBank(t, shop)
  const lines = gatherLines(t, shop)
  const agent = await runBank(t, shop)
  await shop.sql("INSERT INTO line (code, n) VALUES ('a', 1)")
  await until(() => lines.length === 1, { what: () => `the first line; ${agent.output.slice(-2000)}` })
  // What lookups do not read may change.
  await shop.sql('ALTER TABLE rate ADD COLUMN more text, ALTER COLUMN other TYPE varchar(100)')
  await shop.sql("INSERT INTO line (code, n) VALUES ('a', 2)")
  await until(() => lines.length === 2, { what: () => `the second line; ${agent.output.slice(-2000)}` })
  await shop.sql('ALTER TABLE rate ALTER COLUMN value TYPE int8 USING value + 1')
  await shop.sql("INSERT INTO line (code, n) VALUES ('a', 3)")
  await until(() => !agent.alive || lines.length > 2, { what: 'the agent to stop' })
  assert.equal(lines.length, 2)
  assert.equal((await agent.ended).code, 1)
  assert.match(agent.output, /"event":"LOOKUP_ALTERED".*column value of public\.rate was altered/)
  const again = startAgent(t, shop.config)
  assert.equal((await again.ended).code, 1)
  assert.match(again.output, /"event":"LOOKUP_ALTERED"/)
  const { output } = await tidemark(t, 'check', '--json', '-c', shop.config)
  const { findings } = JSON.parse(output) as { findings: { code: string; place: string; remedy: string }[] }
  const found = findings.find(({ code }) => code === 'LOOKUP_ALTERED')!
  assert.match(found.place, /tidemark\.yaml:5:11$/)
  shop.write(`, definition: ${/definition: ([0-9a-f]{16})/.exec(found.remedy)![1]!}`)
  const last = await runBank(t, shop)
  await until(() => lines.length === 3, { what: () => `the third line; ${last.output.slice(-2000)}` })
  assert.deepEqual(
    lines.map(({ n, rate }) => [n, rate]),
    [
      ['1', '600000'],
      ['2', '600000'],
      ['3', '600001']
    ]
  )
  await last.kill('SIGKILL')
  // The claim carries the definition on: it need not stand in the configuration any more.
  shop.write('')
  await shop.sql("INSERT INTO line (code, n) VALUES ('a', 4)")
  const more = await runBank(t, shop)
  await until(() => lines.length === 4, { what: () => `the fourth line; ${more.output.slice(-2000)}` })
})

test('a truncate behind the agent stops it only where a row of before is looked up', async t => {
  const shop = await useRates(t)
  await shop.sql("INSERT INTO rate VALUES ('a', 1, 'A', 'x'), ('b', 2, 'B', 'x')")
  await applyBank(t, shop)
  const lines = gatherLines(t, shop)
  const first = await runBank(t, shop)
  await first.line(/agent\.lookups/)
  // Live, a truncate is followed as any change.
  await shop.sql(
    "BEGIN; INSERT INTO line (code, n) VALUES ('a', 1); TRUNCATE rate; INSERT INTO line (code, n) VALUES ('a', 2); COMMIT"
  )
  await shop.sql("INSERT INTO rate VALUES ('a', 3, 'A', 'x'), ('b', 4, 'B', 'x')")
  await until(() => lines.length === 2, { what: () => `the first lines; ${first.output.slice(-2000)}` })
  await first.kill('SIGKILL')
  await shop.sql(
    "UPDATE rate SET value = 5 WHERE code = 'a'; INSERT INTO line (code, n) VALUES ('a', 3); TRUNCATE rate"
  )
  await shop.sql("INSERT INTO rate VALUES ('b', 6, 'B', 'x'); INSERT INTO line (code, n) VALUES ('a', 4), ('b', 5)")
  const second = await runBank(t, shop)
  await until(() => lines.length === 5, { what: () => `five lines; ${second.output.slice(-2000)}` })
  assert.deepEqual(
    lines.map(({ n, rate }) => [n, rate]),
    [
      ['1', '1'],
      ['2', null],
      ['3', '5'],
      ['4', null],
      ['5', '6']
    ]
  )
  await second.kill('SIGKILL')
  await shop.sql("INSERT INTO line (code, n) VALUES ('b', 6); TRUNCATE rate")
  const third = startAgent(t, shop.config)
  assert.equal((await third.ended).code, 1)
  assert.match(third.output, /"event":"LOOKUP_UNTOLD".*before the table was truncated/)
  assert.equal(lines.length, 5)
})

test('check finds what keeps a table from being looked up, with place and cure', async t => {
  const shop = await useRates(t)
  await shop.sql('CREATE TABLE weak (code text PRIMARY KEY, price numeric)')
  writeFileSync(
    shop.config,
    readFileSync(shop.config, 'utf8')
      .replace(
        'lookups: {',
        'lookups: {weak: {table: public.weak, key: code}, loose: {table: public.rate, key: label}, '
      )
      .replace(
        '{rate: {lookup',
        '{a: {lookup: {in: weak, by: code, take: nope}}, b: {lookup: {in: loose, by: code, take: value}}, rate: {lookup'
      )
      .replace('public.line: {', 'public.weak: {}\n  public.line: {')
  )
  const { output, code } = await tidemark(t, 'check', '--json', '-c', shop.config)
  assert.equal(code, 1)
  const { findings } = JSON.parse(output) as {
    findings: { code: string; place: string; what: string; remedy: string }[]
  }
  const told = (what: RegExp) => findings.find(finding => what.test(finding.what))
  assert.match(
    told(/the lookup of a names column nope, which table public\.weak has not/)!.place,
    /tidemark\.yaml:\d+:\d+$/
  )
  assert.match(told(/lookup loose.*label of public\.rate is not a key/)!.remedy, /ADD UNIQUE/)
  await shop.sql('ALTER TABLE weak ADD COLUMN nope text')
  const again = JSON.parse((await tidemark(t, 'check', '--json', '-c', shop.config)).output) as {
    findings: typeof findings
  }
  const identity = again.findings.find(({ what }) => /lookup weak.*whole rows of public\.weak/.test(what))!
  assert.deepEqual(
    [identity.code, identity.remedy],
    ['LOOKUP_INVALID', 'ALTER TABLE "public"."weak" REPLICA IDENTITY FULL;']
  )
})

test('a preview looks up too, in present rows and in live changes', async t => {
  const shop = await useRates(t)
  await shop.sql("INSERT INTO rate VALUES ('a', 1, 'A', 'x'); INSERT INTO line (code, n) VALUES ('a', 1)")
  const before = await tidemark(t, 'preview', 'public.line', '--json', '-c', shop.config)
  assert.match(before.output, /\\"rate\\":1|"rate":1/)
  await applyBank(t, shop)
  const live = startProgram(t, join(import.meta.dirname, '../../capture/main.ts'), {
    args: ['preview', 'public.line', '--rows', '0', '--live', '--transactions', '1', '--json', '-c', shop.config]
  })
  await live.line(/"type":"live"/)
  await shop.sql("BEGIN; UPDATE rate SET value = 7; INSERT INTO line (code, n) VALUES ('a', 2); COMMIT")
  await live.line(/rate\\?":7/)
})
