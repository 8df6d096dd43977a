import assert from 'node:assert/strict'
import { once } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'node:test'
import type { PartitionBatch } from '@tidemark/kafka/producer-session.ts'
import type { RecordSink } from '@tidemark/kcop/record-sink.ts'
import { encodeCommitStreamRecord } from '@tidemark/schemas/commit-stream-codec.ts'
import { noExtensions } from '@tidemark/schemas/commit-stream.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { MemoryLog } from '../test/support/memory-log.ts'
import { Agent, type AgentEvent, type AgentOptions } from './agent.ts'
import type { SourceConnection, TransactionReceiver } from './source.ts'

const position = (n: number): Buffer => Buffer.from([0, 0, 0, 0, 0, 0, 0, n])
const drainMs = 1_000_000
const unsealed = { compression: 'none', producerId: -1n, producerEpoch: -1, baseSequence: -1 } as const

/** A source of so many `transactions` each time it is read, of one operation and one position each, that stays open. */
class Scripted implements SourceConnection {
  readonly identity = { system: 'here', timeline: 1 }
  readonly calls: string[] = []
  protected readonly transactions: number
  protected end = Promise.withResolvers<void>()

  constructor(transactions: number) {
    this.transactions = transactions
  }
  confirmed(): Promise<Buffer> {
    return Promise.resolve(position(0))
  }
  async run(receiver: TransactionReceiver, from: Uint8Array): Promise<void> {
    this.end = Promise.withResolvers()
    // The first state of the owner is settled meanwhile.
    for (let turns = 0; turns < 10; turns++) await turn()
    await this.readingBack()
    for (let n = 1; n <= this.transactions; n++) transaction(receiver, from[7]! + n)
    return this.end.promise
  }
  /** Resolves when the server has come to where it is to begin. */
  protected readingBack(): Promise<void> {
    return Promise.resolve()
  }
  pause(): void {
    this.calls.push('pause')
  }
  resume(): void {
    this.calls.push('resume')
  }
  settle(): void {}
  close(): Promise<void> {
    this.end.resolve()
    return Promise.resolve()
  }
}

function transaction(receiver: TransactionReceiver, n: number): void {
  receiver.begin({ sourceId: String(n), commitTime: 0, position: position(n), kind: 'mirror' })
  receiver.operation({ ordinal: 0 } as never)
  receiver.commit(position(n))
}

interface Parts {
  connection: Scripted
  /** Stores the data batches of one flush. */
  storeData(): Promise<void>
  onEvent(event: AgentEvent): void
  /** Removes the beginning of the commit stream; what is older than 100 ms goes, and an owner of 60 ms claims anew. */
  deleteBefore?(offset: number): Promise<void>
}

/** Lets the next 30 ms pass for whoever calls itself every so often. */
let tick: () => void

/** An agent over a commit stream in memory; `now` moves with each delay. */
function agentOf({ connection, storeData, onEvent, deleteBefore }: Parts): Agent {
  const tasks = new Set<() => void>()
  tick = () => {
    now += 30
    for (const task of tasks) task()
  }
  const log = new MemoryLog()
  log.createTopic('commits')
  log.createTopic('data')
  const known = { offset: 0, epoch: 0, claim: 0 }
  const genesis = { type: 'genesis', stream: 7, subscription: 'bank', system: 'here', position: position(0) } as const
  log
    .partition('commits')
    .append([{ value: encodeCommitStreamRecord({ ...genesis, known, extensions: noExtensions }) }])
  let now = 0
  const produce = async (parts: readonly PartitionBatch[]): Promise<number[]> => {
    if (parts[0]!.topic === 'data') await storeData()
    return parts.map(({ topic, batch }) => log.partition(topic).appendSealed(batch.seal(unsealed)))
  }
  const options: AgentOptions = {
    subscription: 'bank',
    agent: 'test',
    commitStream: 'commits',
    source: { open: () => Promise.resolve(connection) },
    reader: log.reader(() => Promise.resolve()),
    openSession: () => Promise.resolve({ produce }),
    topics: { find: () => Promise.resolve({ partitions: 1, messageBytesMax: 1_000_000 }) },
    processorFor: processor,
    surroundings: {
      now: () => now,
      randomBytes: length => Buffer.alloc(length, ++now & 0xff),
      schedule: task => void setImmediate(task),
      delay: async (ms, signal) => {
        // A drain takes as long as it takes.
        if (ms === drainMs) return once(signal, 'abort').then(() => {})
        now += ms
        await turn()
        signal.throwIfAborted()
      },
      every: (_ms, task) => {
        tasks.add(task)
        return () => tasks.delete(task)
      }
    },
    onEvent,
    budgetBytes: 10,
    batchBytesMax: 1_000_000,
    heartbeatMs: 1_000,
    drainMs,
    trimming: deleteBefore === undefined ? null : { retentionMs: 100, renewMs: 60, deleteBefore }
  }
  return new Agent(options)
}

function processor(sink: RecordSink) {
  const none = (): void => {}
  const value = Buffer.alloc(100)
  const process = (): void => sink.append(sink.topic('data'), 0, null, 0, 0, value, 0, value.length, null)
  return { schema: none, begin: none, commit: none, refreshStart: none, refreshEnd: none, process }
}

test('what fails each time is tried ever more rarely, although each owner settles its first state', async () => {
  const stop = new AbortController()
  const retries: number[] = []
  const agent = agentOf({
    connection: new Scripted(1),
    storeData: () => Promise.reject(new TidemarkError('PRODUCE_FAILED', { message: 'for good' })),
    onEvent: event => {
      if (event.type !== 'interrupted') return
      retries.push(event.retryInMs)
      if (retries.length === 10) stop.abort()
    }
  })
  await agent.run(stop.signal)
  assert.deepEqual(retries, [200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000])
})

test('an agent that is told to stop reads nothing more when the pressure is over', async () => {
  const stop = new AbortController()
  const held = Promise.withResolvers<void>()
  const events: string[] = []
  const connection = new Scripted(3)
  const agent = agentOf({
    connection,
    storeData: () => {
      stop.abort()
      return held.promise
    },
    onEvent: event => void events.push(event.type)
  })
  const running = agent.run(stop.signal)
  while (!stop.signal.aborted) await turn()
  await turn()
  held.resolve()
  await running
  assert.equal(connection.calls.at(-1), 'pause')
  assert.equal(events.at(-1), 'drained')
})

/** Runs an agent until the first event of that type; tells what became of it and where the stream was cut. */
async function runUntil(last: AgentEvent['type'], connection: Scripted): Promise<{ events: string[]; cuts: number[] }> {
  const stop = new AbortController()
  const events: string[] = []
  const cuts: number[] = []
  const agent = agentOf({
    connection,
    storeData: () => Promise.resolve(),
    deleteBefore: async offset => void cuts.push(offset),
    onEvent: event => {
      if (event.type === 'owner') events.push(`owner ${event.epoch}`)
      if (event.type === 'settled' && event.transactions > 0) events.push('transaction')
      if (event.type === 'renewal' || event.type === 'trimmed') events.push(event.type)
      if (event.type === last) stop.abort()
    }
  })
  const running = agent.run(stop.signal)
  while (!stop.signal.aborted) {
    for (let turns = 0; turns < 20; turns++) await turn()
    tick()
  }
  await running
  return { events, cuts }
}

test('an owner claims anew when its time is over, and trims the stream to a claim that is old enough', async () => {
  const { events, cuts } = await runUntil('trimmed', new Scripted(1))
  // Behind genesis.
  assert.deepEqual(cuts, [1])
  const own = ['transaction', 'renewal']
  assert.deepEqual(events, ['owner 1', ...own, 'owner 2', ...own, 'owner 3', 'trimmed'])
})

test('an owner of a silent source claims nothing anew, and trims all the same', async () => {
  const { events, cuts } = await runUntil('trimmed', new Scripted(0))
  assert.deepEqual(cuts, [1])
  assert.deepEqual(events, ['owner 1', 'trimmed'])
})

test('a server that reads its log from far back is not made to begin again before it has come anywhere', async () => {
  class FarBack extends Scripted {
    protected override async readingBack(): Promise<void> {
      // Several times what an ownership lasts.
      for (let turns = 0; turns < 400; turns++) await turn()
    }
  }
  const { events } = await runUntil('renewal', new FarBack(1))
  assert.deepEqual(
    events.filter(event => event !== 'trimmed'),
    ['owner 1', 'transaction', 'renewal']
  )
})

test('a source that brings to its end what is open is not kept from it by pressure that is over', async () => {
  class Unit extends Scripted {
    /** Resolves when what is open was handed over, which pressure delays. */
    rest(): Promise<void> {
      return this.flowing.promise
    }
    private readonly flowing = Promise.withResolvers<void>()
    override resume(): void {
      this.flowing.resolve()
    }
  }
  const stop = new AbortController()
  const held = Promise.withResolvers<void>()
  const agent = agentOf({
    connection: new Unit(3),
    storeData: () => {
      stop.abort()
      return held.promise
    },
    onEvent: () => {}
  })
  const running = agent.run(stop.signal)
  while (!stop.signal.aborted) await turn()
  await turn()
  held.resolve()
  await running
})

test('a stream that cannot be trimmed is told of, and its owner goes on', async () => {
  const stop = new AbortController()
  let failures = 0
  const agent = agentOf({
    connection: new Scripted(1),
    storeData: () => Promise.resolve(),
    deleteBefore: () => Promise.reject(new TidemarkError('KAFKA_AUTHORIZATION', { message: 'no Delete' })),
    onEvent: event => {
      assert.notEqual(event.type, 'interrupted')
      if (event.type === 'trim-failed' && ++failures === 2) stop.abort()
    }
  })
  const running = agent.run(stop.signal)
  while (!stop.signal.aborted) {
    for (let turns = 0; turns < 20; turns++) await turn()
    tick()
  }
  await running
})
