import { encodeCommitStreamRecord } from '@tidemark/schemas/commit-stream-codec.ts'
import { noExtensions } from '@tidemark/schemas/commit-stream.ts'
import { AgentProcess } from './agent-process.ts'
import type { Configuration } from './configuration.ts'
import { Mirror } from './mirror.ts'
import { QueueManager } from './simulated-queues.ts'
import { applySink } from './sink-plan.ts'
import { SinkProcess } from './sink-process.ts'
import { SourceDatabase, type SourceRecord, type SourceSystem } from './source-database.ts'
import { World, type Subscription } from './world.ts'
import { addRecordOfStream, sharedTopic, smallTopic } from './weather.ts'

const keys = 4

/** Builds the world of a schedule: topics, applied subscriptions with their sources, agents that are not started. */
export function makeWorld(
  seed: number,
  configuration: Configuration,
  traced: boolean
): { world: World; agents: AgentProcess[]; sinks: SinkProcess[] } {
  const world = new World(seed, configuration, traced)
  world.cluster.createPartitions(sharedTopic, 2)
  world.cluster.createPartitions(smallTopic, 1)
  // Offsets of a topic in use do not begin at 0, and a mirror's may be lower.
  for (const log of world.cluster.logs) if (world.chance.happens(0.5)) log.skip(world.chance.below(6))
  for (let index = 0; index < configuration.subscriptions; index++) world.subscriptions.push(apply(world, index))
  if (configuration.recreated) leaveOldRecords(world)
  if (configuration.mirror) world.mirror = new Mirror(world)
  return { world, agents: makeAgents(world), sinks: makeSinks(world) }
}

function apply(world: World, index: number): Subscription {
  const name = `subscription${index}`
  const database = systemOf(world, `system${index}`)
  const stream = world.chance.below(0x1_0000_0000)
  const commitStream = `${name}.commits`
  const transactions = 2 + world.chance.below(world.configuration.transactionsMax)
  const prefix = index === 0 ? 'T' : `S${index}T`
  for (let number = 1; number <= transactions; number++) planTransaction(world, database, prefix, number)
  world.cluster.createPartitions(commitStream, 1)
  const genesis = encodeCommitStreamRecord({
    type: 'genesis',
    stream,
    subscription: name,
    system: database.system,
    position: database.origin,
    known: { offset: 0, epoch: 0, claim: 0 },
    extensions: noExtensions
  })
  const log = world.cluster.find(commitStream, 0)!
  log.addRecord(world.timeMs, Buffer.from(name), genesis, 0, null)
  log.replicate()
  return { name, commitStream, stream, database }
}

function systemOf(world: World, name: string): SourceSystem {
  return world.configuration.source === 'queues' ? new QueueManager(world, name) : new SourceDatabase(world, name)
}

function planTransaction(world: World, database: SourceSystem, prefix: string, number: number): void {
  const { chance } = world
  const count = chance.happens(0.12) ? 0 : 1 + chance.below(chance.happens(0.2) ? 9 : 3)
  const operations: SourceRecord[][] = []
  let record = 0
  while (record < count) {
    const records: SourceRecord[] = []
    for (let more = chance.below(3); more >= 0 && record < count; more--) {
      const topic = chance.happens(0.65) ? sharedTopic : smallTopic
      records.push({ topic, key: `k${chance.below(keys)}`, value: `${prefix}${number}.${record++}` })
    }
    operations.push(records)
    if (chance.happens(0.1)) operations.push([])
  }
  if (count === 0 && chance.happens(0.5)) operations.push([])
  database.plan(prefix, operations, chance.happens(0.1))
}

function leaveOldRecords(world: World): void {
  const { chance, cluster } = world
  const stream = chance.below(0x1_0000_0000)
  for (const log of cluster.logs) {
    if (log.topic !== sharedTopic && log.topic !== smallTopic) continue
    for (let sequence = 1; sequence <= 3; sequence++) {
      const key = Buffer.from(`k${chance.below(keys)}`)
      addRecordOfStream(log, world.timeMs, key, `OLD${sequence}`, stream, 1, sequence, log.partition)
    }
    log.replicate()
  }
}

/** Two compete. */
function makeSinks(world: World): SinkProcess[] {
  if (world.configuration.sink === 'none') return []
  applySink(world)
  return ['sink-x', 'sink-y'].map(label => new SinkProcess(world, label))
}

function makeAgents(world: World): AgentProcess[] {
  const { configuration, subscriptions } = world
  const agents: AgentProcess[] = []
  const label = (): string => String.fromCharCode(65 + agents.length)
  for (const subscription of subscriptions) {
    for (let index = 0; index < configuration.agents; index++) {
      const name = configuration.twin ? 'twin' : label()
      agents.push(new AgentProcess(world, label(), name, subscription, subscription.database))
    }
  }
  if (configuration.misconfigured) agents.push(misconfigured(world))
  return agents
}

function misconfigured(world: World): AgentProcess {
  const other = systemOf(world, 'another system')
  for (let number = 1; number <= 3; number++) planTransaction(world, other, 'X', number)
  while (other.commitOne());
  return new AgentProcess(world, 'X', 'X', world.subscriptions[0]!, other)
}
