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
import type { Cluster } from './cluster.ts'
import { fetchApi } from './fetch-request.ts'
import type { FetchAnswer, FetchAsk, FetchLimits, FetchWire } from './fetch-wire.ts'
import type { PartitionMetadata } from './metadata-request.ts'

/** ListOffsets: these timestamps ask for a place instead of a time. */
const LATEST = -1n
const EARLIEST = -2n

/** The reading side of a real cluster. */
export class ClusterFetchWire implements FetchWire {
  private readonly cluster: Cluster

  constructor(cluster: Cluster) {
    this.cluster = cluster
  }

  leader(topic: string, partition: number): Promise<PartitionMetadata> {
    return this.cluster.partition(topic, partition)
  }

  forget(topic: string): void {
    this.cluster.forget(topic)
  }

  fetch(node: number, asks: readonly FetchAsk[], limits: FetchLimits): Promise<FetchAnswer[]> {
    return this.cluster.pollBroker(node, `reading ${askNames(asks)}`, connection =>
      fetchApi.async(connection, asks, limits)
    )
  }

  /** ListOffsets v5 at the leader (brokers since 2.2), repeated while the leader moves. */
  async offset(topic: string, partition: number, at: 'earliest' | 'latest' | number): Promise<number> {
    const timestamp = at === 'earliest' ? EARLIEST : at === 'latest' ? LATEST : BigInt(at)
    const what = `the offsets of ${topic}/${partition}`
    return this.cluster.retrying(what, undefined, async () => {
      try {
        return await this.offsetOnce(topic, partition, timestamp, what)
      } catch (error) {
        this.cluster.forget(topic)
        const code = brokerErrorCode(error)
        throw code !== null && !isPassing(code) ? readError(code, topic, partition) : error
      }
    })
  }

  private async offsetOnce(topic: string, partition: number, timestamp: bigint, what: string): Promise<number> {
    const { leader, leaderEpoch } = await this.cluster.partition(topic, partition)
    if (leader === null)
      throw new TidemarkError('KAFKA_UNREACHABLE', { message: `${topic}/${partition} has no leader` })
    const partitions = [{ partitionIndex: partition, currentLeaderEpoch: leaderEpoch, timestamp }]
    const answer = await this.cluster.atBroker(leader, `asking for ${what}`, connection =>
      listOffsetsV5.api.async(connection, -1, 0, [{ name: topic, partitions }])
    )
    return Number(answer.topics[0]!.partitions[0]!.offset)
  }
}

/** What a code means that waiting does not mend. */
export function readError(code: number, topic: string, partition: number): TidemarkError {
  if (isForbidden(code)) return forbiddenError(code, 'Read', `topic ${topic}`)
  const place = `${topic}/${partition}`
  const known = code === brokerErrors.CORRUPT_MESSAGE ? 'RECORD_BATCH_INVALID' : 'INTERNAL'
  return new TidemarkError(known, { message: `the broker cannot read ${place}: ${brokerErrorName(code)}`, place })
}

function askNames(asks: readonly FetchAsk[]): string {
  const names = asks.slice(0, 3).map(({ topic, partition }) => `${topic}/${partition}`)
  return asks.length > 3 ? `${names.join(', ')} and ${asks.length - 3} more` : names.join(', ')
}
