import { findCoordinatorV3, type Connection } from '@platformatic/kafka'
import { isTidemarkError, TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { BrokerConnections } from './broker-connections.ts'
import {
  brokerErrorCode,
  brokerErrorName,
  connectionError,
  forbiddenError,
  isForbidden,
  isPassing
} from './broker-error.ts'
import { backoffMs, systemClock, type Backoff, type Clock } from './clock.ts'
import {
  brokerAddress,
  connectionSettings,
  timeoutDefaults,
  type BrokerAddress,
  type KafkaConnection
} from './connection-options.ts'
import { TopicDirectory, type PartitionMetadata, type TopicMetadata } from './topic-directory.ts'
import { anyAborted, sharedAbort } from './shared-abort.ts'
import { askMetadata, type ClusterMetadata } from './metadata-request.ts'

export interface ClusterOptions {
  clock?: Clock
  /** How long a topic that is not known may take to become known: a new topic is not on every broker at once. */
  topicSettleMs?: number
  /** How long a broker or coordinator may stay away before it is KAFKA_UNREACHABLE, where a call has such a limit. */
  unreachableAfterMs?: number
}

/** A request as the connection library's per-version modules offer it. */
export type BrokerCall<T> = (connection: Connection) => Promise<T>

/** Longest wait a broker is asked for in a Fetch; the connections for it have that much more time to answer. */
export const pollMsMax = 5_000

export const retryBackoff: Backoff = { firstMs: 50, maxMs: 2_000 }

/**
 * A Kafka cluster: who leads what, and connections to its brokers. Used by everything of this package; one per process
 * and set of credentials is right. Rejections are TidemarkErrors: KAFKA_UNREACHABLE, KAFKA_AUTHENTICATION,
 * KAFKA_AUTHORIZATION, TOPIC_MISSING, TOPIC_RECREATED.
 */
export class Cluster {
  readonly clock: Clock
  readonly unreachableAfterMs: number
  readonly requestMs: number
  private readonly bootstrap: readonly BrokerAddress[]
  private readonly quick: BrokerConnections
  private readonly polls: BrokerConnections
  private readonly waits: BrokerConnections
  private readonly directory: TopicDirectory
  private brokers = new Map<number, BrokerAddress>()
  private readonly closing = sharedAbort()
  /** Where the next question to "any broker" goes first: a broker that is behind must not be asked again and again. */
  private turn = 0

  constructor(connection: KafkaConnection, options: ClusterOptions = {}) {
    const settings = connectionSettings(connection)
    const { clientId } = connection
    this.clock = options.clock ?? systemClock
    this.unreachableAfterMs = options.unreachableAfterMs ?? 60_000
    this.requestMs = connection.timeouts?.requestMs ?? timeoutDefaults.requestMs
    this.bootstrap = connection.brokers.map(broker => brokerAddress(broker))
    this.quick = new BrokerConnections(clientId, settings)
    this.polls = new BrokerConnections(clientId, { ...settings, requestTimeout: this.requestMs + pollMsMax })
    this.waits = new BrokerConnections(clientId, { ...settings, requestTimeout: this.requestMs + 300_000 })
    this.directory = new TopicDirectory(topics => this.metadata(topics), this.clock, {
      settleMs: options.topicSettleMs ?? 5_000,
      signal: this.closing.signal
    })
  }

  /** Aborted by `close`. */
  get signal(): AbortSignal {
    return this.closing.signal
  }

  /** From memory when known; asks again after `forget`. Waits up to `topicSettleMs` for a topic that is not known. */
  topic(name: string): Promise<TopicMetadata> {
    return this.directory.topic(name)
  }

  /** Null while the partition has no leader. TOPIC_MISSING when the topic has no such partition. */
  partition(topic: string, partition: number): Promise<PartitionMetadata> {
    return this.directory.partition(topic, partition)
  }

  /** Metadata of the topic is to be asked again: its leader moved, or a broker does not know it. */
  forget(topic: string): void {
    this.directory.forget(topic)
  }

  /** Metadata asked now, of some broker; errors of single topics stay in the answer. Also learns the brokers. */
  async metadata(topics: readonly string[] | null): Promise<ClusterMetadata> {
    const answer = await this.anyBroker('asking for metadata', connection => askMetadata(connection, topics))
    if (answer.brokers.size > 0) this.brokers = answer.brokers
    return answer
  }

  /** Ids of the brokers in the cluster, asked now. */
  async brokerIds(): Promise<number[]> {
    return [...(await this.metadata([])).brokers.keys()]
  }

  /** Id of the controller, or of a broker that passes its requests on (KRaft). */
  async controller(): Promise<number> {
    return (await this.metadata([])).controller
  }

  /**
   * One quick request to that broker; `what` says in errors what was being done. Answers with error codes reject as the
   * connection library gives them (see `brokerErrorCode`); lost connections as KAFKA_UNREACHABLE.
   */
  async atBroker<T>(node: number, what: string, call: BrokerCall<T>): Promise<T> {
    const address = await this.address(node)
    return this.named(node, address, what, async () => call(await this.quick.shared(address)))
  }

  /** As `atBroker`, for a Fetch that waits up to `pollMsMax`: on a connection nobody else uses meanwhile. */
  async pollBroker<T>(node: number, what: string, call: BrokerCall<T>): Promise<T> {
    const address = await this.address(node)
    return this.named(node, address, what, () => this.polls.lease(address, call))
  }

  /** As `atBroker`, for requests that wait for others (JoinGroup): on a connection nobody else uses meanwhile. */
  async waitAtBroker<T>(node: number, what: string, call: BrokerCall<T>): Promise<T> {
    const address = await this.address(node)
    return this.named(node, address, what, () => this.waits.lease(address, call))
  }

  /** One quick request to whichever broker answers. */
  async anyBroker<T>(what: string, call: BrokerCall<T>): Promise<T> {
    const candidates = this.candidates()
    let first: TidemarkError | undefined
    for (const address of candidates) {
      try {
        return await this.named(null, address, what, async () => call(await this.quick.shared(address)))
      } catch (error) {
        // What a broker answered, another would too.
        if (!isUnreachable(error) || this.closing.signal.aborted) throw error
        first ??= error
      }
    }
    if (candidates.length === 1) throw first!
    throw new TidemarkError('KAFKA_UNREACHABLE', {
      message: `none of the ${candidates.length} known brokers answers; the first: ${first!.message}`,
      place: candidates.map(address => `${address.host}:${address.port}`).join(', '),
      cure: first!.cure,
      cause: first
    })
  }

  /**
   * Node id of the coordinator of a group or a transactional id; waits for one up to `unreachableAfterMs`.
   * Protocol: FindCoordinator v3, key_type 0 group, 1 transaction.
   */
  async coordinator(kind: 'group' | 'transaction', key: string, signal?: AbortSignal): Promise<number> {
    const resource = kind === 'group' ? `group ${key}` : `transactional id ${key}`
    return this.retrying(`the coordinator of ${resource}`, signal, async () => {
      const call: BrokerCall<number> = async connection => {
        const answer = await findCoordinatorV3.api.async(connection, kind === 'group' ? 0 : 1, [key])
        return answer.coordinators[0]!.nodeId
      }
      try {
        return await this.anyBroker(`looking for the coordinator of ${resource}`, call)
      } catch (error) {
        const code = brokerErrorCode(error)
        throw code !== null && isForbidden(code) ? forbiddenError(code, 'Describe', resource) : error
      }
    })
  }

  /**
   * Repeats `attempt` while it fails for passing reasons (see `isPassing`, and KAFKA_UNREACHABLE), with growing delay,
   * up to `unreachableAfterMs`; then KAFKA_UNREACHABLE naming `what`. Other rejections pass at once.
   */
  async retrying<T>(what: string, signal: AbortSignal | undefined, attempt: () => Promise<T>): Promise<T> {
    const stop = anyAborted(this.signal, signal)
    const started = this.clock.steadyMs()
    for (let tries = 1; ; tries++) {
      stop.throwIfAborted()
      try {
        return await attempt()
      } catch (error) {
        const reason = passingReason(error)
        if (reason === null) throw error
        const waitedMs = Math.round(this.clock.steadyMs() - started)
        if (waitedMs >= this.unreachableAfterMs) throw unreachable(what, waitedMs, reason, error)
      }
      await this.clock.delay(backoffMs(tries, retryBackoff, this.clock.random()), stop)
    }
  }

  /** Ends all connections and everything that waits; calls under way reject. */
  async close(): Promise<void> {
    this.closing.abort(
      new TidemarkError('KAFKA_UNREACHABLE', { message: 'the connections to Kafka were closed by this program' })
    )
    await Promise.all([this.quick.close(), this.polls.close(), this.waits.close()])
  }

  private async address(node: number): Promise<BrokerAddress> {
    const known = this.brokers.get(node)
    if (known !== undefined) return known
    await this.metadata([])
    const found = this.brokers.get(node)
    if (found !== undefined) return found
    throw new TidemarkError('KAFKA_UNREACHABLE', { message: `broker ${node} is not in the cluster at present` })
  }

  private candidates(): BrokerAddress[] {
    const all = new Map<string, BrokerAddress>()
    for (const address of [...this.brokers.values(), ...this.bootstrap]) {
      all.set(`${address.host}:${address.port}`, address)
    }
    const list = [...all.values()]
    const start = this.turn++ % list.length
    return [...list.slice(start), ...list.slice(0, start)]
  }

  private async named<T>(
    node: number | null,
    address: BrokerAddress,
    what: string,
    call: () => Promise<T>
  ): Promise<T> {
    try {
      this.closing.signal.throwIfAborted()
      return await call()
    } catch (error) {
      if (brokerErrorCode(error) !== null) throw error
      throw connectionError(error, broker(node, address), what)
    }
  }
}

function isUnreachable(error: unknown): error is TidemarkError {
  return isTidemarkError(error, 'KAFKA_UNREACHABLE')
}

function broker(node: number | null, { host, port }: BrokerAddress): string {
  return node === null ? `broker ${host}:${port}` : `broker ${node} (${host}:${port})`
}

function passingReason(error: unknown): string | null {
  const code = brokerErrorCode(error)
  if (code !== null) return isPassing(code) ? brokerErrorName(code) : null
  return isUnreachable(error) ? error.message : null
}

function unreachable(what: string, waitedMs: number, reason: string, cause: unknown): TidemarkError {
  return new TidemarkError('KAFKA_UNREACHABLE', {
    message: `${what} could not be had for ${waitedMs} ms: ${reason}`,
    place: what,
    ...(cause instanceof TidemarkError ? { cure: cause.cure } : {}),
    cause
  })
}
