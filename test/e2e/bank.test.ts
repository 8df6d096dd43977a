import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { TransactionConsumer, type ConsumedTransaction } from '@tidemark/tcc-consumer'
import { seededRandom } from '../support/seeded-random.ts'
import { until } from '../support/until.ts'
import { BankBooks } from './bank-books.ts'
import { applyBank, runBank, startAgent, tidemark, useBank, type BankSubscription } from './bank-subscription.ts'
import { openingBalance, work } from './bank-writers.ts'
import { SourceOracle } from './source-oracle.ts'

const accounts = 100
/** Keeps books until it has so many mirrored transactions. */
async function keepBooks(t: TestContext, bank: BankSubscription, count: () => number): Promise<BankBooks> {
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
    const parts = await useBank(t, accounts)
    await applyBank(t, parts)
    const oracle = await SourceOracle.open(parts.url)
    t.after(() => oracle.close())
    await runBank(t, parts)
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
    const parts = await useBank(t, accounts)
    await work(parts.url, { accounts, writers: 2, transactions: 10, random: seededRandom(1).random })
    await applyBank(t, parts)
    await runBank(t, parts)
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
    const parts = await useBank(t, accounts)
    await applyBank(t, parts)
    const first = await runBank(t, parts)
    await work(parts.url, { accounts, writers: 2, transactions: 10, random: seededRandom(2).random })
    await first.kill('SIGTERM')
    assert.equal((await first.ended).code, 0, first.output)
    await runBank(t, parts)
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
    const parts = await useBank(t, accounts)
    await applyBank(t, parts)
    const first = await runBank(t, parts)
    const second = startAgent(t, parts.config)
    await second.line(/agent\.standby/)
    await first.kill('SIGKILL')
    await second.line(/agent\.owner/)
    await work(parts.url, { accounts, writers: 1, transactions: 3, random: () => 0.5 })
    const books = await keepBooks(t, parts, () => 3)
    assert.deepEqual(books.faults, [])
    await until(() => second.alive, { what: 'the standby to live' })
  })

  it('shows whole transactions in the terminal, as text and as JSON', async t => {
    const parts = await useBank(t, 2)
    await applyBank(t, parts)
    await runBank(t, parts)
    await work(parts.url, { accounts: 2, writers: 1, transactions: 2, random: () => 0.5 })
    // Six framing transactions and the rows of account in one chunk come first.
    const json = await tidemark(t, 'read', '-c', parts.config, '--limit', '9', '--json')
    assert.equal(json.code, 0, json.output)
    const transactions = json.output
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as { sequence: number; records: object[] })
    assert.deepEqual(
      transactions.map(({ sequence }) => sequence),
      [1, 2, 3, 4, 5, 6, 7, 8, 9]
    )
    assert.deepEqual(
      transactions.slice(7).map(({ records }) => records.length),
      [4, 4]
    )
    const topic = `${parts.name}.public.account`
    const text = await tidemark(t, 'read', '-c', parts.config, '--limit', '2', '--topics', topic)
    assert.equal(text.code, 0, text.output)
    assert.match(
      text.output,
      /#8 {2}\d+ {2}.*4 operations\n( {3}\S+account\/\d@\d+ {2}\{"id":\d+\} .*\n){2} {3}bookmark tm1\./
    )
  })
})
