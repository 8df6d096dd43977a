import assert from 'node:assert/strict'
import { appendFileSync } from 'node:fs'
import { test, type TestContext } from 'node:test'
import type { Status } from '../../capture/commands/status.ts'
import { TransactionConsumer, type ConsumedTransaction } from '@tidemark/tcc-consumer'
import { applyBank, runBank, tidemark, useBank, type BankSubscription } from './bank-subscription.ts'
import { work } from './bank-writers.ts'

const accounts = 20

function reading(t: TestContext, bank: BankSubscription, from: 'earliest' | { bookmark: string }): TransactionConsumer {
  const start = from === 'earliest' ? from : from.bookmark
  const consumer = new TransactionConsumer({ brokers: bank.brokers, commitStream: `${bank.name}.commits`, from: start })
  t.after(() => consumer.close())
  return consumer
}

async function first(consumer: TransactionConsumer): Promise<ConsumedTransaction | undefined> {
  return (await consumer[Symbol.asyncIterator]().next()).value
}

async function statusOf(t: TestContext, { config }: BankSubscription): Promise<Status> {
  const { output, code } = await tidemark(t, 'status', '--json', '-c', config)
  assert.equal(code, 0, output)
  return JSON.parse(output) as Status
}

test('a stream that is trimmed all the time loses nothing to who keeps up, and says so to who lags', async t => {
  const bank = await useBank(t, accounts)
  // A claim every 250 ms.
  appendFileSync(bank.config, 'commitStreamRetention: 2s\n')
  await applyBank(t, bank)
  const agent = await runBank(t, bank)
  const live: { sequence: number; bookmark: string }[] = []
  const follower = reading(t, bank, 'earliest')
  const following = (async () => {
    for await (const { sequence, bookmark, gapsBefore } of follower) {
      live.push({ sequence, bookmark })
      assert.deepEqual(gapsBefore, [])
    }
  })()
  const random = (): number => 0.5
  for (let rounds = 0; rounds < 1_000 && !/stream\.trimmed[^]*stream\.trimmed/.test(agent.output); rounds++) {
    await work(bank.url, { accounts, writers: 2, transactions: 20, random })
  }
  await agent.line(/stream\.trimmed/)
  await agent.kill('SIGTERM')

  const { stream, sequence } = await statusOf(t, bank)
  assert.ok(stream!.begin > 0)
  assert.equal(stream!.retentionSeconds, 2)
  while (live.at(-1)?.sequence !== sequence) await new Promise(setImmediate)
  await follower.close()
  await following
  // Each once, in order, over all the claims and whatever was trimmed behind the reader.
  assert.deepEqual(
    live.map(transaction => transaction.sequence),
    Array.from({ length: sequence! }, (_, index) => index + 1)
  )
  assert.doesNotMatch(agent.output, /"level":"error"/)

  await assert.rejects(first(reading(t, bank, live[0]!)), { code: 'STREAM_TRIMMED' })
  const late = await first(reading(t, bank, 'earliest'))
  const oldest = stream!.oldest!.sequence
  assert.equal(late?.sequence, oldest)
  assert.deepEqual(
    late?.gapsBefore.map(({ kind, firstSequence, lastSequence }) => [kind, firstSequence, lastSequence]),
    [['start', 1, oldest - 1]]
  )
  const border = await first(reading(t, bank, live[oldest - 2]!))
  assert.equal(border?.sequence, oldest)
})
