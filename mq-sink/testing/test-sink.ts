import type { TestContext } from 'node:test'
import { setImmediate, setTimeout as delay } from 'node:timers/promises'
import { useQueueManager, type GotMessage, type TestMq } from '../../test/support/mq.ts'
import { until } from '../../test/support/until.ts'
import { askPutter, MqSink, type MqSinkOptions, type SinkEvent } from '../mq-sink.ts'
import { stateText } from '../sink-state.ts'
import { plainTarget } from './plain-target.ts'
import { ScriptedStream } from './scripted-feed.ts'

/** A queue, a state queue, and what is to be put. */
export interface SinkBench {
  stream: ScriptedStream
  queue: string
  stateQueue: string
  /** With the state begun, unless `unbegun`. Events are kept. */
  start(options?: Partial<Pick<MqSinkOptions, 'targets' | 'rules'>>): RunningSink
  begin(): Promise<void>
}

export interface RunningSink {
  events: SinkEvent[]
  /** Of the process that puts, of every connection so far. */
  pids: number[]
  /** Messages committed so far. */
  messages(): number
  codes(): string[]
  /** Asks it to stop; resolves when it has, rejects with what ended it. */
  stop(): Promise<void>
  ended: Promise<void>
}

export const plainRules: MqSinkOptions['rules'] = {
  groups: false,
  large: 'stop',
  messages: 1_000,
  bytes: 16_777_216,
  openMsMax: 60_000
}

export interface MqSinkBench extends SinkBench {
  mq: TestMq
}

/** Runs `body` with a sink whose state is begun; without a queue manager the test is skipped. */
export async function withSinkBench(t: TestContext, body: (bench: MqSinkBench) => Promise<void>): Promise<void> {
  const mq = await useQueueManager(t)
  if (mq === null) return
  const bench = await useSinkBench(t, mq)
  await bench.begin()
  await body({ ...bench, mq })
}

/** What can be had of the queue once there are `count` messages; nothing more may come with them. */
export async function taken({ mq, queue }: MqSinkBench, count: number): Promise<GotMessage[]> {
  const application = await mq.application()
  const messages: GotMessage[] = []
  await until(
    async () => {
      messages.push(...(await application.get(queue, count + 10)))
      return messages.length >= count
    },
    { what: () => `${count} messages on ${queue}, not ${messages.length}` }
  )
  return messages
}

export async function useSinkBench(t: TestContext, mq: TestMq): Promise<SinkBench> {
  const [queue, stateQueue] = [await mq.queue(), await mq.queue()]
  const stream = new ScriptedStream()
  const connection = { ...mq.connection, name: mq.standIn === null ? mq.connection.name! : 'sink(1414)' }
  const putter = {
    connection,
    stateQueue,
    queues: [queue],
    applicationName: 'tidemark test',
    besideFile: import.meta.filename
  }
  return {
    stream,
    queue,
    stateQueue,
    begin: async () => {
      const state = stateText('test', 'orders.commits', { place: { bookmark: '0' }, part: null })
      await askPutter({ do: 'begin', options: putter, retryMs: 20, state }, 'opened', mq.environment)
    },
    start: options => {
      const targets = options?.targets ?? [{ ...plainTarget, name: queue }]
      return startSink(t, {
        sink: 'test',
        source: 'orders.commits',
        putter: { ...putter, queues: targets.map(({ name }) => name) },
        targets,
        rules: options?.rules ?? plainRules,
        openFeed: place => stream.open(place),
        environment: mq.environment,
        retryMs: 20,
        after: (ms, task) => {
          const timer = setTimeout(task, ms)
          return () => clearTimeout(timer)
        },
        delay: (ms, signal) => delay(ms, undefined, { signal }),
        turn: () => setImmediate(),
        onEvent: () => {}
      })
    }
  }
}

function startSink(t: TestContext, options: MqSinkOptions): RunningSink {
  const stop = new AbortController()
  const events: SinkEvent[] = []
  const pids: number[] = []
  const sink = new MqSink({
    ...options,
    onEvent: event => {
      events.push(event)
      if (event.type === 'opened' && event.pid !== undefined) pids.push(event.pid)
    }
  })
  const ended = sink.run(stop.signal)
  ended.catch(() => {})
  const end = async () => {
    stop.abort(new Error('the test ends'))
    await ended
  }
  t.after(() => end().catch(() => {}))
  return {
    events,
    pids,
    messages: () => events.reduce((sum, event) => sum + (event.type === 'committed' ? event.messages : 0), 0),
    codes: () =>
      events.flatMap(event => (event.type === 'interrupted' ? [(event.error as { code?: string }).code ?? ''] : [])),
    stop: end,
    ended
  }
}
