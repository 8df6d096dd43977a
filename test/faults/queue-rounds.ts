import { setTimeout as pause } from 'node:timers/promises'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KafkaCluster } from '../../services/kafka.ts'
import type { QueueManager } from '../../services/mq.ts'
import { openApplication, type MqApplication } from '../support/mq-application.ts'
import { makeScratchDirectory } from '../../services/scratch.ts'
import { until } from '../support/until.ts'
import { agentProgram, HarmedProgram, sinkProgram } from './harmed-program.ts'
import { ReplyBooks } from './reply-books.ts'
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
  sinkStarts: number
  /** Messages that the sink put back. */
  replies: number
  duplicatesDropped: number
  voidRecords: number
  /** What came out otherwise than it was put. Empty when all is well. */
  faults: string[]
}

interface Scene extends QueueRoundsOptions {
  agent: HarmedProgram
  sink: HarmedProgram
  application: MqApplication
  books: QueueBooks
}

const agentAddress = 'agent(1414)'
const sinkAddress = 'sink(1414)'
const batchMessages = 5
const catchUpMs = 120_000

/** What is done to the system, and how often, in hundredths. */
const harms: Record<string, [weight: number, act: (scene: Scene) => Promise<unknown>]> = {
  'agent killed': [14, ({ agent, random }) => agent.killAfter(random() * 1_000)],
  'agent killed at a fault point': [8, ({ agent, random }) => agent.dieAtPoint(random)],
  'reader killed': [10, ({ agent }) => agent.killChild()],
  'connection cut': [12, scene => cut(scene, agentAddress)],
  'commit in doubt': [14, scene => fault(scene, agentAddress, 'C')],
  'get fails': [6, scene => fault(scene, agentAddress, 'G')],
  'sink killed': [10, ({ sink, random }) => sink.killAfter(random() * 1_000)],
  'putter killed': [6, ({ sink }) => sink.killChild()],
  "sink's connection cut": [6, scene => cut(scene, sinkAddress)],
  "sink's commit in doubt": [6, scene => fault(scene, sinkAddress, 'C')],
  'put fails': [3, scene => fault(scene, sinkAddress, 'P')],
  'Kafka killed': [5, ({ kafka, random }) => killKafka(kafka, random)]
}

/**
 * An application puts groups on one queue and messages on another; the agent captures them, a sink puts them back to
 * reply queues, a consumer rebuilds transactions. In every round something is killed or cut: agent, sink, the processes of
 * theirs that talk to the queue manager, connections, answers of commits, Kafka. At the end transactions and replies must
 * be what was put: groups whole, in the order of their queue, each once; the other queue's messages in order, each once;
 * and both queues empty.
 */
export async function queueRounds(options: QueueRoundsOptions): Promise<QueueRoundsResult> {
  const { manager, kafka, name, rounds, random, say } = options
  const queues = { groups: `${name}.GROUPS`, batches: `${name}.BATCHES` }
  const replies = new ReplyBooks(manager, name)
  for (const queue of [...Object.values(queues), ...replies.queues]) await manager.define(queue)
  const environment = { ...process.env, ...manager.environment }
  const application = await openApplication(connectionOf(manager, 'application(1414)'), environment)
  const agent = new HarmedProgram(agentProgram, writeConfig(options, queues), environment)
  const sink = new HarmedProgram(sinkProgram, writeSinkConfig(options, replies), environment)
  const books = new QueueBooks({ brokers: kafka.brokers, name })
  const scene: Scene = { ...options, agent, sink, application, books }
  const counts: Record<string, number> = {}
  try {
    await agent.apply('--yes')
    await sink.apply()
    agent.start()
    sink.start()
    for (let round = 0; round < rounds; round++) {
      // Half of the rounds begin with work left over from the one before.
      if (random() < 0.5) await books.caughtUp(catchUpMs, () => agent.output)
      const putting = books.put(application, queues, random)
      const harm = choose(random)
      counts[harm] = (counts[harm] ?? 0) + 1
      await Promise.all([putting, harms[harm]![1](scene)])
      agent.start()
      sink.start()
      if ((round + 1) % 10 === 0 || rounds <= 10) say(`round ${round + 1} of ${rounds}: ${harm}; ${books.text}`)
    }
    await manager.noFaults()
    await books.caughtUp(catchUpMs, () => agent.output)
    await untilEmpty(scene, Object.values(queues))
    await replies.caughtUp(books.expected, catchUpMs, () => sink.output)
    const codes = [await agent.drain(), await sink.drain()]
    const faults = [
      ...agent.ends,
      ...sink.ends,
      ...books.judge(batchMessages),
      ...replies.judge(books.expected),
      ...codes.filter(code => code !== 0).map(code => `a program ended with ${code} on SIGTERM`)
    ]
    return {
      ...books.totals(),
      harms: counts,
      agentStarts: agent.starts,
      sinkStarts: sink.starts,
      replies: replies.messages,
      faults
    }
  } finally {
    await agent.kill()
    await sink.kill()
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

async function cut({ manager, random }: Scene, address: string): Promise<void> {
  await pause(random() * 300)
  await manager.cut(address)
}

async function fault({ manager, random }: Scene, address: string, verb: 'C' | 'G' | 'P'): Promise<void> {
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

function writeSinkConfig({ manager, kafka, name }: QueueRoundsOptions, replies: ReplyBooks): string {
  const file = join(makeScratchDirectory('sink-faults'), 'sink.yaml')
  writeFileSync(
    file,
    `sink: ${name}-back
commitStream: ${name}.commits
mq:
  queueManager: ${manager.name}
  connection: {channel: APP.SVRCONN, name: ${sinkAddress}}
  stateQueue: ${replies.stateQueue}
  transactions: group
  unitOfWork: {messages: 15}
  queues:
    ${replies.groups}: {topics: [${name}.groups]}
    ${replies.batches}: {topics: [${name}.batches]}
kafka: {brokers: ${JSON.stringify(kafka.brokers)}}
`
  )
  return file
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
  connection: {channel: APP.SVRCONN, name: ${agentAddress}}
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
