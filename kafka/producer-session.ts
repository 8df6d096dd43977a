import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { backoffMs, systemClock, type Backoff, type Clock } from './clock.ts'
import { produceOutcome } from './produce-outcome.ts'
import type { ProduceAnswer, ProduceWire, ProducerIdentity } from './produce-wire.ts'
import type { Compression } from './record-batch/compression.ts'
import type { Seal } from './record-batch/batch-builder.ts'
import { sharedAbort } from './shared-abort.ts'

/** What the session needs of a BatchBuilder. */
export interface SealableBatch {
  readonly count: number
  seal(seal: Seal): Buffer
}

export interface PartitionBatch {
  topic: string
  partition: number
  /** Must not be changed or reset until the call settles: the sealed bytes may be the builder's own memory. */
  batch: SealableBatch
  /** Milliseconds; moves the batch in time, see `Seal`. */
  timestamp?: number
}

/** A batch that waits: its partition's leader is away, moving, or short of replicas. */
export interface Hold {
  topic: string
  partition: number
  /** Broker last tried; null while the partition has no leader. */
  node: number | null
  /** Kafka's error name, or what happened to the connection. */
  cause: string
  /** Milliseconds since 1970 of the first failure. */
  since: number
}

export interface ProducerSessionOptions {
  compression?: Compression
  clock?: Clock
  /** Ends the session: every call rejects with the signal's reason. Without it, a batch is held without limit. */
  signal?: AbortSignal
  backoff?: Backoff
  /** How long brokers may say that a topic is unknown before it is TOPIC_MISSING. */
  topicMissingAfterMs?: number
  /** A request carries at least one batch, and further ones up to this size. */
  requestBytesMax?: number
  /** A batch began to wait, or waits for another cause. */
  onHold?: (hold: Hold) => void
  /** A batch that waited is stored. */
  onResume?: (hold: Hold, heldMs: number) => void
}

/** One sealed batch on its way; the same bytes until it is stored. */
interface Pending {
  readonly bytes: Buffer
  readonly count: number
  readonly stored: (baseOffset: number) => void
  readonly refused: (error: unknown) => void
  attempts: number
  hold: Hold | null
  topicUnknownSinceMs: number | null
}

/** Sequences and order of one partition; the first of `queue` is the only one that may be in flight. */
interface Lane {
  readonly topic: string
  readonly partition: number
  readonly queue: Pending[]
  nextSequence: number
  /** Offset of the last record known to be stored; -1 before the first. */
  lastOffset: number
}

/** Kafka's sequences go to 2^31-1 and then to 0. */
const SEQUENCE_MASK = 0x7fffffff

const defaults = {
  compression: 'none' as Compression,
  backoff: { firstMs: 50, maxMs: 5_000 },
  topicMissingAfterMs: 30_000,
  requestBytesMax: 16 * 1024 * 1024
}

/**
 * An idempotent producer with sequences of its own: what it says is stored is stored once, in the order of the calls
 * per partition. A batch whose outcome is not known is sent again, the same bytes with the same sequence, until a
 * broker says it has it. The first refusal ends the session: a later batch must not overtake, and only the commit
 * stream knows how to go on.
 */
export class ProducerSession {
  readonly transactionalId: string
  readonly producerId: bigint
  readonly producerEpoch: number
  private readonly wire: ProduceWire
  private readonly options: ProducerSessionOptions & typeof defaults
  private readonly clock: Clock
  private readonly lanes = new Map<string, Lane>()
  /** Lanes whose first batch is to be sent at the end of this turn. */
  private ready: Lane[] = []
  /** By node: lanes whose leader is known, to be sent at the end of this turn. */
  private outbox = new Map<number, Lane[]>()
  private readonly ended = sharedAbort()

  private constructor(
    wire: ProduceWire,
    transactionalId: string,
    identity: ProducerIdentity,
    options: ProducerSessionOptions
  ) {
    this.wire = wire
    this.transactionalId = transactionalId
    this.producerId = identity.producerId
    this.producerEpoch = identity.producerEpoch
    this.options = { ...defaults, ...options }
    this.clock = options.clock ?? systemClock
    const { signal } = options
    if (signal?.aborted === true) this.end(signal.reason)
    else signal?.addEventListener('abort', () => this.end(signal.reason), { once: true, signal: this.ended.signal })
  }

  /** Raises the id's epoch, which fences earlier sessions of it wherever this one writes. Throws what `initProducerId` does. */
  static async open(
    wire: ProduceWire,
    transactionalId: string,
    options: ProducerSessionOptions = {}
  ): Promise<ProducerSession> {
    return new ProducerSession(wire, transactionalId, await wire.initProducerId(transactionalId), options)
  }

  /** What ended the session; null while it lives. */
  get failure(): unknown {
    return this.ended.signal.aborted ? this.ended.signal.reason : null
  }

  /**
   * Stores the batches, each partition's in the order of the calls, and resolves with their base offsets, in the order
   * given. Rejects with what ended the session: PRODUCE_FAILED, PRODUCER_FENCED, RECORD_TOO_LARGE, TOPIC_MISSING, TOPIC_UNSUITABLE,
   * TOPIC_RECREATED, KAFKA_AUTHORIZATION, KAFKA_AUTHENTICATION, or the signal's reason.
   */
  async produce(batches: readonly PartitionBatch[]): Promise<number[]> {
    this.ended.signal.throwIfAborted()
    const offsets: Promise<number>[] = []
    try {
      for (const batch of batches) offsets.push(this.enqueue(batch))
      return await Promise.all(offsets)
    } catch (error) {
      this.end(error)
      void Promise.allSettled(offsets)
      throw error
    }
  }

  private enqueue({ topic, partition, batch, timestamp }: PartitionBatch): Promise<number> {
    const lane = this.lane(topic, partition)
    const { count } = batch
    const bytes = batch.seal({
      compression: this.options.compression,
      producerId: this.producerId,
      producerEpoch: this.producerEpoch,
      baseSequence: lane.nextSequence,
      ...(timestamp === undefined ? {} : { timestamp })
    })
    lane.nextSequence = (lane.nextSequence + count) & SEQUENCE_MASK
    return new Promise((stored, refused) => {
      lane.queue.push({ bytes, count, stored, refused, attempts: 0, hold: null, topicUnknownSinceMs: null })
      if (lane.queue.length === 1) this.sendSoon(lane)
    })
  }

  private lane(topic: string, partition: number): Lane {
    const key = laneKey(topic, partition)
    let lane = this.lanes.get(key)
    if (lane === undefined) {
      lane = { topic, partition, queue: [], nextSequence: 0, lastOffset: -1 }
      this.lanes.set(key, lane)
    }
    return lane
  }

  private sendSoon(lane: Lane): void {
    if (this.ready.push(lane) > 1) return
    queueMicrotask(() => {
      const lanes = this.ready
      this.ready = []
      for (const lane of lanes) void this.route(lane)
    })
  }

  private async route(lane: Lane): Promise<void> {
    try {
      const node = await this.wire.leader(lane.topic, lane.partition)
      if (node === null) this.wire.forget(lane.topic)
      if (node === null) this.holdAll([lane], null, 'the partition has no leader')
      else this.post(node, lane)
    } catch (error) {
      this.lost([lane], null, error)
    }
  }

  private post(node: number, lane: Lane): void {
    if (this.outbox.size === 0) {
      // One turn later than the first: so that all whose leader was known at once share a request.
      queueMicrotask(() => queueMicrotask(() => this.flushOutbox()))
    }
    const lanes = this.outbox.get(node)
    if (lanes === undefined) this.outbox.set(node, [lane])
    else lanes.push(lane)
  }

  private flushOutbox(): void {
    const outbox = this.outbox
    this.outbox = new Map()
    for (const [node, lanes] of outbox) {
      for (const group of requestGroups(lanes, this.options.requestBytesMax)) void this.send(node, group)
    }
  }

  private async send(node: number, lanes: readonly Lane[]): Promise<void> {
    if (this.ended.signal.aborted) return
    const parts = lanes.map(({ topic, partition, queue }) => ({ topic, partition, batch: queue[0]!.bytes }))
    let answers: ProduceAnswer[]
    try {
      answers = await this.wire.produce(node, parts)
    } catch (error) {
      this.lost(lanes, node, error)
      return
    }
    this.settle(lanes, node, answers)
  }

  /** No answer: it may be stored or not. */
  private lost(lanes: readonly Lane[], node: number | null, error: unknown): void {
    if (error instanceof TidemarkError && error.code !== 'KAFKA_UNREACHABLE') {
      this.end(error)
      return
    }
    for (const { topic } of lanes) this.wire.forget(topic)
    this.holdAll(lanes, node, error instanceof Error ? error.message : String(error))
  }

  private settle(lanes: readonly Lane[], node: number, answers: readonly ProduceAnswer[]): void {
    const held: Lane[] = []
    const byPartition = new Map(answers.map(answer => [laneKey(answer.topic, answer.partition), answer]))
    for (const lane of lanes) {
      if (this.ended.signal.aborted) return
      if (!this.settleOne(lane, node, byPartition.get(laneKey(lane.topic, lane.partition)))) held.push(lane)
    }
    this.again(held)
  }

  /** False when the batch must be sent again. */
  private settleOne(lane: Lane, node: number, answer: ProduceAnswer | undefined): boolean {
    const pending = lane.queue[0]!
    if (answer === undefined) {
      this.hold(lane, node, 'the broker left the partition out of its answer')
      return false
    }
    const producer = `producer ${this.transactionalId} epoch ${this.producerEpoch}`
    const outcome = produceOutcome(answer, producer)
    switch (outcome.kind) {
      case 'stored':
        this.stored(lane, pending, outcome.offset)
        return true
      case 'refused':
        this.end(outcome.error)
        return true
      case 'again':
        this.wire.forget(lane.topic)
        this.limitUnknown(lane, pending, outcome.topicUnknown)
        this.hold(lane, node, outcome.cause)
        return false
    }
  }

  private stored(lane: Lane, pending: Pending, offset: number): void {
    if (offset <= lane.lastOffset) {
      this.end(logCut(lane, offset))
      return
    }
    lane.lastOffset = offset + pending.count - 1
    lane.queue.shift()
    if (lane.queue.length > 0) this.sendSoon(lane)
    if (pending.hold !== null) this.options.onResume?.(pending.hold, this.clock.wallMs() - pending.hold.since)
    pending.stored(offset)
  }

  private limitUnknown(lane: Lane, pending: Pending, topicUnknown: boolean): void {
    const now = this.clock.steadyMs()
    if (!topicUnknown) pending.topicUnknownSinceMs = null
    else if (pending.topicUnknownSinceMs === null) pending.topicUnknownSinceMs = now
    else if (now - pending.topicUnknownSinceMs >= this.options.topicMissingAfterMs) this.end(topicGone(lane))
  }

  private holdAll(lanes: readonly Lane[], node: number | null, cause: string): void {
    if (this.ended.signal.aborted) return
    for (const lane of lanes) this.hold(lane, node, cause)
    this.again(lanes)
  }

  private hold(lane: Lane, node: number | null, cause: string): void {
    const pending = lane.queue[0]
    if (pending === undefined) return
    pending.attempts++
    const before = pending.hold
    if (before !== null && before.cause === cause && before.node === node) return
    const since = before?.since ?? this.clock.wallMs()
    pending.hold = { topic: lane.topic, partition: lane.partition, node, cause, since }
    this.options.onHold?.(pending.hold)
  }

  private again(lanes: readonly Lane[]): void {
    if (lanes.length === 0 || this.ended.signal.aborted) return
    const attempts = Math.min(...lanes.map(lane => lane.queue[0]?.attempts ?? 1))
    const ms = backoffMs(attempts, this.options.backoff, this.clock.random())
    this.clock.delay(ms, this.ended.signal).then(
      () => {
        for (const lane of lanes) this.sendSoon(lane)
      },
      // Only the end of the session cuts a delay short; `end` has told everyone.
      () => {}
    )
  }

  private end(reason: unknown): void {
    if (this.ended.signal.aborted) return
    this.ended.abort(reason)
    for (const { queue } of this.lanes.values()) {
      for (const pending of queue.splice(0)) pending.refused(reason)
    }
  }
}

function laneKey(topic: string, partition: number): string {
  return `${topic}/${partition}`
}

function requestGroups(lanes: readonly Lane[], bytesMax: number): Lane[][] {
  const groups: Lane[][] = []
  let bytes = Infinity
  for (const lane of lanes) {
    const pending = lane.queue[0]
    if (pending === undefined) continue
    bytes += pending.bytes.length
    if (bytes > bytesMax) {
      groups.push([])
      bytes = pending.bytes.length
    }
    groups.at(-1)!.push(lane)
  }
  return groups
}

function logCut({ topic, partition, lastOffset }: Lane, offset: number): TidemarkError {
  return new TidemarkError('TOPIC_RECREATED', {
    message:
      `${topic}/${partition}: a batch was stored at offset ${offset} although offset ${lastOffset} ` +
      'had been acknowledged before: the topic was created anew or its log was cut',
    place: `${topic}/${partition}`
  })
}

function topicGone({ topic, partition }: Lane): TidemarkError {
  return new TidemarkError('TOPIC_MISSING', {
    message: `topic ${topic} is no longer known to its brokers; records for partition ${partition} are waiting`,
    place: `${topic}/${partition}`
  })
}
