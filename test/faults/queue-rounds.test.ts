import assert from 'node:assert/strict'
import { it } from 'node:test'
import { startKafka } from '../../services/kafka.ts'
import { standInFault, startQueueManager } from '../../services/mq.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { queueRounds } from './queue-rounds.ts'

it('rebuilds groups and batches whole, in order, each once, over random kills and cuts', async t => {
  const fault = standInFault()
  if (fault !== null) return t.skip(fault)
  const { seed, random } = seededRandom()
  t.diagnostic(`seed ${seed}`)
  const [manager, kafka] = await Promise.all([startQueueManager(), startKafka()])
  t.after(() => manager.stop())
  t.after(() => kafka.stop())
  const say = (text: string) => t.diagnostic(text)
  const result = await queueRounds({ manager, kafka, name: 'rounds', rounds: 6, random, say })
  assert.deepEqual(result.faults, [])
  assert.ok(result.groups >= 6)
})
