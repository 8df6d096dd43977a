import { KafkaAdmin } from '@tidemark/kafka/admin.ts'
import { Cluster } from '@tidemark/kafka/cluster.ts'
import { PartitionFetcher } from '@tidemark/kafka/partition-fetcher.ts'
import type { Compression } from '@tidemark/kafka/record-batch/compression.ts'
import { ProducerSession, type Hold } from '@tidemark/kafka/producer-session.ts'
import { ClusterProduceWire } from '@tidemark/kafka/wire.ts'
import type { Notice } from '@tidemark/kcop/notice.ts'
import { loadLookups } from '@tidemark/kcop/enrichment/lookup-file.ts'
import { loadKeys } from '@tidemark/kcop/protection/key-files.ts'
import { Producer } from '@tidemark/kcop/producer.ts'
import { Agent, type AgentEvent, type AgentOptions } from './agent.ts'
import { knownDataTopics, publishedTables, type Configuration, type MqSubscription } from './config/configuration.ts'
import { producerRules } from './config/producer-rules.ts'
import type { FaultPoint } from './delivery/delivery.ts'
import { openFormats, type SubscriptionFormats } from './formats.ts'
import { ClusterTopics } from './delivery/cluster-topics.ts'
import { mqSourceOptions } from './mq/mq-options.ts'
import { MqSource } from './mq/mq-source.ts'
import { CapturedLookups, type LoadedLookup } from './lookups/captured-lookups.ts'
import type { ReaderEvent } from './mq/reader-messages.ts'
import { renewalMs, type Trimming } from './ownership/trimming.ts'
import { PostgresSource, type SlotHolder } from './postgres/postgres-source.ts'
import { requireRestricted } from './preflight/restricted-topics.ts'
import type { LogSettings } from './log.ts'
import { startProcessors, type RunningProcessors } from './running-processors.ts'
import type { Source } from './source.ts'
import { systemSourceClock, systemSurroundings } from './system-surroundings.ts'

export interface SubscriptionOptions {
  configuration: Configuration | MqSubscription
  /** Name of this agent, for people. */
  agent: string
  onEvent?: (event: SubscriptionEvent) => void
  onReached?: ((point: FaultPoint) => void) | undefined
  /** How a watchdog's last word is written, where processors are run. */
  log?: LogSettings | undefined
}

export type SubscriptionEvent =
  | AgentEvent
  | { type: 'held'; hold: Hold }
  | { type: 'released'; hold: Hold; heldMs: number }
  | { type: 'slot-held'; holder: SlotHolder }
  | { type: 'mq'; event: ReaderEvent }
  | { type: 'notice'; notice: Notice }
  | { type: 'lookups-loaded'; lookups: readonly LoadedLookup[]; tookMs: number }
  | { type: 'operation-failed'; outcome: 'parked' | 'skipped' }
  | { type: 'topic-created'; topic: string; partitions: number }

const budgetBytes = 16_777_216
const batchBytesMax = 1_000_000
const heartbeatMs = 10_000
const drainMs = 25_000

/** A configured subscription with its connections: the agent as a program runs it. */
export class Subscription {
  private readonly agent: Agent
  private readonly cluster: Cluster
  private readonly formats: SubscriptionFormats
  private readonly processors: RunningProcessors
  private readonly lookups: CapturedLookups | null

  constructor(
    agent: Agent,
    cluster: Cluster,
    formats: SubscriptionFormats,
    processors: RunningProcessors,
    lookups: CapturedLookups | null
  ) {
    this.agent = agent
    this.lookups = lookups
    this.cluster = cluster
    this.formats = formats
    this.processors = processors
  }

  /** As `Agent.run`; rejects with PROCESSOR_STRAY too. */
  run(signal: AbortSignal): Promise<void> {
    return this.processors.during(this.agent.run(signal))
  }

  async close(): Promise<void> {
    this.formats.close()
    await this.processors.close()
    await this.lookups?.close()
    await this.cluster.close()
  }
}

/** Loads the processors and makes the connections' owners; nothing is contacted yet. Throws PROCESSOR_INVALID. */
export async function openSubscription(options: SubscriptionOptions): Promise<Subscription> {
  const { configuration, onEvent = () => {} } = options
  const processors = await startProcessors(configuration, options.log)
  const cluster = new Cluster({ ...configuration.kafka, clientId: configuration.kafka.clientId })
  const formats = openFormats(configuration, notice => onEvent({ type: 'notice', notice }))
  const captured = capturedLookups(configuration, onEvent)
  const agent = new Agent(agentOptions(options, cluster, { ...processors, captured }, formats))
  return new Subscription(agent, cluster, formats, processors, captured)
}

/** One transactional id for each producer of the stream: raising its epoch fences the owner before. */
export function sessionOpener(
  cluster: Cluster,
  compression: Compression = 'none',
  onEvent: (event: SubscriptionEvent) => void = () => {}
): AgentOptions['openSession'] {
  const wire = new ClusterProduceWire(cluster)
  return (stream, signal) =>
    ProducerSession.open(wire, `tidemark-${stream.toString(16).padStart(8, '0')}-0`, {
      signal,
      compression,
      onHold: hold => onEvent({ type: 'held', hold }),
      onResume: (hold, heldMs) => onEvent({ type: 'released', hold, heldMs })
    })
}

/** No owner writes while a restricted topic is open to others: asked with every claim. */
function guardedOpener(
  configuration: Configuration | MqSubscription,
  cluster: Cluster,
  onEvent: (event: SubscriptionEvent) => void
): AgentOptions['openSession'] {
  const open = sessionOpener(cluster, configuration.compression, onEvent)
  return async (stream, signal) => {
    await requireRestricted(cluster, configuration)
    return open(stream, signal)
  }
}

function tableSource(configuration: Configuration, onEvent: (event: SubscriptionEvent) => void): Source {
  return new PostgresSource({
    url: configuration.postgres.url,
    applicationName: `tidemark ${configuration.subscription}`,
    slot: configuration.postgres.slot,
    publication: configuration.postgres.publication,
    tables: publishedTables(configuration),
    clock: systemSourceClock,
    onWaiting: holder => onEvent({ type: 'slot-held', holder })
  })
}

function queueSource(configuration: MqSubscription, onEvent: (event: SubscriptionEvent) => void): Source {
  return new MqSource({
    ...mqSourceOptions(configuration),
    environment: process.env,
    now: systemSourceClock.steadyMs,
    after: systemSourceClock.after,
    onEvent: event => onEvent({ type: 'mq', event })
  })
}

/** What lookups read of captured tables; null: they read none. To be closed. */
export function capturedLookups(
  configuration: Configuration | MqSubscription,
  onEvent: (event: SubscriptionEvent) => void = () => {}
): CapturedLookups | null {
  if (configuration.mq !== undefined || configuration.tableLookups.length === 0) return null
  const { url, slot, publication } = configuration.postgres
  return new CapturedLookups({
    session: { url, applicationName: `tidemark ${configuration.subscription} lookups` },
    slot,
    publication,
    lookups: configuration.tableLookups,
    published: publishedTables(configuration),
    clock: systemSourceClock,
    onLoaded: (lookups, tookMs) => onEvent({ type: 'lookups-loaded', lookups, tookMs })
  })
}

/** Everything an agent (or the first copy) of this subscription works with. */
export function agentOptions(
  options: SubscriptionOptions,
  cluster: Cluster,
  {
    processors,
    calls,
    captured
  }: Pick<RunningProcessors, 'processors' | 'calls'> & { captured: CapturedLookups | null },
  { formats }: Pick<SubscriptionFormats, 'formats'>
): AgentOptions {
  const { configuration, agent, onEvent = () => {}, onReached } = options
  const rules = producerRules(configuration)
  const keys = loadKeys(configuration.keys)
  const files = loadLookups(configuration.lookups)
  const admin = new KafkaAdmin(cluster)
  return {
    subscription: configuration.subscription,
    agent,
    commitStream: configuration.commitStream,
    source: configuration.mq === undefined ? tableSource(configuration, onEvent) : queueSource(configuration, onEvent),
    reader: PartitionFetcher.of(cluster),
    openSession: guardedOpener(configuration, cluster, onEvent),
    topics: new ClusterTopics({
      admin,
      applied: new Set(knownDataTopics(configuration)),
      partitions: configuration.topics.partitions,
      replication: configuration.topics.replication ?? -1,
      onCreated: (topic, partitions) => onEvent({ type: 'topic-created', topic, partitions })
    }),
    processorFor: sink =>
      new Producer({
        rules,
        sink,
        processors,
        calls,
        formats,
        keys,
        lookups: captured === null ? files : new Map([...files, ...captured.tables]),
        notify: notice => onEvent({ type: 'notice', notice }),
        onFailed: outcome => onEvent({ type: 'operation-failed', outcome })
      }),
    lookups: captured ?? undefined,
    surroundings: systemSurroundings,
    onEvent,
    onReached,
    budgetBytes,
    batchBytesMax,
    heartbeatMs,
    drainMs,
    trimming: trimmingOf(configuration, admin)
  }
}

function trimmingOf(
  { commitStream, commitStreamRetentionMs: retentionMs }: Configuration | MqSubscription,
  admin: KafkaAdmin
): Trimming | null {
  if (retentionMs === null) return null
  const deleteBefore = (offset: number): Promise<number> => admin.deleteRecords(commitStream, 0, offset)
  return { retentionMs, renewMs: renewalMs(retentionMs), deleteBefore }
}
