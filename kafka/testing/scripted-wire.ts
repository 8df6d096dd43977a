import { brokerErrors } from '../broker-error.ts'
import type { ProduceAnswer, ProducePart, ProduceWire, ProducerIdentity } from '../produce-wire.ts'
import type { SealableBatch } from '../producer-session.ts'
import type { Seal } from '../record-batch/batch-builder.ts'

/** What happens to one request on its way. */
export type Fate =
  | { kind: 'answered'; errors: readonly number[] }
  | { kind: 'lost' }
  | { kind: 'answer lost' }
  /** Given up by the client, yet carried out later. */
  | { kind: 'late' }
  | { kind: 'leader moves' }

interface StoredBatch {
  id: number
  sequence: number
  count: number
  offset: number
}

interface PartitionLog {
  leader: number | null
  batches: StoredBatch[]
  end: number
  epoch: number
}

/** A batch that is only its number and its record count. */
export class NumberedBatch implements SealableBatch {
  readonly id: number
  readonly count: number
  seals = 0

  constructor(id: number, count = 1) {
    this.id = id
    this.count = count
  }

  seal({ baseSequence, producerEpoch }: Seal): Buffer {
    this.seals++
    return Buffer.from(JSON.stringify({ id: this.id, count: this.count, sequence: baseSequence, epoch: producerEpoch }))
  }
}

/**
 * Brokers with Kafka's rules for idempotent producers (ProducerStateManager: the last five batches are remembered, the
 * next sequence is the only one accepted), on a network that does what it is told. `step` decides when anything happens.
 */
export class ScriptedWire implements ProduceWire {
  readonly logs = new Map<string, PartitionLog>()
  readonly requests: { node: number; parts: string[] }[] = []
  epoch = -1
  topicsMissing = new Set<string>()
  private readonly fates: Fate[]
  private readonly step: (label: string) => Promise<unknown>
  private readonly asked = new Map<string, Promise<Map<number, number | null>>>()

  constructor(fates: readonly Fate[], step: (label: string) => Promise<unknown> = () => Promise.resolve()) {
    this.fates = [...fates]
    this.step = step
  }

  log(topic: string, partition: number): PartitionLog {
    const key = `${topic}/${partition}`
    let log = this.logs.get(key)
    if (log === undefined) this.logs.set(key, (log = { leader: 1 + (partition % 2), batches: [], end: 0, epoch: -1 }))
    return log
  }

  /** The ids of the stored batches, in order. */
  stored(topic: string, partition: number): number[] {
    return this.log(topic, partition).batches.map(({ id }) => id)
  }

  /** One question for all partitions of a topic, as a real cluster asks: what waits for it shares the next request. */
  async leader(topic: string, partition: number): Promise<number | null> {
    let asked = this.asked.get(topic)
    if (asked === undefined) this.asked.set(topic, (asked = this.step('metadata').then(() => this.leadersOf(topic))))
    const leaders = await asked
    return leaders.has(partition) ? leaders.get(partition)! : this.log(topic, partition).leader
  }

  forget(topic: string): void {
    this.asked.delete(topic)
  }

  private leadersOf(topic: string): Map<number, number | null> {
    const leaders = new Map<number, number | null>()
    for (const [key, { leader }] of this.logs) {
      const [name, partition] = key.split('/')
      if (name === topic) leaders.set(Number(partition), leader)
    }
    return leaders
  }

  async initProducerId(): Promise<ProducerIdentity> {
    return { producerId: 7n, producerEpoch: ++this.epoch }
  }

  async produce(node: number, parts: readonly ProducePart[]): Promise<ProduceAnswer[]> {
    this.requests.push({ node, parts: parts.map(({ topic, partition }) => `${topic}/${partition}`) })
    const fate = this.fates.shift() ?? { kind: 'answered', errors: [] }
    await this.step('request')
    const answers = this.carryOut(node, parts, fate)
    await this.step('answer')
    if (fate.kind === 'lost' || fate.kind === 'answer lost' || fate.kind === 'late') throw new Error('connection lost')
    return answers
  }

  private carryOut(node: number, parts: readonly ProducePart[], fate: Fate): ProduceAnswer[] {
    if (fate.kind === 'lost') return []
    if (fate.kind === 'late') {
      const copies = parts.map(part => ({ ...part, batch: Buffer.from(part.batch) }))
      void this.step('late request').then(() => copies.forEach(part => this.append(node, part, 0)))
      return []
    }
    if (fate.kind === 'leader moves') {
      for (const { topic, partition } of parts) {
        const log = this.log(topic, partition)
        log.leader = log.leader === null ? 1 : log.leader === 1 ? 2 : null
      }
    }
    return parts.map((part, index) => this.append(node, part, fate.kind === 'answered' ? (fate.errors[index] ?? 0) : 0))
  }

  private append(node: number, { topic, partition, batch }: ProducePart, error: number): ProduceAnswer {
    const log = this.log(topic, partition)
    const refuse = (error: number): ProduceAnswer => ({ topic, partition, error, baseOffset: -1 })
    if (this.topicsMissing.has(topic)) return refuse(brokerErrors.UNKNOWN_TOPIC_OR_PARTITION)
    if (log.leader === null) {
      // The election ends with the first request that comes too early.
      log.leader = 1
      return refuse(brokerErrors.LEADER_NOT_AVAILABLE)
    }
    if (log.leader !== node) return refuse(brokerErrors.NOT_LEADER_OR_FOLLOWER)
    if (error !== 0 && !storedDespite.has(error)) return refuse(error)
    const { id, count, sequence, epoch } = JSON.parse(batch.toString()) as StoredBatch & { epoch: number }
    if (epoch < log.epoch) return refuse(brokerErrors.INVALID_PRODUCER_EPOCH)
    log.epoch = epoch
    const known = log.batches.slice(-5).find(stored => stored.sequence === sequence && stored.count === count)
    if (known !== undefined) return { topic, partition, error, baseOffset: error === 0 ? known.offset : -1 }
    const last = log.batches.at(-1)
    const expected = last === undefined ? 0 : (last.sequence + last.count) % 2 ** 31
    if (sequence !== expected) return refuse(brokerErrors.OUT_OF_ORDER_SEQUENCE_NUMBER)
    log.batches.push({ id, count, sequence, offset: log.end })
    log.end += count
    return { topic, partition, error, baseOffset: error === 0 ? log.end - count : -1 }
  }
}

/** With these codes the leader has appended the batch already. */
const storedDespite: ReadonlySet<number> = new Set([
  brokerErrors.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
  brokerErrors.REQUEST_TIMED_OUT
])
