import { ProducerSession } from '@tidemark/kafka/producer-session.ts'
import { isTidemarkError, TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { Agent, type AgentEvent } from '../../capture/agent.ts'
import type { TopicFacts } from '../../capture/delivery/topic-directory.ts'
import { Host } from './host.ts'
import { SimulatedProduceWire } from './produce-port.ts'
import { SimulatedLogReader } from './read-port.ts'
import { RecordProcessor } from './record-processor.ts'
import type { SourceSystem } from './source-database.ts'
import { sourceFor } from './system-source.ts'
import { trimmingOf } from './trim-port.ts'
import type { Subscription, World } from './world.ts'

/** An agent that is started, crashes, stalls and is started again; each life is a host of its own. */
export class AgentProcess {
  readonly label: string
  readonly subscription: Subscription
  host: Host | null = null
  /** What ended it: no retry mends it. */
  stopped: TidemarkError | null = null
  private readonly world: World
  private readonly database: SourceSystem
  /** As claims name it; twins have one name. */
  private readonly agent: string
  private lives = 0
  private stopping = new AbortController()

  constructor(world: World, label: string, agent: string, subscription: Subscription, database: SourceSystem) {
    this.world = world
    this.label = label
    this.agent = agent
    this.subscription = subscription
    this.database = database
  }

  /** Of another system than the subscription: it must refuse, and harm nobody. */
  get isMisconfigured(): boolean {
    return this.database !== this.subscription.database
  }

  start(): void {
    const host = new Host(this.world, `${this.label}${++this.lives}`)
    this.host = host
    this.world.hosts.push(host)
    this.stopping = new AbortController()
    this.world.note(() => `${host.name} starts`)
    const { signal } = this.stopping
    this.agentOn(host)
      .run(signal)
      .then(
        () => this.ended(host, null),
        (error: unknown) => this.ended(host, error)
      )
  }

  crash(): void {
    const { host, database, world } = this
    if (host === null) return
    world.note(() => `${host.name} crashes`)
    this.remove(host)
    const { holder } = database
    // The server learns of it at once, or when the connection's timeout is over.
    if (holder?.name === host.name && world.chance.happens(0.7)) database.release(holder)
  }

  /** SIGTERM */
  stop(): void {
    if (this.host === null) return
    this.world.note(() => `${this.host?.name} is told to stop`)
    this.stopping.abort()
  }

  private ended(host: Host, error: unknown): void {
    this.remove(host)
    if (error === null) {
      this.world.note(() => `${host.name} has stopped`)
      return
    }
    this.stopped = asTidemarkError(error)
    this.world.note(() => `${host.name} ends: ${this.stopped?.code} ${this.stopped?.message}`)
  }

  private remove(host: Host): void {
    host.crash()
    this.world.hosts.splice(this.world.hosts.indexOf(host), 1)
    if (this.host === host) this.host = null
  }

  private agentOn(host: Host): Agent {
    const { world, subscription } = this
    const { chance } = world
    const wire = new SimulatedProduceWire(host)
    const annotated = new Set(
      subscription.database.transactions.filter(({ annotated }) => annotated).map(({ id }) => id)
    )
    return new Agent({
      subscription: subscription.name,
      agent: this.agent,
      commitStream: subscription.commitStream,
      source: sourceFor(host, this.database),
      reader: new SimulatedLogReader(host, world.cluster, 0.005),
      openSession: (stream, signal) =>
        ProducerSession.open(wire, world.fenced ? `tidemark-${stream}` : host.name, { clock: host.clock, signal }),
      topics: { find: topic => host.ask(() => this.facts(topic)) },
      processorFor: sink => new RecordProcessor(sink, annotated, place => world.noteEarly(subscription, place)),
      surroundings: host,
      onEvent: event => this.heard(host, event),
      budgetBytes: chance.happens(0.3) ? 400 : 1_000_000,
      batchBytesMax: chance.happens(0.3) ? 250 : 1_000_000,
      heartbeatMs: 10_000,
      drainMs: 20_000,
      trimming: trimmingOf(host, subscription.commitStream)
    })
  }

  private facts(topic: string): TopicFacts {
    const logs = this.world.cluster.topics.get(topic)
    if (logs === undefined) throw new TidemarkError('TOPIC_MISSING', { message: `no topic ${topic}` })
    return { partitions: logs.length, messageBytesMax: 1_048_588 }
  }

  private heard(host: Host, event: AgentEvent): void {
    const { counters } = this.world
    if (event.type === 'owner') {
      counters.owners++
      this.world.note(() => `${host.name} owns epoch ${event.epoch}, sequence ${event.sequence}`)
    }
    if (event.type === 'renewal') {
      counters.renewals++
      this.world.note(() => `${host.name} gives way to an ownership of its own`)
    }
    if (event.type === 'trim-failed') {
      this.world.note(() => `${host.name} could not trim: ${asTidemarkError(event.error).message}`)
    }
    if (event.type !== 'interrupted') return
    if (isTidemarkError(event.error, 'SUPERSEDED')) counters.superseded++
    if (isTidemarkError(event.error, 'PRODUCER_FENCED')) counters.fenced++
    this.world.note(() => `${host.name} is interrupted: ${asTidemarkError(event.error).message}`)
  }
}

function asTidemarkError(error: unknown): TidemarkError {
  if (isTidemarkError(error)) return error
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return new TidemarkError('INTERNAL', { message, cause: error })
}
