import { initProducerIdV4 } from '@platformatic/kafka'
import { isTidemarkError, TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { brokerErrorCode, brokerErrorName, forbiddenError, isForbidden, isPassing } from './broker-error.ts'
import type { Cluster } from './cluster.ts'
import { produceApi } from './produce-request.ts'
import type { ProduceAnswer, ProducePart, ProduceWire, ProducerIdentity } from './produce-wire.ts'

/** Of the broker's own clock for a transaction; we begin none, but the coordinator wants a value within its limit. */
const transactionTimeoutMs = 60_000

/** The producing side of a real cluster. */
export class ClusterProduceWire implements ProduceWire {
  private readonly cluster: Cluster

  constructor(cluster: Cluster) {
    this.cluster = cluster
  }

  async leader(topic: string, partition: number): Promise<number | null> {
    return (await this.cluster.partition(topic, partition)).leader
  }

  forget(topic: string): void {
    this.cluster.forget(topic)
  }

  /**
   * InitProducerId v4 with producer id -1 and epoch -1, at the coordinator: it answers the id's producer with a raised
   * epoch. Repeated while the coordinator loads or moves; a repetition only raises the epoch once more.
   * Throws KAFKA_UNREACHABLE, KAFKA_AUTHENTICATION, KAFKA_AUTHORIZATION, PRODUCE_FAILED.
   */
  async initProducerId(transactionalId: string): Promise<ProducerIdentity> {
    const resource = `transactional id ${transactionalId}`
    const what = `the producer id of ${resource}`
    return this.cluster.retrying(what, undefined, async () => {
      const node = await this.cluster.coordinator('transaction', transactionalId)
      try {
        const { producerId, producerEpoch } = await this.cluster.atBroker(node, `asking for ${what}`, connection =>
          initProducerIdV4.api.async(connection, transactionalId, transactionTimeoutMs, -1n, -1)
        )
        return { producerId, producerEpoch }
      } catch (error) {
        throw initError(error, resource)
      }
    })
  }

  /**
   * Produce v8, acks=all. Rejects with KAFKA_UNREACHABLE when the outcome is unknown, with KAFKA_AUTHENTICATION when
   * no connection could be had.
   */
  async produce(node: number, parts: readonly ProducePart[]): Promise<ProduceAnswer[]> {
    // The broker gives up before the connection does: its answer says more than a lost connection.
    const timeoutMs = Math.round(this.cluster.requestMs * 0.7)
    const names = partNames(parts)
    try {
      return await this.cluster.atBroker(node, `storing records of ${names}`, connection =>
        produceApi.async(connection, parts, timeoutMs)
      )
    } catch (error) {
      if (isTidemarkError(error) && error.code !== 'KAFKA_UNREACHABLE') throw error
      throw new TidemarkError('KAFKA_UNREACHABLE', {
        message: `outcome unknown: ${error instanceof Error ? error.message : String(error)}`,
        place: names,
        cause: error
      })
    }
  }
}

function initError(error: unknown, resource: string): unknown {
  const code = brokerErrorCode(error)
  if (code === null || isPassing(code)) return error
  if (isForbidden(code)) return forbiddenError(code, 'Write', resource)
  return new TidemarkError('PRODUCE_FAILED', {
    message: `the broker gives no producer id for ${resource}: ${brokerErrorName(code)}`,
    place: resource,
    cause: error
  })
}

function partNames(parts: readonly ProducePart[]): string {
  const names = parts.slice(0, 3).map(({ topic, partition }) => `${topic}/${partition}`)
  return parts.length > 3 ? `${names.join(', ')} and ${parts.length - 3} more` : names.join(', ')
}
