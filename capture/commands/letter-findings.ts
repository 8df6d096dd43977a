import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { SubscriptionConfiguration } from '../config/configuration.ts'
import { findingOf, type Finding } from '../finding.ts'
import type { ClusterFacts } from '../preflight/cluster-facts.ts'
import type { Connections } from '../preflight/connections.ts'

/**
 * How many dead letters the topic has: what its partitions hold from first to last offset, so letters of transactions
 * that a killed agent wrote again count again. Throws nothing but what is no TidemarkError.
 */
export async function letterFindings(
  { reader }: Pick<Connections, 'reader'>,
  { deadLetters }: SubscriptionConfiguration,
  cluster: ClusterFacts
): Promise<Finding[]> {
  const topic = deadLetters === null ? null : (cluster.dataTopics.get(deadLetters.topic) ?? null)
  if (topic === null) return []
  try {
    let letters = 0
    for (let partition = 0; partition < topic.partitions; partition++) {
      const { start, end } = await reader.bounds(topic.name, partition)
      letters += end - start
    }
    return letters === 0 ? [] : [parked(topic.name, letters)]
  } catch (error) {
    if (!isTidemarkError(error)) throw error
    return [findingOf(error)]
  }
}

function parked(topic: string, letters: number): Finding {
  const what = `${topic} holds ${letters} dead letter${letters === 1 ? '' : 's'}: operations that failed and were set aside`
  const remedy = 'read them, correct what fails, and do again what they tell (docs/failing-operations.md)'
  return { code: 'OPERATIONS_PARKED', severity: 'warning', what, place: topic, remedy }
}
