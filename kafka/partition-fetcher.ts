import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { brokerErrorName, brokerErrors, isPassing } from './broker-error.ts'
import { systemClock, type Clock } from './clock.ts'
import { ClusterFetchWire, readError } from './cluster-fetch-wire.ts'
import { pollMsMax, type Cluster } from './cluster.ts'
import type { FetchAnswer, FetchAsk, FetchWire } from './fetch-wire.ts'
import type { FetchedPartition, FetchRequest, LogReader } from './log-reader.ts'
import { PartitionTroubles } from './partition-troubles.ts'
import { anyAborted, sharedAbort } from './shared-abort.ts'

export interface PartitionFetcherOptions {
  clock?: Clock
  /** How long a partition may stay without an answer before it is KAFKA_UNREACHABLE. */
  unreachableAfterMs?: number
  /** Of one answer of one broker; partitions share it in the order asked. */
  responseBytesMax?: number
  /** Ends every call; with the cluster's, calls end when it is closed. */
  signal?: AbortSignal
}

/** The least a broker gets to answer a question without waiting. */
const patienceMs = 100

/** An answer with anything a reader can act on. */
function isNews({ batches, outOfRange, divergesAt }: FetchedPartition): boolean {
  return batches.length > 0 || outOfRange || divergesAt !== undefined
}

/** The requests of one call that one broker leads. */
interface Route {
  node: number
  asks: FetchAsk[]
}

/**
 * Reads partitions from their leaders. With all of a call's partitions on one broker it is one long poll. With several,
 * each is asked without waiting; only when nobody has anything do long polls run as bells, whose content is thrown
 * away: so a broker that has nothing never holds back what another has, and every answer is as new as the call.
 */
export class PartitionFetcher implements LogReader {
  private readonly wire: FetchWire
  private readonly clock: Clock
  private readonly responseBytesMax: number
  private readonly troubles: PartitionTroubles
  private readonly closing = sharedAbort()
  private readonly ended: AbortSignal
  /** By node; ends when the broker has something or the wait is over. Never rejects. */
  private readonly bells = new Map<number, Promise<void>>()
  /** By node: a question without waiting that was waited for long enough. Not asked again before it ends. */
  private readonly overdue = new Map<number, Promise<void>>()

  constructor(wire: FetchWire, options: PartitionFetcherOptions = {}) {
    this.wire = wire
    this.clock = options.clock ?? systemClock
    this.responseBytesMax = options.responseBytesMax ?? 50 * 1024 * 1024
    this.troubles = new PartitionTroubles(this.clock, options.unreachableAfterMs ?? 60_000)
    this.ended = anyAborted(this.closing.signal, options.signal)
  }

  /** Of a real cluster, whose limits and end it shares. */
  static of(cluster: Cluster, responseBytesMax?: number): PartitionFetcher {
    const { clock, unreachableAfterMs, signal } = cluster
    const bytes = responseBytesMax === undefined ? {} : { responseBytesMax }
    return new PartitionFetcher(new ClusterFetchWire(cluster), { clock, unreachableAfterMs, signal, ...bytes })
  }

  async bounds(topic: string, partition: number): Promise<{ start: number; end: number }> {
    const [start, end] = await Promise.all([
      this.wire.offset(topic, partition, 'earliest'),
      this.wire.offset(topic, partition, 'latest')
    ])
    return { start, end }
  }

  async offsetAtTime(topic: string, partition: number, time: number): Promise<number | null> {
    const offset = await this.wire.offset(topic, partition, Math.max(0, Math.ceil(time)))
    return offset < 0 ? null : offset
  }

  async fetch(requests: readonly FetchRequest[], waitMs: number, signal?: AbortSignal): Promise<FetchedPartition[]> {
    if (requests.length === 0) return []
    const stop = signal === undefined ? this.ended : anyAborted(this.ended, signal)
    const until = this.clock.steadyMs() + waitMs
    for (;;) {
      stop.throwIfAborted()
      const routes = await untilAborted(this.routes(requests.filter(request => this.isDue(request))), stop)
      const alone = routes.length === 1 && routes[0]!.asks.length === requests.length
      const answers = await (alone
        ? this.poll(routes[0]!, this.leftMs(until), stop)
        : this.askAll(routes, this.leftMs(until), stop))
      const leftMs = this.leftMs(until)
      if (answers.some(isNews) || (leftMs === 0 && answers.length > 0)) return answers
      if (alone && answers.length === requests.length) continue
      this.troubles.limit(requests)
      await this.waitForNews(routes, requests, leftMs === 0 ? pollMsMax : leftMs, stop)
    }
  }

  /** Fetches under way reject; connections belong to the cluster. */
  async close(): Promise<void> {
    this.closing.abort(new TidemarkError('KAFKA_UNREACHABLE', { message: 'the reader was closed by this program' }))
  }

  private leftMs(until: number): number {
    return Math.max(0, Math.ceil(until - this.clock.steadyMs()))
  }

  private isDue({ topic, partition }: { topic: string; partition: number }): boolean {
    return this.troubles.isDue(topic, partition)
  }

  private async routes(requests: readonly FetchRequest[]): Promise<Route[]> {
    const routes = new Map<number, Route>()
    await Promise.all(
      requests.map(async request => {
        const found = await this.leader(request)
        if (found === null) return
        const route = routes.get(found.node) ?? { node: found.node, asks: [] }
        routes.set(found.node, route)
        route.asks.push(found.ask)
      })
    )
    return [...routes.values()].filter(({ node }) => !this.overdue.has(node))
  }

  private async leader(request: FetchRequest): Promise<{ node: number; ask: FetchAsk } | null> {
    const { topic, partition, offset, bytesMax, leaderEpoch } = request
    try {
      const found = await this.wire.leader(topic, partition)
      if (found.leader !== null) {
        const lastFetchedEpoch = leaderEpoch ?? -1
        const ask = { topic, partition, offset, bytesMax, currentLeaderEpoch: found.leaderEpoch, lastFetchedEpoch }
        return { node: found.leader, ask }
      }
      this.trouble(topic, partition, 'it has no leader')
    } catch (error) {
      if (!(error instanceof TidemarkError) || error.code !== 'KAFKA_UNREACHABLE' || this.ended.aborted) throw error
      this.trouble(topic, partition, error.message)
    }
    return null
  }

  /** All asked of one broker: it may wait. */
  private async poll(route: Route, leftMs: number, stop: AbortSignal): Promise<FetchedPartition[]> {
    return untilAborted(this.ask(route, Math.min(leftMs, pollMsMax)), stop)
  }

  /** Each broker answers at once with what it has; one that hangs is not waited for beyond `leftMs` when others answered. */
  private async askAll(routes: readonly Route[], leftMs: number, stop: AbortSignal): Promise<FetchedPartition[]> {
    const answered: FetchedPartition[] = []
    const open = new Map<number, Promise<void>>()
    for (const route of routes) {
      const asked = this.ask(route, 0).then(answers => void answered.push(...answers))
      open.set(route.node, asked)
      asked.then(
        () => open.delete(route.node),
        () => open.delete(route.node)
      )
    }
    const all = Promise.all(open.values())
    await untilAborted(this.atMost(Math.max(leftMs, patienceMs), all), stop)
    for (const [node, asked] of open) {
      const over = () => void this.overdue.delete(node)
      this.overdue.set(node, asked.then(over, over))
    }
    return [...answered]
  }

  /** One Fetch; passing errors are noted as troubles, and their partitions left out. */
  private async ask(route: Route, waitMs: number): Promise<FetchedPartition[]> {
    const limits = { waitMs, bytesMax: this.responseBytesMax }
    let answers: FetchAnswer[]
    try {
      answers = await this.wire.fetch(route.node, route.asks, limits)
    } catch (error) {
      this.lost(route, error)
      return []
    }
    const fetched = await Promise.all(answers.map(answer => this.judge(answer)))
    return fetched.filter(answer => answer !== null)
  }

  private lost(route: Route, error: unknown): void {
    if (this.ended.aborted) throw this.ended.reason
    if (error instanceof TidemarkError && error.code !== 'KAFKA_UNREACHABLE') throw error
    const cause = error instanceof Error ? error.message : String(error)
    for (const { topic, partition } of route.asks) this.trouble(topic, partition, cause)
  }

  private async judge(answer: FetchAnswer): Promise<FetchedPartition | null> {
    const { topic, partition, error: code, batches, highWatermark, logStart, divergesAt } = answer
    if (code === 0) {
      this.troubles.over(topic, partition)
      const fetched: FetchedPartition = { topic, partition, batches, highWatermark, logStart, outOfRange: false }
      return divergesAt === null ? fetched : { ...fetched, divergesAt }
    }
    if (code === brokerErrors.OFFSET_OUT_OF_RANGE) {
      const { start, end } = await this.bounds(topic, partition)
      this.troubles.over(topic, partition)
      return { topic, partition, batches, highWatermark: end, logStart: start, outOfRange: true }
    }
    if (!isPassing(code)) throw readError(code, topic, partition)
    this.trouble(topic, partition, brokerErrorName(code))
    return null
  }

  private trouble(topic: string, partition: number, cause: string): void {
    this.wire.forget(topic)
    this.troubles.note(topic, partition, cause)
  }

  /** Until a bell rings, a partition in trouble may be tried again, or the time is over. */
  private async waitForNews(
    routes: readonly Route[],
    requests: readonly FetchRequest[],
    leftMs: number,
    stop: AbortSignal
  ): Promise<void> {
    const troubledMs = this.troubles.dueInMs(requests)
    const ms = Math.min(leftMs, troubledMs ?? Infinity)
    if (ms <= 0) return
    const rung = routes.flatMap(({ node, asks }) => {
      const healthy = asks.filter(ask => this.isDue(ask))
      return healthy.length === 0 || this.overdue.has(node) ? [] : [this.bell({ node, asks: healthy }, ms)]
    })
    await untilAborted(this.atMost(ms, Promise.race([...rung, ...this.overdue.values()])), stop)
  }

  private async atMost(ms: number, work: Promise<unknown>): Promise<void> {
    const early = new AbortController()
    try {
      await Promise.race([work, this.clock.delay(ms, early.signal).catch(() => {})])
    } finally {
      early.abort()
    }
  }

  private bell(route: Route, ms: number): Promise<void> {
    const known = this.bells.get(route.node)
    if (known !== undefined) return known
    const limits = { waitMs: Math.ceil(Math.min(ms, pollMsMax)), bytesMax: 1 }
    const asks = route.asks.map(ask => ({ ...ask, bytesMax: 1 }))
    // A failure rings too: the next round asks the broker again and learns what is wrong.
    const rung = () => void this.bells.delete(route.node)
    const bell = this.wire.fetch(route.node, asks, limits).then(rung, rung)
    this.bells.set(route.node, bell)
    return bell
  }
}

/** `work`, or the signal's reason as soon as it is aborted; `work` goes on unheard then. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const aborted = () => reject(signal.reason as Error)
    if (signal.aborted) aborted()
    signal.addEventListener('abort', aborted, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', aborted))
  })
}
