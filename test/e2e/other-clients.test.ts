import assert from 'node:assert/strict'
import { it } from 'node:test'
import { readTopic } from '../support/topic-records.ts'
import { TransactionConsumer } from '@tidemark/tcc-consumer'
import { seededRandom } from '../support/seeded-random.ts'
import { BankBooks } from './bank-books.ts'
import { applyBank, runBank, useBank } from './bank-subscription.ts'
import { openingBalance, work } from './bank-writers.ts'
import { SourceOracle } from './source-oracle.ts'

const accounts = 50

for (const compression of ['gzip', 'lz4', 'zstd', 'snappy']) {
  it(`writes ${compression} that the TCC client gives back whole, and any other client reads`, async t => {
    const bank = await useBank(t, accounts, compression)
    await applyBank(t, bank)
    const oracle = await SourceOracle.open(bank.url)
    t.after(() => oracle.close())
    await runBank(t, bank)
    await work(bank.url, { accounts, writers: 4, transactions: 25, random: seededRandom(3).random })
    const committed = await oracle.transactions()
    const books = new BankBooks(BigInt(accounts) * openingBalance)
    const consumer = new TransactionConsumer({ brokers: bank.brokers, commitStream: `${bank.name}.commits` })
    t.after(() => consumer.close())
    for await (const transaction of consumer) {
      books.enter(transaction)
      if (books.transactions.length === committed.length) break
    }
    assert.deepEqual(books.faults, [])
    assert.deepEqual(books.transactions, committed)
    if (compression !== 'gzip') return
    // kafkajs reads gzip without further packages.
    const topic = `${bank.name}.public.written`
    const messages = await readTopic(bank.brokers, topic, committed.length)
    for (const { key, value } of messages) {
      const row = JSON.parse(value!.toString()) as { id: string; rows: number }
      assert.deepEqual(JSON.parse(key!.toString()), { id: row.id })
      assert.ok(row.rows > 0)
    }
  })
}
