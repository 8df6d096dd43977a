import { parseArgs } from 'node:util'
import { startKafka } from '../../services/kafka.ts'
import { startQueueManager } from '../../services/mq.ts'
import { startPostgres } from '../../services/postgres.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { killRounds } from './kill-rounds.ts'
import { queueRounds } from './queue-rounds.ts'

const usage = `npm run faults -- [options]

kill -9 of the agent at named fault points and at random, round after round, while writers work and a consumer keeps
books; at the end the books must be what the source committed: each transaction once, whole, in commit order.

  --mq              queues instead of tables: kill -9 of the agent, its reader and Kafka, cut connections, commits in
                    doubt; groups and batches must come out whole, in the order of their queue, each once
  --rounds N        default 50
  --writers N       default 8
  --transactions N  of each round (default 160)
  --seed N          repeats the random choices
`

const { values } = parseArgs({
  options: {
    mq: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '50' },
    writers: { type: 'string', default: '8' },
    transactions: { type: 'string', default: '160' },
    seed: { type: 'string' },
    help: { type: 'boolean', default: false }
  }
})

if (values.help) process.stdout.write(usage)
else process.exitCode = await (values.mq ? queueFaults() : faults())

async function faults(): Promise<number> {
  const { seed, random } = seededRandom(values.seed === undefined ? undefined : Number(values.seed))
  say(`seed ${seed}`)
  const postgres = await startPostgres({ durable: false })
  const kafka = await startKafka({ say })
  try {
    const result = await killRounds({
      postgresUrl: postgres.url,
      brokers: kafka.brokers,
      name: 'faults',
      rounds: Number(values.rounds),
      writers: Number(values.writers),
      transactionsPerRound: Number(values.transactions),
      random,
      say
    })
    return verdict(result)
  } finally {
    await kafka.stop()
    await postgres.stop()
  }
}

async function queueFaults(): Promise<number> {
  const { seed, random } = seededRandom(values.seed === undefined ? undefined : Number(values.seed))
  say(`seed ${seed}`)
  const manager = await startQueueManager({ say })
  const kafka = await startKafka({ say })
  try {
    return verdict(await queueRounds({ manager, kafka, name: 'faults', rounds: Number(values.rounds), random, say }))
  } finally {
    await kafka.stop()
    await manager.stop()
  }
}

function verdict(result: { faults: readonly string[] }): number {
  say(JSON.stringify(result, null, 2))
  say(result.faults.length === 0 ? 'nothing lost, nothing twice, nothing out of order, nothing half' : 'FAULTS FOUND')
  return result.faults.length === 0 ? 0 : 1
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
