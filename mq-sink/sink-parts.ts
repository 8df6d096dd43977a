import { setImmediate, setTimeout as delay } from 'node:timers/promises'
import type { Feed } from './feed.ts'
import type { MqSinkOptions } from './mq-sink.ts'
import type { SinkConfiguration } from './sink-configuration.ts'
import type { PutterOptions } from './sink-options.ts'
import { stateText, type Place } from './sink-state.ts'
import { StreamFeed, streamPlace, type StreamFeedOptions } from './stream-feed.ts'
import { TopicFeed, topicsPlace } from './topic-feed.ts'
import { clusterLogs } from './topic-logs.ts'

/** Between tries to open a state queue that another sink has open. */
export const retryMs = 1_000

/** What the configuration says of the process that puts. */
export function putterOptions({ connection, stateQueue, targets, sink, file }: SinkConfiguration): PutterOptions {
  return {
    connection,
    stateQueue,
    queues: targets.map(({ name }) => name),
    applicationName: `tidemark-mq-sink ${sink}`,
    besideFile: file
  }
}

/** What a sink reads, as its state message names it. */
export function sourceOf({ commitStream, topics }: SinkConfiguration): string {
  return commitStream ?? `topics ${topics!.join(',')}`
}

export function sinkOptions(
  configuration: SinkConfiguration,
  environment: NodeJS.ProcessEnv
): Omit<MqSinkOptions, 'onEvent'> {
  const { sink, targets, transactions, largeTransactions, unitOfWork, openMsMax } = configuration
  return {
    sink,
    source: sourceOf(configuration),
    putter: putterOptions(configuration),
    targets,
    rules: {
      groups: transactions === 'group',
      large: configuration.commitStream === null ? 'split' : largeTransactions,
      ...unitOfWork,
      openMsMax
    },
    openFeed: place => openFeed(configuration, place),
    environment,
    retryMs,
    after: (ms, task) => {
      const timer = setTimeout(task, ms)
      return () => clearTimeout(timer)
    },
    delay: (ms, signal) => delay(ms, undefined, { signal }),
    turn: () => setImmediate()
  }
}

/** The text of the state a new sink begins with: what is in Kafka by then is named, or left out. */
export async function firstState(configuration: SinkConfiguration): Promise<string> {
  const { sink, kafka, topics, from, commitStream } = configuration
  const place =
    commitStream === null
      ? await topicsPlace(clusterLogs(kafka), topics!, from)
      : await streamPlace(streamOptions(configuration, commitStream, from))
  return stateText(sink, sourceOf(configuration), { place, part: null })
}

function openFeed(configuration: SinkConfiguration, place: Place): Feed {
  const { kafka, topics, commitStream } = configuration
  if ('offsets' in place) return new TopicFeed({ logs: clusterLogs(kafka), topics: topics!, offsets: place.offsets })
  return new StreamFeed(streamOptions(configuration, commitStream!, place.bookmark))
}

function streamOptions({ kafka, topics }: SinkConfiguration, commitStream: string, from: string): StreamFeedOptions {
  return { kafka, commitStream, topics, from }
}
