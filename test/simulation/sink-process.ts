import { isTidemarkError, TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { LogReader } from '@tidemark/kafka/log-reader.ts'
import type { Feed } from '../../mq-sink/feed.ts'
import { MqSink, type SinkEvent } from '../../mq-sink/mq-sink.ts'
import type { Place } from '../../mq-sink/sink-state.ts'
import { StreamFeed } from '../../mq-sink/stream-feed.ts'
import { TopicFeed } from '../../mq-sink/topic-feed.ts'
import type { TopicLogs } from '../../mq-sink/topic-logs.ts'
import { Host } from './host.ts'
import { SimulatedLogReader } from './read-port.ts'
import { SimulatedPutter } from './sink-putter.ts'
import type { World } from './world.ts'

/** Between looks for added partitions. */
const partitionsMs = 2_000
const missingAfterMs = 500

/** A sink that is started, crashes, stalls and is started again; each life is a host of its own. */
export class SinkProcess {
  readonly label: string
  host: Host | null = null
  /** What ended it: no retry mends it. */
  stopped: TidemarkError | null = null
  private readonly world: World
  private lives = 0
  private stopping = new AbortController()

  constructor(world: World, label: string) {
    this.world = world
    this.label = label
  }

  start(): void {
    const host = new Host(this.world, `${this.label}${++this.lives}`)
    this.host = host
    this.world.hosts.push(host)
    this.stopping = new AbortController()
    this.world.note(() => `${host.name} starts`)
    this.sinkOn(host)
      .run(this.stopping.signal)
      .then(
        () => this.ended(host, null),
        (error: unknown) => this.ended(host, error)
      )
  }

  crash(): void {
    const { host } = this
    if (host === null) return
    this.world.note(() => `${host.name} crashes`)
    this.remove(host)
  }

  /** SIGTERM */
  stop(): void {
    if (this.host === null) return
    this.world.note(() => `${this.host?.name} is told to stop`)
    this.stopping.abort(new Error('told to stop'))
  }

  private ended(host: Host, error: unknown): void {
    if (!host.alive) return
    this.remove(host)
    if (error !== null) this.stopped = asTidemarkError(error)
    this.world.note(() => `${host.name} ends: ${this.stopped?.code ?? 'as told'} ${this.stopped?.message ?? ''}`)
  }

  private remove(host: Host): void {
    host.crash()
    this.world.hosts.splice(this.world.hosts.indexOf(host), 1)
    if (this.host === host) this.host = null
  }

  private sinkOn(host: Host): MqSink {
    const { manager, plan } = this.world.target!
    const { sink, source, targets, rules } = plan
    return new MqSink({
      sink,
      source,
      targets,
      rules,
      putter: {
        connection: { queueManager: manager.name },
        stateQueue: manager.stateQueue,
        queues: manager.queues,
        applicationName: 'simulation',
        besideFile: ''
      },
      openFeed: place => this.feedOn(host, place),
      environment: {},
      retryMs: 500,
      after: host.after,
      delay: host.delay,
      turn: () => host.ask(() => {}),
      startPutter: onEvent => new SimulatedPutter(host, manager, onEvent),
      onEvent: event => this.heard(host, event)
    })
  }

  private feedOn(host: Host, place: Place): Feed {
    const { cluster, plainTopic, target, subscriptions } = this.world
    const reader = new SimulatedLogReader(host, cluster, 0.003)
    if ('offsets' in place) {
      const logs = topicLogs(host, reader)
      return new TopicFeed({ logs, topics: [plainTopic!.name], offsets: place.offsets, partitionsMs })
    }
    const { topics, wholeUpToBytes } = target!.plan
    return new StreamFeed({
      kafka: { reader, clock: host.clock, wholeUpToBytes, missingAfterMs },
      commitStream: subscriptions[0]!.commitStream,
      topics,
      from: place.bookmark
    })
  }

  private heard(host: Host, event: SinkEvent): void {
    this.world.trace?.push(`${host.name}: ${eventText(event)}`)
    if (event.type === 'committed') this.world.events++
  }
}

function topicLogs(host: Host, reader: SimulatedLogReader): TopicLogs {
  const { world } = host
  return {
    reader: passingTime(host, reader),
    steadyMs: () => world.timeMs,
    partitions: topic => host.ask(() => world.cluster.topics.get(topic)!.length),
    close: () => reader.close()
  }
}

/** While all is being healed, a fetch that brings nothing takes its time. */
function passingTime({ world }: Host, reader: SimulatedLogReader): LogReader {
  return {
    bounds: (...of) => reader.bounds(...of),
    offsetAtTime: (...of) => reader.offsetAtTime(...of),
    fetch: async (requests, waitMs, signal) => {
      const answers = await reader.fetch(requests, waitMs, signal)
      if (world.healing && answers.every(({ batches }) => batches.length === 0)) world.timeMs += waitMs
      return answers
    },
    close: () => reader.close()
  }
}

function asTidemarkError(error: unknown): TidemarkError {
  if (isTidemarkError(error)) return error
  const message = error instanceof Error ? (error.stack ?? error.message) : 'something else was thrown'
  return new TidemarkError('INTERNAL', { message, cause: error })
}

function eventText(event: SinkEvent): string {
  if (event.type !== 'interrupted') return JSON.stringify(event)
  const { error } = event
  return `interrupted: ${isTidemarkError(error) ? `${error.code} ${error.message}` : String(error)}`
}
