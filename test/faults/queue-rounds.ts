import { setTimeout as pause } from 'node:timers/promises'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KafkaCluster } from '../../services/kafka.ts'
import type { QueueManager } from '../../services/mq.ts'
import { openApplication, type MqApplication } from '../support/mq-application.ts'
import { makeScratchDirectory } from '../../services/scratch.ts'
import { until } from '../support/until.ts'
import { HarmedAgent } from './harmed-agent.ts'
import { QueueBooks } from './queue-books.ts'

export interface QueueRoundsOptions {
  manager: QueueManager
  kafka: KafkaCluster
  /** Subscription name, topic and queue prefix. */
  name: string
  rounds: number
  random: () => number
  say: (text: string) => void
}

export interface QueueRoundsResult {
  groups: number
  messages: number
  batches: number
  harms: Record<string, number>
  agentStarts: number
  duplicatesDropped: number
  voidRecords: number
  /** What came out otherwise than it was put. Empty when all is well. */
  faults: string[]
}

interface Scene extends QueueRoundsOptions {
  agent: HarmedAgent
  application: MqApplication
  books: QueueBooks
}

const address = 'agent(1414)'
const batchMessages = 5
const catchUpMs = 120_000

/** What is done to the system, and how often, in hundredths. */
const harms: Record<string, [weight: number, act: (scene: Scene) => Promise<unknown>]> = {
  'agent killed': [22, ({ agent, random }) => agent.killAfter(random() * 1_000)],
  'agent killed at a fault point': [10, ({ agent, random }) => agent.dieAtPoint(random)],
  'reader killed': [12, ({ agent }) => agent.killReader()],
  'connection cut': [20, ({ manager, random }) => pause(random() * 300).then(() => manager.cut(address))],
  'commit in doubt': [20, scene => fault(scene, 'C')],
  'get fails': [10, scene => fault(scene, 'G')],
  'Kafka killed': [6, ({ kafka, random }) => killKafka(kafka, random)]
}

/**
 * An application puts groups on one queue and messages on another, and in every round something is killed or cut: the
 * agent, its reader, its connection, the commit's answer, Kafka. A consumer rebuilds transactions all the while. At the
 * end they must be what was put: groups whole, in the order of their queue, each once; the other queue's messages in
 * batches, in order, each once; and both queues empty.
 */
export async function queueRounds(options: QueueRoundsOptions): Promise<QueueRoundsResult> {
  const { manager, kafka, name, rounds, random, say } = options
  const queues = { groups: `${name}.GROUPS`, batches: `${name}.BATCHES` }
  for (const queue of Object.values(queues)) await manager.define(queue)
  const environment = { ...process.env, ...manager.environment }
  const application = await openApplication(connectionOf(manager, 'application(1414)'), environment)
  const agent = new HarmedAgent(writeConfig(options, queues), environment)
  const books = new QueueBooks({ brokers: kafka.brokers, name })
  const scene: Scene = { ...options, agent, application, books }
  const counts: Record<string, number> = {}
  try {
    await agent.apply()
    agent.start()
    for (let round = 0; round < rounds; round++) {
      // Half of the rounds begin with work left over from the one before.
      if (random() < 0.5) await books.caughtUp(catchUpMs, () => agent.output)
      const putting = books.put(application, queues, random)
      const harm = choose(random)
      counts[harm] = (counts[harm] ?? 0) + 1
      await Promise.all([putting, harms[harm]![1](scene)])
      agent.start()
      if ((round + 1) % 10 === 0 || rounds <= 10) say(`round ${round + 1} of ${rounds}: ${harm}; ${books.text}`)
    }
    await manager.noFaults()
    await books.caughtUp(catchUpMs, () => agent.output)
    await untilEmpty(scene, Object.values(queues))
    const code = await agent.drain()
    const faults = [
      ...agent.ends,
      ...books.judge(batchMessages),
      ...(code === 0 ? [] : [`the agent ended with ${code}: ${agent.output}`])
    ]
    return { ...books.totals(), harms: counts, agentStarts: agent.starts, faults }
  } finally {
    await agent.kill()
    await books.close()
    await application.kill()
  }
}

function choose(random: () => number): string {
  const all = Object.entries(harms)
  let at = random() * all.reduce((sum, [, [weight]]) => sum + weight, 0)
  for (const [name, [weight]] of all) if ((at -= weight) < 0) return name
  return all[0]![0]
}

async function fault({ manager, random }: Scene, verb: 'C' | 'G'): Promise<void> {
  const performed = random() < 0.5
  const reason = verb === 'C' && random() < 0.3 ? 2549 : 2009
  await manager.fault({ verb, reason, address, performed, drop: true, skip: Math.floor(random() * 3) })
}

async function killKafka({ nodes }: KafkaCluster, random: () => number): Promise<void> {
  await pause(random() * 500)
  await nodes[0]!.crash()
  await pause(random() * 1_500)
  await nodes[0]!.restart()
}

/** What was named is also committed away, or dropped when it came again. */
async function untilEmpty({ manager, agent }: Scene, queues: readonly string[]): Promise<void> {
  await until(
    async () => {
      const depths = await Promise.all(queues.map(async queue => (await manager.look(queue)).depth))
      return depths.every(depth => depth === 0)
    },
    { timeoutMs: catchUpMs, what: () => `the queues to be empty; the agent said ${agent.output}` }
  )
}

function connectionOf(manager: QueueManager, name: string) {
  return { queueManager: manager.name, channel: 'APP.SVRCONN', name }
}

function writeConfig(
  { manager, kafka, name }: QueueRoundsOptions,
  queues: { groups: string; batches: string }
): string {
  const file = join(makeScratchDirectory('queue-faults'), 'tidemark.yaml')
  writeFileSync(
    file,
    `subscription: ${name}
mq:
  queueManager: ${manager.name}
  connection: {channel: APP.SVRCONN, name: ${address}}
  unitOfWork: {messages: 12}
  queues:
    ${queues.groups}: {topic: ${name}.groups, unit: group}
    ${queues.batches}: {topic: ${name}.batches, unit: batch, batchMessages: ${batchMessages}, batchMs: 20}
kafka: {brokers: ${JSON.stringify(kafka.brokers)}}
topics: {partitions: 3, replication: 1}
`
  )
  return file
}
