import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { Clock } from './clock.ts'
import type { FetchAnswer, FetchAsk, FetchLimits, FetchWire } from './fetch-wire.ts'
import { PartitionFetcher } from './partition-fetcher.ts'

interface Timer {
  due: number
  ring: () => void
}

/** Time that jumps to the next thing due whenever nothing else is left to do. */
class JumpingTime implements Clock {
  now = 0
  private readonly timers = new Set<Timer>()

  wallMs = () => this.now
  steadyMs = () => this.now
  random = () => 0.5

  delay(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = { due: this.now + ms, ring: resolve }
      this.timers.add(timer)
      signal?.addEventListener('abort', () => {
        this.timers.delete(timer)
        reject(signal.reason as Error)
      })
    })
  }

  /** Lets time pass until `work` is settled. */
  async through<T>(work: Promise<T>): Promise<T> {
    let over = false
    const done = work.finally(() => (over = true))
    done.catch(() => {})
    for (;;) {
      await new Promise(resolve => setImmediate(resolve))
      if (over) return done
      const next = [...this.timers].sort((a, b) => a.due - b.due)[0]
      if (next === undefined) throw new Error('nothing will ever happen')
      this.timers.delete(next)
      this.now = Math.max(this.now, next.due)
      next.ring()
    }
  }
}

const data = Buffer.from('batch')

/** Brokers that have `end` of one partition each, named as their node; a long poll waits for `append`. */
class FakeBrokers implements FetchWire {
  readonly time: JumpingTime
  readonly asked: string[] = []
  readonly ends = new Map<string, number>()
  readonly leaders = new Map<string, number | null>()
  readonly hanging = new Set<number>()
  readonly down = new Set<number>()
  errors: number[] = []
  forgotten = 0
  private readonly waiting = new Set<{ has: () => boolean; wake: () => void }>()

  constructor(time: JumpingTime) {
    this.time = time
  }

  append(topic: string): void {
    this.ends.set(topic, (this.ends.get(topic) ?? 0) + 1)
    for (const { has, wake } of this.waiting) if (has()) wake()
  }

  async leader(topic: string) {
    return { leader: this.leaders.get(topic) ?? null, leaderEpoch: 4, replicas: [], inSync: [] }
  }

  forget(): void {
    this.forgotten++
  }

  async fetch(node: number, asks: readonly FetchAsk[], limits: FetchLimits): Promise<FetchAnswer[]> {
    this.asked.push(`${node}:${asks.map(ask => ask.topic).join('+')} ${limits.waitMs}`)
    if (this.hanging.has(node)) await this.time.delay(30_000)
    if (this.hanging.has(node) || this.down.has(node))
      throw new TidemarkError('KAFKA_UNREACHABLE', { message: `broker ${node} is down` })
    const error = this.errors.shift() ?? 0
    const has = () => asks.some(ask => (this.ends.get(ask.topic) ?? 0) > ask.offset)
    if (error === 0 && limits.waitMs > 0 && !has()) await this.orAppended(has, limits.waitMs)
    return asks.map(ask => this.answer(ask, error))
  }

  async offset(topic: string, _partition: number, at: 'earliest' | 'latest' | number): Promise<number> {
    return at === 'latest' ? (this.ends.get(topic) ?? 0) : 0
  }

  private answer({ topic, partition, offset }: FetchAsk, error: number): FetchAnswer {
    const highWatermark = this.ends.get(topic) ?? 0
    const batches = error === 0 && highWatermark > offset ? data : Buffer.alloc(0)
    return { topic, partition, error, highWatermark, logStart: 0, batches, divergesAt: null }
  }

  private async orAppended(has: () => boolean, ms: number): Promise<void> {
    const early = new AbortController()
    const appended = new Promise<void>(wake => this.waiting.add({ has, wake }))
    await Promise.race([appended, this.time.delay(ms, early.signal).catch(() => {})])
    early.abort()
  }
}

function setUp(leaders: Record<string, number | null>, unreachableAfterMs = 10_000) {
  const time = new JumpingTime()
  const brokers = new FakeBrokers(time)
  for (const [topic, node] of Object.entries(leaders)) brokers.leaders.set(topic, node)
  const fetcher = new PartitionFetcher(brokers, { clock: time, unreachableAfterMs })
  const fetch = (topics: string[], waitMs: number, signal?: AbortSignal) =>
    time.through(
      fetcher.fetch(
        topics.map(topic => ({ topic, partition: 0, offset: 0, bytesMax: 1e6 })),
        waitMs,
        signal
      )
    )
  return { time, brokers, fetcher, fetch }
}

describe('the partition fetcher', () => {
  test('polls long when one broker has all the partitions', async () => {
    const { brokers, fetch, time } = setUp({ a: 1, b: 1 })
    const answers = await fetch(['a', 'b'], 500)
    assert.deepEqual(
      answers.map(({ topic, batches }) => [topic, batches.length]),
      [
        ['a', 0],
        ['b', 0]
      ]
    )
    assert.deepEqual([brokers.asked, time.now], [['1:a+b 500'], 500])
  })

  test('hands over at once what one broker has although another has nothing', async () => {
    const { brokers, fetch, time } = setUp({ a: 1, b: 2 })
    brokers.append('a')
    const answers = await fetch(['a', 'b'], 500)
    assert.deepEqual(
      answers.map(({ topic, batches }) => [topic, batches.length]),
      [
        ['a', 5],
        ['b', 0]
      ]
    )
    assert.equal(time.now, 0)
  })

  test('wakes up for whichever of several brokers has something first, and asks all again then', async () => {
    const { brokers, fetch, time } = setUp({ a: 1, b: 2 })
    void time.delay(120).then(() => {
      brokers.append('a')
      brokers.append('b')
    })
    const answers = await fetch(['a', 'b'], 500)
    assert.equal(time.now, 120)
    assert.deepEqual(
      answers.map(({ topic, highWatermark }) => [topic, highWatermark]),
      [
        ['a', 1],
        ['b', 1]
      ]
    )
    assert.deepEqual(brokers.asked, ['1:a 0', '2:b 0', '1:a 500', '2:b 500', '1:a 0', '2:b 0'])
  })

  test('does not ask a broker twice for the same wait', async () => {
    const { brokers, fetch, time } = setUp({ a: 1, b: 2 })
    void time.delay(100).then(() => brokers.append('a'))
    await fetch(['a', 'b'], 500)
    await fetch(['b', 'a'], 0)
    brokers.ends.clear()
    await fetch(['b', 'a'], 100)
    assert.equal(brokers.asked.filter(asked => asked === '2:b 500').length, 1)
    assert.equal(brokers.asked.filter(asked => asked === '2:b 100').length, 0)
  })

  test('waits for a broker that hangs no longer than told, and does not pile up questions', async () => {
    const { brokers, fetch, time } = setUp({ a: 1, b: 2 })
    brokers.hanging.add(2)
    brokers.append('a')
    const answers = await fetch(['a', 'b'], 500)
    assert.deepEqual(
      answers.map(({ topic }) => topic),
      ['a']
    )
    assert.equal(time.now, 500)
    await fetch(['a', 'b'], 500)
    assert.equal(time.now, 500)
    assert.equal(brokers.asked.filter(asked => asked.startsWith('2:')).length, 1)
  })

  test('follows a leader that moved', async () => {
    const { brokers, fetch } = setUp({ a: 1 })
    brokers.append('a')
    brokers.errors = [6, 74, 3]
    const answers = await fetch(['a'], 500)
    assert.equal(answers[0]?.batches.length, 5)
    assert.equal(brokers.forgotten, 3)
  })

  test('goes on with the other partitions while one has no leader, then says so by name', async () => {
    const { brokers, fetch, time } = setUp({ a: 1, b: null })
    brokers.append('a')
    assert.deepEqual(
      (await fetch(['a', 'b'], 500)).map(({ topic }) => topic),
      ['a']
    )
    brokers.ends.clear()
    const unreachable = { code: 'KAFKA_UNREACHABLE', message: /^b\/0 could not be read for \d+ ms: it has no leader/ }
    await assert.rejects(async () => {
      for (;;) await fetch(['a', 'b'], 500)
    }, unreachable)
    assert.ok(time.now >= 10_000 && time.now < 15_000, String(time.now))
  })

  test('keeps trying, ever slower, while no broker answers, and gives up by name', async () => {
    const { brokers, fetch, time } = setUp({ a: 1 })
    brokers.down.add(1)
    await assert.rejects(fetch(['a'], 0), { code: 'KAFKA_UNREACHABLE', message: /broker 1 is down/ })
    assert.ok(time.now >= 10_000 && brokers.asked.length < 30, `${time.now} ${brokers.asked.length}`)
  })

  test('gives the bounds of a partition whose offset is out of range', async () => {
    const { brokers, fetch } = setUp({ a: 1 })
    brokers.append('a')
    brokers.errors = [1]
    const [answer] = await fetch(['a'], 500)
    assert.deepEqual([answer?.outOfRange, answer?.logStart, answer?.highWatermark], [true, 0, 1])
  })

  test('names a topic that may not be read, and bytes the broker cannot read', async () => {
    for (const [error, code] of [
      [29, 'KAFKA_AUTHORIZATION'],
      [2, 'RECORD_BATCH_INVALID']
    ] as const) {
      const { brokers, fetch } = setUp({ a: 1 })
      brokers.errors = [error]
      await assert.rejects(fetch(['a'], 500), { code, message: /\ba\b/ })
    }
  })

  test('ends at once when aborted or closed', async () => {
    const { fetch, fetcher, time } = setUp({ a: 1 })
    const abort = new AbortController()
    void time.delay(10).then(() => abort.abort(new Error('stopping')))
    await assert.rejects(fetch(['a'], 500, abort.signal), /stopping/)
    assert.equal(time.now, 10)
    await fetcher.close()
    await assert.rejects(fetch(['a'], 500), /closed/)
  })
})
