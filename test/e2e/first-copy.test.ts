import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import pg from 'pg'
import { TransactionConsumer, type ConsumedTransaction } from '@tidemark/tcc-consumer'
import { startProgram } from '../support/child.ts'
import { applyBank, runBank, startAgent, tidemark, useBank, type BankSubscription } from './bank-subscription.ts'
import { work } from './bank-writers.ts'

const accounts = 5_000
const program = join(import.meta.dirname, '../../capture/main.ts')

/** Everything up to the first mirrored transaction. */
async function readCopy(bank: BankSubscription): Promise<ConsumedTransaction[]> {
  const consumer = new TransactionConsumer({ brokers: bank.brokers, commitStream: `${bank.name}.commits` })
  const transactions: ConsumedTransaction[] = []
  for await (const transaction of consumer) {
    if (transaction.kind === 'mirror') break
    transactions.push(transaction)
  }
  await consumer.close()
  return transactions
}

/** Rows of account as a consumer has them that forgets a table when its copy begins. */
function accountRows(bank: BankSubscription, transactions: readonly ConsumedTransaction[]): Map<string, string> {
  const rows = new Map<string, string>()
  for (const transaction of transactions) {
    if (Buffer.from(transaction.annotations.get('refresh-start') ?? []).toString() === 'public.account') rows.clear()
    for (const record of transaction.records) {
      if (record.topic === `${bank.name}.public.account`) rows.set(record.key!.toString(), record.value!.toString())
    }
  }
  return rows
}

describe('the first copy', () => {
  it('is whole before the first change, each row once', async t => {
    const bank = await useBank(t, accounts)
    await applyBank(t, bank)
    await runBank(t, bank)
    await work(bank.url, { accounts, writers: 1, transactions: 1, random: () => 0.5 })
    const transactions = await readCopy(bank)
    assert.equal(accountRows(bank, transactions).size, accounts)
    const records = transactions.flatMap(({ records }) => records)
    assert.equal(records.length, accounts)
  })

  it('starts anew when it was killed, and nobody runs the subscription before it is whole', async t => {
    const bank = await useBank(t, accounts)
    const killed = startProgram(t, program, {
      args: ['apply', '--yes', '-c', bank.config],
      environment: { TIDEMARK_FAULT_POINT: 'commit-stored:2' }
    })
    assert.equal((await killed.ended).signal, 'SIGKILL', killed.output)

    const agent = startAgent(t, bank.config)
    assert.equal((await agent.ended).code, 1)
    assert.match(agent.output, /REFRESH_INCOMPLETE/)

    // Between the two copies rows change and go: what the first copy said of them must not stay.
    const client = new pg.Client({ connectionString: bank.url })
    await client.connect()
    await client.query('delete from account where id <= 3')
    await client.end()
    const again = await tidemark(t, 'apply', '--yes', '-c', bank.config)
    assert.equal(again.code, 0, again.output)
    await runBank(t, bank)
    await work(bank.url, { accounts, writers: 1, transactions: 1, random: () => 0.5 })
    assert.equal(accountRows(bank, await readCopy(bank)).size, accounts - 3)
  })
})
