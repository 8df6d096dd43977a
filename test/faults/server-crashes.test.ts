import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { TransactionConsumer } from '@tidemark/tcc-consumer'
import { startKafka } from '../../services/kafka.ts'
import { startPostgres } from '../../services/postgres.ts'
import { makeScratchDirectory } from '../../services/scratch.ts'
import { BankBooks } from '../e2e/bank-books.ts'
import { applyBank, startAgent } from '../e2e/bank-subscription.ts'
import { openBank, openingBalance, work } from '../e2e/bank-writers.ts'
import { SourceOracle } from '../e2e/source-oracle.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { until } from '../support/until.ts'

const accounts = 50

it('goes on by itself after a crash of Kafka and a crash of PostgreSQL, with nothing lost or twice', async t => {
  const { seed, random } = seededRandom()
  t.diagnostic(`seed ${seed}`)
  const [postgres, kafka] = await Promise.all([startPostgres({ durable: false }), startKafka()])
  t.after(() => kafka.stop())
  t.after(() => postgres.stop())
  const { url } = postgres
  const { brokers } = kafka
  const config = join(makeScratchDirectory('crashes'), 'tidemark.yaml')
  writeFileSync(
    config,
    `subscription: crashes
postgres: {url: '${url}'}
kafka: {brokers: [${brokers.join(', ')}]}
topics: {partitions: 3, replication: 1}
tables: {public.account: {}, public.transfer: {}, public.written: {}}
`
  )
  await openBank(url, accounts)
  await applyBank(t, { url, brokers, name: 'crashes', config })
  const before = await SourceOracle.open(url)
  const agent = startAgent(t, config)
  const books = new BankBooks(BigInt(accounts) * openingBalance)
  const consumer = new TransactionConsumer({ brokers, commitStream: 'crashes.commits' })
  const reading = (async () => {
    for await (const transaction of consumer) books.enter(transaction)
  })()
  reading.catch(() => {})
  const write = () => work(url, { accounts, writers: 4, transactions: 10, random })

  await write()
  await kafka.nodes[0]!.crash()
  await write()
  await kafka.nodes[0]!.restart()
  await write()
  await before.disconnect()
  await postgres.crash()
  await postgres.restart()
  await write()

  const oracle = await SourceOracle.again(url)
  const committed = await oracle.transactions()
  await until(() => books.transactions.length >= committed.length || !agent.alive, {
    timeoutMs: 90_000,
    what: () =>
      `${committed.length} transactions, ${books.transactions.length} are there\n${agent.output.slice(-2_000)}`
  })
  await consumer.close()
  await reading
  await oracle.close()
  assert.ok(agent.alive, agent.output)
  assert.deepEqual(books.faults, [])
  assert.deepEqual(books.transactions, committed)
})
