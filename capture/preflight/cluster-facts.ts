import type { TopicDescription } from '@tidemark/kafka/admin.ts'
import { isTidemarkError, type TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { knownDataTopics, type SubscriptionConfiguration } from '../config/configuration.ts'
import type { CommitStreamLog } from '../ownership/commit-stream-log.ts'
import { readStreamExtent, type StreamExtent } from '../ownership/stream-extent.ts'
import { readStreamState, type StreamState } from '../ownership/stream-state.ts'
import { newTopics } from '../provision/new-topics.ts'
import type { Connections } from './connections.ts'
import { readRestrictedTopics, type RestrictedTopicFacts } from './restricted-topics.ts'

/** The Kafka cluster as it stands, as far as a subscription is concerned. */
export interface ClusterFacts {
  commitStream: TopicDescription | null
  /** By name: the data topics that the configuration names; null for one that does not exist. */
  dataTopics: ReadonlyMap<string, TopicDescription | null>
  /** Why topics that are missing could not be created as configured. */
  refusedTopics: readonly TidemarkError[]
  /** null: the commit stream is empty or missing, or cannot be read (see `streamFault`). */
  stream: StreamState | null
  streamFault: TidemarkError | null
  /** What the stream still holds; null as with `stream`. */
  extent: StreamExtent | null
  restrictedTopics: readonly RestrictedTopicFacts[]
  /** Why ACLs of restricted topics could not be looked at. */
  restrictedFault?: TidemarkError | null
}

/**
 * Reads all of it but what is `hidden` from this user, and changes nothing. Throws KAFKA_UNREACHABLE,
 * KAFKA_AUTHENTICATION, KAFKA_AUTHORIZATION.
 */
export async function readCluster(
  connections: Pick<Connections, 'admin' | 'cluster' | 'commitStream'>,
  configuration: SubscriptionConfiguration,
  hidden: ReadonlySet<string> = new Set()
): Promise<ClusterFacts> {
  const { admin } = connections
  const visible = (names: readonly string[]) => names.filter(name => !hidden.has(name))
  const streams = await admin.describeTopics(visible([configuration.commitStream]))
  const commitStream = streams.get(configuration.commitStream) ?? null
  const dataTopics = await admin.describeTopics(visible(knownDataTopics(configuration)))
  const wanted = newTopics(configuration, { commitStream, dataTopics }).filter(({ name }) => !hidden.has(name))
  const refusedTopics = await admin.refusedTopics(wanted)
  const restricted = await readAccess(connections, configuration)
  const nothing = { stream: null, extent: null, streamFault: null }
  const facts = { ...restricted, commitStream, dataTopics, refusedTopics, ...nothing }
  if (commitStream?.partitions !== 1) return facts
  return { ...facts, ...(await streamFacts(connections.commitStream)) }
}

/** Looks once more when an owner trims the stream meanwhile. */
async function streamFacts(
  log: CommitStreamLog,
  again = true
): Promise<Pick<ClusterFacts, 'stream' | 'extent' | 'streamFault'>> {
  try {
    const stream = await readStreamState(log)
    return { stream, extent: await readStreamExtent(log), streamFault: null }
  } catch (error) {
    if (!isTidemarkError(error)) throw error
    if (error.code === 'STREAM_TRIMMED' && again) return streamFacts(log, false)
    return { stream: null, extent: null, streamFault: error.code === 'STREAM_EMPTY' ? null : error }
  }
}

/** That ACLs are not to be looked at hides nothing else. */
async function readAccess(
  { cluster }: Pick<Connections, 'cluster'>,
  configuration: SubscriptionConfiguration
): Promise<Pick<ClusterFacts, 'restrictedTopics' | 'restrictedFault'>> {
  try {
    return { restrictedTopics: await readRestrictedTopics(cluster, configuration) }
  } catch (error) {
    if (!isTidemarkError(error, 'KAFKA_AUTHORIZATION')) throw error
    return { restrictedTopics: [], restrictedFault: error }
  }
}
