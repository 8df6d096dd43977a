import { listOffsetsV5 } from '@platformatic/kafka'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import {
  brokerErrorCode,
  brokerErrorName,
  brokerErrors,
  forbiddenError,
  isForbidden,
  isPassing
} from './broker-error.ts'
import { pollMsMax, type Cluster } from './cluster.ts'
import { fetchApi, type FetchAnswer, type FetchAsk } from './fetch-request.ts'
import type { FetchedPartition, FetchRequest, LogReader } from './log-reader.ts'
import { PartitionTroubles } from './partition-troubles.ts'

export interface PartitionFetcherOptions {
  /** Of one answer of one broker; partitions share it in the order asked. */
  responseBytesMax?: number
}

/** ListOffsets v5: these timestamps ask for a place instead of a time. */
const LATEST = -1n
const EARLIEST = -2n

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
  private readonly cluster: Cluster
  private readonly responseBytesMax: number
  private readonly troubles: PartitionTroubles
  private readonly closing = new AbortController()
  /** By node; ends when the broker has something or the wait is over. Never rejects. */
  private readonly bells = new Map<number, Promise<void>>()

  constructor(cluster: Cluster, options: PartitionFetcherOptions = {}) {
    this.cluster = cluster
    this.responseBytesMax = options.responseBytesMax ?? 50 * 1024 * 1024
    this.troubles = new PartitionTroubles(cluster.clock, cluster.unreachableAfterMs)
  }

  async bounds(topic: string, partition: number): Promise<{ start: number; end: number }> {
    const [start, end] = await Promise.all([
      this.offsetAt(topic, partition, EARLIEST),
      this.offsetAt(topic, partition, LATEST)
    ])
    return { start, end }
  }

  async offsetAtTime(topic: string, partition: number, time: number): Promise<number | null> {
    const offset = await this.offsetAt(topic, partition, BigInt(Math.max(0, Math.ceil(time))))
    return offset < 0 ? null : offset
  }

  async fetch(requests: readonly FetchRequest[], waitMs: number, signal?: AbortSignal): Promise<FetchedPartition[]> {
    if (requests.length === 0) return []
    const stop = AbortSignal.any([this.closing.signal, this.cluster.signal, ...(signal === undefined ? [] : [signal])])
    const until = this.cluster.clock.steadyMs() + waitMs
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
      await this.waitForNews(routes, requests, leftMs === 0 ? this.cluster.requestMs : leftMs, stop)
    }
  }

  /** Fetches under way reject; connections belong to the cluster. */
  async close(): Promise<void> {
    this.closing.abort(new TidemarkError('KAFKA_UNREACHABLE', { message: 'the reader was closed by this program' }))
  }

  private leftMs(until: number): number {
    return Math.max(0, Math.ceil(until - this.cluster.clock.steadyMs()))
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
    return [...routes.values()]
  }

  private async leader(request: FetchRequest): Promise<{ node: number; ask: FetchAsk } | null> {
    const { topic, partition, offset, bytesMax, leaderEpoch } = request
    try {
      const found = await this.cluster.partition(topic, partition)
      if (found.leader !== null) {
        const lastFetchedEpoch = leaderEpoch ?? -1
        const ask = { topic, partition, offset, bytesMax, currentLeaderEpoch: found.leaderEpoch, lastFetchedEpoch }
        return { node: found.leader, ask }
      }
      this.trouble(topic, partition, 'it has no leader')
    } catch (error) {
      if (!(error instanceof TidemarkError) || error.code !== 'KAFKA_UNREACHABLE' || this.cluster.signal.aborted)
        throw error
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
    const asking = Promise.all(routes.map(async route => answered.push(...(await this.ask(route, 0)))))
    const patience = new AbortController()
    try {
      const late = this.cluster.clock.delay(Math.max(leftMs, 100), patience.signal).catch(() => {})
      await untilAborted(Promise.race([asking, late]), stop)
      if (answered.length === 0) await untilAborted(asking, stop)
      return [...answered]
    } finally {
      patience.abort()
      asking.catch(() => {})
    }
  }

  /** One Fetch; passing errors are noted as troubles, and their partitions left out. */
  private async ask(route: Route, waitMs: number): Promise<FetchedPartition[]> {
    const limits = { waitMs, bytesMax: this.responseBytesMax }
    let answers: FetchAnswer[]
    try {
      answers = await this.cluster.pollBroker(route.node, `reading ${askNames(route.asks)}`, connection =>
        fetchApi.async(connection, route.asks, limits)
      )
    } catch (error) {
      this.lost(route, error)
      return []
    }
    const fetched = await Promise.all(answers.map(answer => this.judge(answer)))
    return fetched.filter(answer => answer !== null)
  }

  private lost(route: Route, error: unknown): void {
    if (this.cluster.signal.aborted) throw this.cluster.signal.reason
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
    this.cluster.forget(topic)
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
    const patience = new AbortController()
    const rung = routes.flatMap(({ node, asks }) => {
      const healthy = asks.filter(ask => this.isDue(ask))
      return healthy.length === 0 ? [] : [this.bell({ node, asks: healthy }, ms)]
    })
    try {
      const late = this.cluster.clock.delay(ms, patience.signal).catch(() => {})
      await untilAborted(Promise.race([late, ...rung]), stop)
    } finally {
      patience.abort()
    }
  }

  private bell(route: Route, ms: number): Promise<void> {
    const known = this.bells.get(route.node)
    if (known !== undefined) return known
    const limits = { waitMs: Math.ceil(Math.min(ms, pollMsMax)), bytesMax: 1 }
    const asks = route.asks.map(ask => ({ ...ask, bytesMax: 1 }))
    const bell = this.cluster
      .pollBroker(route.node, `waiting for ${askNames(asks)}`, connection => fetchApi.async(connection, asks, limits))
      .then(
        () => {},
        // The next round asks the broker again and learns what is wrong.
        () => {}
      )
      .finally(() => this.bells.delete(route.node))
    this.bells.set(route.node, bell)
    return bell
  }

  /** ListOffsets v5 at the leader. -1: no record has such a time. */
  private async offsetAt(topic: string, partition: number, timestamp: bigint): Promise<number> {
    const what = `the offsets of ${topic}/${partition}`
    return this.cluster.retrying(what, undefined, async () => {
      const { leader, leaderEpoch } = await this.cluster.partition(topic, partition)
      try {
        if (leader === null)
          throw new TidemarkError('KAFKA_UNREACHABLE', { message: `${topic}/${partition} has no leader` })
        const partitions = [{ partitionIndex: partition, currentLeaderEpoch: leaderEpoch, timestamp }]
        const answer = await this.cluster.atBroker(leader, `asking for ${what}`, connection =>
          listOffsetsV5.api.async(connection, -1, 0, [{ name: topic, partitions }])
        )
        return Number(answer.topics[0]!.partitions[0]!.offset)
      } catch (error) {
        this.cluster.forget(topic)
        const code = brokerErrorCode(error)
        throw code !== null && !isPassing(code) ? readError(code, topic, partition) : error
      }
    })
  }
}

function askNames(asks: readonly FetchAsk[]): string {
  const names = asks.slice(0, 3).map(({ topic, partition }) => `${topic}/${partition}`)
  return asks.length > 3 ? `${names.join(', ')} and ${asks.length - 3} more` : names.join(', ')
}

function readError(code: number, topic: string, partition: number): TidemarkError {
  if (isForbidden(code)) return forbiddenError(code, 'Read', `topic ${topic}`)
  const place = `${topic}/${partition}`
  const known = code === brokerErrors.CORRUPT_MESSAGE ? 'RECORD_BATCH_INVALID' : 'INTERNAL'
  return new TidemarkError(known, { message: `the broker cannot read ${place}: ${brokerErrorName(code)}`, place })
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
