import { brokerErrorName, brokerErrors, forbiddenError, isForbidden, isPassing } from '@tidemark/kafka/broker-error.ts'
import { backoffMs, type Clock } from '@tidemark/kafka/clock.ts'
import type { FetchAnswer, FetchAsk, FetchLimits, FetchWire } from '@tidemark/kafka/fetch-wire.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { KafkaJsBroker, KafkaJsCluster, KafkaJsTopic } from './kafkajs-cluster.ts'
import { fetchRequest } from './kafkajs-fetch-request.ts'

const READ_UNCOMMITTED = 0
const LATEST = -1
const EARLIEST = -2
/** Tries of a question that a moving leader may leave unanswered. */
const attemptsMax = 8
const retryBackoff = { firstMs: 50, maxMs: 2_000 }

type Leadership = Awaited<ReturnType<FetchWire['leader']>>

/** Reads partitions over the connections of a kafkajs instance; the fetcher above it is the same as for our own. */
export class KafkaJsFetchWire implements FetchWire {
  private readonly cluster: KafkaJsCluster
  private readonly clock: Clock
  private readonly topics = new Map<string, Promise<KafkaJsTopic>>()
  private connecting: Promise<void> | null = null

  constructor(cluster: KafkaJsCluster, clock: Clock) {
    this.cluster = cluster
    this.clock = clock
  }

  async leader(topic: string, partition: number): Promise<Leadership> {
    const { partitionMetadata } = await this.topic(topic)
    const found = partitionMetadata.find(({ partitionId }) => partitionId === partition)
    if (found === undefined) throw missing(`${topic}/${partition}`)
    return { leader: found.leader < 0 ? null : found.leader, leaderEpoch: -1, replicas: [], inSync: [] }
  }

  forget(topic: string): void {
    this.topics.delete(topic)
  }

  async fetch(node: number, asks: readonly FetchAsk[], limits: FetchLimits): Promise<FetchAnswer[]> {
    try {
      const broker = await this.broker(node)
      return await broker.connectionPool.send(fetchRequest(asks, limits))
    } catch (error) {
      throw named(error, `broker ${node}`)
    }
  }

  async offset(topic: string, partition: number, at: 'earliest' | 'latest' | number): Promise<number> {
    const timestamp = at === 'earliest' ? EARLIEST : at === 'latest' ? LATEST : at
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.offsetOnce(topic, partition, timestamp)
      } catch (error) {
        this.forget(topic)
        const known = named(error, `${topic}/${partition}`)
        if (known.code !== 'KAFKA_UNREACHABLE' || attempt === attemptsMax) throw known
      }
      await this.clock.delay(backoffMs(attempt, retryBackoff, this.clock.random()))
    }
  }

  async disconnect(): Promise<void> {
    await this.connecting?.catch(() => undefined)
    await this.cluster.disconnect()
  }

  private async offsetOnce(topic: string, partition: number, timestamp: number): Promise<number> {
    const { leader } = await this.leader(topic, partition)
    if (leader === null) throw unreachable(`${topic}/${partition}`, 'it has no leader')
    const broker = await this.broker(leader)
    const topics = [{ topic, partitions: [{ partition, timestamp }] }]
    const { responses } = await broker.listOffsets({ isolationLevel: READ_UNCOMMITTED, topics })
    return Number(responses[0]!.partitions[0]!.offset)
  }

  private topic(topic: string): Promise<KafkaJsTopic> {
    let known = this.topics.get(topic)
    if (known === undefined) {
      known = this.askTopic(topic)
      this.topics.set(topic, known)
      known.catch(() => this.topics.delete(topic))
    }
    return known
  }

  private async askTopic(topic: string): Promise<KafkaJsTopic> {
    try {
      await this.connect()
      const { topicMetadata } = await this.cluster.metadata({ topics: [topic] })
      const found = topicMetadata.find(known => known.topic === topic)
      if (found !== undefined) return found
    } catch (error) {
      throw named(error, topic)
    }
    throw missing(topic)
  }

  private async broker(node: number): Promise<KafkaJsBroker> {
    await this.connect()
    const broker = await this.cluster.findBroker({ nodeId: node })
    if (!broker.isConnected()) await broker.connect()
    return broker
  }

  private connect(): Promise<void> {
    this.connecting ??= this.cluster.connect().catch((error: unknown) => {
      this.connecting = null
      throw error
    })
    return this.connecting
  }
}

/** What kafkajs' errors mean; those it gave up repeating carry the first one as their cause. */
function named(error: unknown, where: string): TidemarkError {
  if (error instanceof TidemarkError) return error
  const { name, code, message, cause } = error as Error & { code?: number }
  if (name === 'KafkaJSNumberOfRetriesExceeded' && cause instanceof Error) return named(cause, where)
  if (name === 'KafkaJSSASLAuthenticationError') {
    return new TidemarkError('KAFKA_AUTHENTICATION', { message: `${where}: ${message}`, place: where, cause: error })
  }
  if (name !== 'KafkaJSProtocolError' || code === undefined) return unreachable(where, message, error)
  if (code === brokerErrors.UNKNOWN_TOPIC_OR_PARTITION) return missing(where, error)
  if (isForbidden(code)) return forbiddenError(code, 'Read', `topic ${where}`)
  if (isPassing(code)) return unreachable(where, message, error)
  return new TidemarkError('INTERNAL', { message: `${where}: ${brokerErrorName(code)}`, place: where, cause: error })
}

function missing(place: string, cause?: unknown): TidemarkError {
  return new TidemarkError('TOPIC_MISSING', { message: `there is no ${place}`, place, ...(cause ? { cause } : {}) })
}

function unreachable(place: string, why: string, cause?: unknown): TidemarkError {
  const message = `${place} cannot be reached: ${why}`
  return new TidemarkError('KAFKA_UNREACHABLE', { message, place, ...(cause ? { cause } : {}) })
}
