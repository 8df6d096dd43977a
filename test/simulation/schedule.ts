import type { AgentProcess } from './agent-process.ts'
import type { Configuration } from './configuration.ts'
import { deliver } from './produce-port.ts'
import type { ReaderProcess } from './reader-process.ts'
import { makeLastReaders, makeLateReader, makeReaders } from './readers.ts'
import { makeWorld } from './scenery.ts'
import { deliverDeletion } from './trim-port.ts'
import type { SinkProcess } from './sink-process.ts'
import { blow, compactAll } from './weather.ts'
import type { World } from './world.ts'

/** One run: the world as it ended, for the oracle. */
export interface Outcome {
  world: World
  agents: AgentProcess[]
  readers: ReaderProcess[]
  sinks: SinkProcess[]
}

/** Lets all promises settle: everything asynchronous that can happen without the scheduler has happened then. */
export function settle(): Promise<void> {
  return new Promise(resolve => {
    setImmediate(resolve)
  })
}

/** Runs one schedule: adversity for a while, then healing, in which everything must finish. */
export async function runSchedule(seed: number, configuration: Configuration, traced = false): Promise<Outcome> {
  const { world, agents, sinks } = makeWorld(seed, configuration, traced)
  const schedule = new Schedule(world, agents, sinks)
  await schedule.suffer()
  await schedule.heal()
  return { world, agents, readers: schedule.readers, sinks }
}

/** What the scheduler does, and how often, in thousandths. */
type Act = [weight: number, act: (schedule: Schedule) => unknown]

const acts: Act[] = [
  [430, schedule => schedule.stepAgent()],
  [222, schedule => schedule.deliverSome()],
  [190, schedule => schedule.stepReader()],
  [40, schedule => schedule.commitOne()],
  [20, schedule => schedule.replicateOne()],
  [15, schedule => schedule.harm(() => schedule.pickAgent().crash())],
  [5, schedule => schedule.harm(() => schedule.pickAgent().stop())],
  [15, schedule => schedule.harm(() => schedule.pickDatabase().dropConnection())],
  [5, schedule => schedule.harm(() => schedule.pickDatabase().restart())],
  [15, schedule => schedule.harm(() => schedule.stall())],
  [3, schedule => schedule.openLateReader()],
  [15, schedule => schedule.world.mirror?.step()],
  [25, schedule => blow(schedule.world)]
]

/** One more of these at each step where there are sinks. */
const sinkActs: Act[] = [
  [700, schedule => schedule.stepSink()],
  [30, schedule => schedule.world.plainTopic?.write()],
  [10, schedule => schedule.world.target!.manager.notice()],
  [12, schedule => schedule.harm(() => schedule.pickSink().crash())],
  [5, schedule => schedule.harm(() => schedule.pickSink().stop())],
  [4, schedule => schedule.harm(() => schedule.world.target!.manager.restart())],
  [10, schedule => schedule.harm(() => schedule.stallSink())]
]
const readersMax = 7
/** Rounds without any event after which healing is over. */
const quietRoundsMax = 40
/** Shorter than what readers wait before they call records missing. */
const electionMsMax = 300
const healingRoundsMax = 3_000

class Schedule {
  readonly world: World
  readonly agents: AgentProcess[]
  readonly readers: ReaderProcess[]
  readonly sinks: SinkProcess[]
  /** How much of the harm happens: some schedules are rough, in others much gets done. */
  private readonly roughness: number

  constructor(world: World, agents: AgentProcess[], sinks: SinkProcess[]) {
    this.world = world
    this.agents = agents
    this.sinks = sinks
    this.roughness = world.chance.of([0.1, 0.3, 0.3, 1])
    this.readers = makeReaders(world)
  }

  async suffer(): Promise<void> {
    const { world } = this
    const { chance, configuration } = world
    const length = (100 + chance.below(chance.happens(0.5) ? 400 : 1600)) * configuration.length
    while (world.steps < length) {
      world.steps++
      world.timeMs += chance.below(20)
      this.endElections()
      await this.chooseAct(acts)(this)
      await settle()
      if (this.sinks.length === 0) continue
      await this.chooseAct(sinkActs)(this)
      await settle()
    }
  }

  /** Elections end in a moment: readers and agents are told to wait that long. */
  private endElections(): void {
    const { cluster, timeMs } = this.world
    for (const log of cluster.electing) if (log.electedMs < timeMs - electionMsMax) log.replicate()
  }

  private chooseAct(from: readonly Act[]): (schedule: Schedule) => unknown {
    let at = this.world.chance.below(from.reduce((sum, [weight]) => sum + weight, 0))
    for (const [weight, act] of from) if ((at -= weight) < 0) return act
    return () => {}
  }

  async stepAgent(): Promise<void> {
    const agent = this.pickAgent()
    const { host } = agent
    const { chance } = this.world
    if (host === null) {
      if (agent.stopped === null && (!agent.isMisconfigured || chance.happens(0.1))) agent.start()
      return
    }
    if (host.sleepUntil > this.world.steps) return
    for (let steps = 1 + chance.below(8); steps > 0 && host.alive; steps--) {
      host.step()
      await settle()
    }
  }

  async stepSink(): Promise<void> {
    const sink = this.pickSink()
    const { host } = sink
    if (host === null) {
      if (sink.stopped === null) sink.start()
      return
    }
    if (host.sleepUntil > this.world.steps) return
    for (let steps = 2 + this.world.chance.below(12); steps > 0 && host.alive; steps--) {
      host.step()
      await settle()
    }
  }

  deliverSome(): void {
    const { network, chance } = this.world
    deliverDeletion(this.world)
    for (let requests = 1 + chance.below(4); requests > 0 && network.length > 0; requests--) {
      deliver(this.world, chance.below(network.length))
    }
  }

  async stepReader(): Promise<void> {
    const { chance } = this.world
    const reader = chance.of(this.readers)
    if (reader.sleepUntil > this.world.steps) return
    reader.chanceOfCrash()
    for (let steps = 2 + chance.below(6); steps > 0; steps--) {
      reader.step()
      await settle()
    }
  }

  commitOne(): void {
    this.pickDatabase().commitOne()
  }

  replicateOne(): void {
    this.world.chance.of(this.world.cluster.logs).replicate()
  }

  harm(act: () => void): void {
    if (this.world.chance.happens(this.roughness)) act()
  }

  stall(): void {
    const { chance, steps } = this.world
    const stalled = chance.happens(0.6) ? this.pickAgent().host : chance.of(this.readers)
    if (stalled !== null) stalled.sleepUntil = steps + 10 + chance.below(200)
  }

  stallSink(): void {
    const { chance, steps } = this.world
    const { host } = this.pickSink()
    if (host !== null) host.sleepUntil = steps + 10 + chance.below(200)
  }

  openLateReader(): void {
    const { world, readers } = this
    if (readers.length < readersMax) readers.push(makeLateReader(world))
  }

  pickAgent(): AgentProcess {
    return this.world.chance.of(this.agents)
  }

  pickSink(): SinkProcess {
    return this.world.chance.of(this.sinks)
  }

  pickDatabase(): World['subscriptions'][number]['database'] {
    return this.world.chance.of(this.world.subscriptions).database
  }

  /** Nothing fails any more; every agent runs, everything is committed, until nothing moves. */
  async heal(): Promise<void> {
    const { world } = this
    world.healing = true
    world.counters.handedOverEarly = world.counters.handedOver
    world.trace?.push('--- healing')
    for (const { database } of world.subscriptions) while (database.commitOne());
    for (const log of world.cluster.logs) log.replicate()
    world.target?.manager.noticeAll()
    await this.untilQuiet()
    if (world.configuration.compactedTable) compactAll(world)
    this.readers.push(...makeLastReaders(world, this.readers[0]!))
    await this.untilQuiet()
  }

  private async untilQuiet(): Promise<void> {
    let quiet = 0
    for (let round = 0; round < healingRoundsMax && quiet < quietRoundsMax; round++) {
      const before = this.world.events
      await this.healingRound()
      quiet = this.world.events === before ? quiet + 1 : 0
    }
  }

  private async healingRound(): Promise<void> {
    const { world } = this
    this.releaseDeadLocks()
    for (const agent of this.agents) {
      if (agent.host === null && agent.stopped === null && !agent.isMisconfigured) agent.start()
    }
    for (const sink of this.sinks) if (sink.host === null && sink.stopped === null) sink.start()
    world.target?.manager.noticeAll()
    while (world.network.length > 0) deliver(world, 0)
    while (world.deletions.length > 0) deliverDeletion(world)
    world.mirror?.step()
    await settle()
    for (const host of world.hosts.slice()) {
      if (world.chance.happens(0.2)) host.tick()
      for (let steps = 3; steps > 0 && host.stepInOrder(); steps--) await settle()
    }
    for (const reader of this.readers) for (let steps = 4; steps > 0 && reader.stepInOrder(); steps--) await settle()
  }

  /** A connection whose process is dead, or has opened another, has timed out by now. */
  private releaseDeadLocks(): void {
    for (const { database } of this.world.subscriptions) {
      const { holder } = database
      if (holder?.isDead === true) database.release(holder)
    }
  }
}
