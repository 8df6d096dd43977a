import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { TransactionConsumer, type ConsumedTransaction } from '@tidemark/tcc-consumer'
import { makeScratchDirectory } from '../../services/scratch.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { useKafka } from '../support/kafka.ts'
import { usePostgres } from '../support/postgres.ts'
import { startProgram, type Child } from '../support/child.ts'
import { until } from '../support/until.ts'
import { BankBooks } from './bank-books.ts'
import { openBank, openingBalance, work } from './bank-writers.ts'
import { SourceOracle } from './source-oracle.ts'

const accounts = 100
const program = join(import.meta.dirname, '../../capture/main.ts')

interface Bank {
  url: string
  brokers: string[]
  name: string
  config: string
}

async function bank(t: TestContext): Promise<Bank> {
  const postgres = await usePostgres(t)
  const { url } = await postgres.createDatabase()
  const kafka = await useKafka(t)
  const name = kafka
    .topicName('bank')
    .replaceAll(/[^a-zA-Z0-9]/g, '_')
    .toLowerCase()
  await openBank(url, accounts)
  const config = join(makeScratchDirectory('bank'), 'tidemark.yaml')
  writeFileSync(
    config,
    `subscription: ${name}
postgres: {url: '${url}', publication: ${name}, slot: ${name}}
kafka: {brokers: [${kafka.brokers.join(', ')}]}
topics: {partitions: 3, replication: 1, prefix: ${name}}
tables: {public.account: {}, public.transfer: {}, public.written: {}}
`
  )
  return { url, brokers: kafka.brokers, name, config }
}

async function apply(t: TestContext, { config }: Bank): Promise<void> {
  const applying = startProgram(t, program, { args: ['apply', '--yes', '-c', config] })
  const { code } = await applying.ended
  assert.equal(code, 0, applying.output)
}

async function run(t: TestContext, { config }: Bank): Promise<Child> {
  const agent = startProgram(t, program, { args: ['run', '-c', config, '--log-format', 'json'] })
  await agent.line(/agent\.owner/)
  return agent
}

/** Keeps books until it has so many mirrored transactions. */
async function keepBooks(t: TestContext, bank: Bank, count: () => number): Promise<BankBooks> {
  const books = new BankBooks(BigInt(accounts) * openingBalance)
  const consumer = new TransactionConsumer({ brokers: bank.brokers, commitStream: `${bank.name}.commits` })
  t.after(() => consumer.close())
  for await (const transaction of consumer) {
    books.enter(transaction)
    if (books.transactions.length >= count()) break
  }
  return books
}

describe('a bank, from the writers to the books', () => {
  it('keeps the sum, every row and the commit order over eight writers, rollbacks, deletes and key changes', async t => {
    const { random, seed } = seededRandom()
    t.diagnostic(`seed ${seed}`)
    const parts = await bank(t)
    await apply(t, parts)
    const oracle = await SourceOracle.open(parts.url)
    t.after(() => oracle.close())
    await run(t, parts)
    let expected = Infinity
    const keeping = keepBooks(t, parts, () => expected)
    await work(parts.url, { accounts, writers: 8, transactions: 40, random })
    const committed = await oracle.transactions()
    expected = committed.length
    // One more, so that a reader that was there already looks at the new limit.
    await work(parts.url, { accounts, writers: 1, transactions: 5, random: () => 0.5 })
    const books = await keeping
    assert.deepEqual(books.faults, [])
    assert.deepEqual(books.transactions.slice(0, expected), committed)
  })

  it('gives the present rows first, then every change of them', async t => {
    const parts = await bank(t)
    await work(parts.url, { accounts, writers: 2, transactions: 10, random: seededRandom(1).random })
    await apply(t, parts)
    await run(t, parts)
    await work(parts.url, { accounts, writers: 1, transactions: 3, random: () => 0.5 })
    const kinds: ConsumedTransaction['kind'][] = []
    const consumer = new TransactionConsumer({ brokers: parts.brokers, commitStream: `${parts.name}.commits` })
    t.after(() => consumer.close())
    const tables: string[] = []
    for await (const transaction of consumer) {
      kinds.push(transaction.kind)
      for (const [name, value] of transaction.annotations) tables.push(`${name} ${Buffer.from(value).toString()}`)
      if (kinds.filter(kind => kind === 'mirror').length === 3) break
    }
    assert.ok(kinds.lastIndexOf('refresh') < kinds.indexOf('mirror'))
    assert.deepEqual(tables.sort(), [
      'refresh-end public.account',
      'refresh-end public.transfer',
      'refresh-end public.written',
      'refresh-start public.account',
      'refresh-start public.transfer',
      'refresh-start public.written'
    ])
  })

  it('drains and ends with 0 on SIGTERM, and goes on from there', async t => {
    const parts = await bank(t)
    await apply(t, parts)
    const first = await run(t, parts)
    await work(parts.url, { accounts, writers: 2, transactions: 10, random: seededRandom(2).random })
    await first.kill('SIGTERM')
    assert.equal((await first.ended).code, 0, first.output)
    await run(t, parts)
    const consumer = new TransactionConsumer({ brokers: parts.brokers, commitStream: `${parts.name}.commits` })
    t.after(() => consumer.close())
    const books = new BankBooks(BigInt(accounts) * openingBalance)
    await work(parts.url, { accounts, writers: 1, transactions: 2, random: () => 0.5 })
    for await (const transaction of consumer) {
      books.enter(transaction)
      if (transaction.kind === 'mirror' && books.transactions.length >= 18) break
    }
    assert.deepEqual(books.faults, [])
  })

  it('lets a second agent stand by and take over when the first is killed', async t => {
    const parts = await bank(t)
    await apply(t, parts)
    const first = await run(t, parts)
    const second = startProgram(t, program, { args: ['run', '-c', parts.config, '--log-format', 'json'] })
    await second.line(/agent\.standby/)
    await first.kill('SIGKILL')
    await second.line(/agent\.owner/)
    await work(parts.url, { accounts, writers: 1, transactions: 3, random: () => 0.5 })
    const books = await keepBooks(t, parts, () => 3)
    assert.deepEqual(books.faults, [])
    await until(() => second.alive, { what: 'the standby to live' })
  })
})
