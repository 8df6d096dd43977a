import type { MqSinkOptions } from '../../mq-sink/mq-sink.ts'
import type { QueueTarget } from '../../mq-sink/queue-target.ts'
import { plainTarget } from '../../mq-sink/testing/plain-target.ts'
import { stateText, type Place } from '../../mq-sink/sink-state.ts'
import { PlainTopic } from './plain-topic.ts'
import { TargetQueueManager } from './target-queues.ts'
import { sharedTopic } from './weather.ts'
import type { World } from './world.ts'

/** The sink's configuration in one schedule; both sinks have it. */
export interface SinkPlan {
  sink: string
  source: string
  /** Of the commit stream, those taken; null: all. */
  topics: readonly string[] | null
  targets: readonly QueueTarget[]
  rules: MqSinkOptions['rules']
  /** Larger transactions are streamed: their size is not known beforehand. */
  wholeUpToBytes: number
}

const openMsMax = 3_000

/** Queues to put to, with the state that `apply` puts first. */
export function applySink(world: World): void {
  const { chance, configuration } = world
  const split = configuration.sink === 'split'
  const ofTopic = configuration.sink === 'topic'
  if (ofTopic) world.plainTopic = new PlainTopic(world)
  const groups = !ofTopic && chance.happens(0.5)
  // Of a group that goes over several units of work, one message is held back: only with one queue.
  const targets = targetsOf(world, groups && split ? 1 : 1 + chance.below(2))
  const plan: SinkPlan = {
    sink: 'sink',
    source: ofTopic ? 'topics P' : world.subscriptions[0]!.commitStream,
    topics: !ofTopic && chance.happens(0.2) ? [sharedTopic] : null,
    targets,
    rules: {
      groups,
      large: split || ofTopic ? 'split' : 'stop',
      messages: chance.of([1, 3, 1_000]),
      bytes: chance.of([40, 1_000_000]),
      openMsMax
    },
    wholeUpToBytes: chance.of([30, 1_000_000])
  }
  const maxUncommitted = split || ofTopic ? chance.of([4, 5, 6]) : chance.of([6, 10_000, 10_000])
  const names = targets.map(({ name }) => name)
  const manager = new TargetQueueManager(world, names, maxUncommitted)
  manager.begin(stateText(plan.sink, plan.source, { place: firstPlace(world), part: null }))
  world.target = { manager, plan }
}

function targetsOf(world: World, count: number): QueueTarget[] {
  const properties = world.chance.happens(0.3) ? new Map([['transaction', 'transaction' as const]]) : new Map()
  if (count === 1) return [{ ...plainTarget, name: 'OUT0', properties }]
  return [
    { ...plainTarget, name: 'OUT0', topics: [sharedTopic], properties },
    { ...plainTarget, name: 'OUT1' }
  ]
}

function firstPlace({ plainTopic }: World): Place {
  if (plainTopic === null) return { bookmark: 'earliest' }
  return { offsets: { [plainTopic.name]: plainTopic.values.map(() => 0) } }
}
