import assert from 'node:assert/strict'
import { it } from 'node:test'
import { seededRandom } from '../support/seeded-random.ts'
import { useKafka } from '../support/kafka.ts'
import { usePostgres } from '../support/postgres.ts'
import { killRounds } from './kill-rounds.ts'

it('loses nothing and repeats nothing when the agent is killed at each fault point and at random', async t => {
  const { seed, random } = seededRandom()
  t.diagnostic(`seed ${seed}`)
  const postgres = await usePostgres(t)
  const kafka = await useKafka(t)
  const result = await killRounds({
    postgresUrl: (await postgres.createDatabase()).url,
    brokers: kafka.brokers,
    name: kafka.topicName('kills').replaceAll(/[^a-zA-Z0-9]/g, '_'),
    rounds: 5,
    writers: 4,
    transactionsPerRound: 60,
    random,
    say: text => t.diagnostic(text)
  })
  assert.deepEqual(result.faults, [])
  assert.ok(result.transactions > 200)
})
