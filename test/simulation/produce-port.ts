import type { ProduceAnswer, ProducePart, ProduceWire, ProducerIdentity } from '@tidemark/kafka/produce-wire.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { recordText } from './record-text.ts'
import type { Host } from './host.ts'
import { NONE, NOT_LEADER_OR_FOLLOWER, type PartitionLog } from './partition-log.ts'
import type { World } from './world.ts'

/** One Produce request. Copies of it may be on their way several times; its sender may have given it up, or died. */
export interface Request {
  sender: Host
  node: number
  parts: readonly ProducePart[]
  copies: number
  /** Stuck on its way until this step of the scheduler. */
  heldUntil: number
  /** The sender has its answer, or has stopped waiting. */
  closed: boolean
  /** An answer is on its way. */
  answered: boolean
  answer(answers: ProduceAnswer[]): void
}

/** The producing side of a process. Requests are lost, late, repeated; answers are lost. */
export class SimulatedProduceWire implements ProduceWire {
  private readonly host: Host

  constructor(host: Host) {
    this.host = host
  }

  leader(topic: string, partition: number): Promise<number | null> {
    const { world } = this.host
    return this.host.ask(() => {
      const log = world.cluster.find(topic, partition)
      if (log === undefined) throw new TidemarkError('TOPIC_MISSING', { message: `no ${topic}/${partition}` })
      return !world.healing && world.chance.happens(0.02) ? null : world.cluster.leader(log)
    })
  }

  forget(): void {}

  initProducerId(transactionalId: string): Promise<ProducerIdentity> {
    const { world } = this.host
    return this.host.ask(() => {
      const identity = world.cluster.initProducerId(transactionalId)
      world.note(() => `${this.host.name} raises the producer epoch of ${transactionalId} to ${identity.producerEpoch}`)
      return identity
    })
  }

  produce(node: number, parts: readonly ProducePart[]): Promise<ProduceAnswer[]> {
    const { host } = this
    const { world } = host
    return new Promise((resolve, reject) => {
      const request: Request = {
        sender: host,
        node,
        // What is on the wire does not change when the sender uses its memory again.
        parts: parts.map(part => ({ ...part, batch: Buffer.from(part.batch) })),
        copies: 1,
        heldUntil: holdUntil(world),
        closed: false,
        answered: false,
        answer: answers => {
          request.closed = true
          resolve(answers)
        }
      }
      world.network.push(request)
      host.later(
        () => giveUp(request, reject),
        () => request.closed || mayGiveUp(world, request)
      )
    })
  }
}

function holdUntil(world: World): number {
  return world.chance.happens(0.04) ? world.steps + 20 + world.chance.below(300) : 0
}

/** A connection that is slow is given up as one that is dead is. */
function mayGiveUp(world: World, request: Request): boolean {
  if (request.answered) return false
  const isSlow = !world.healing && world.chance.happens(request.heldUntil > world.steps ? 0.3 : 0.02)
  return request.copies === 0 || isSlow
}

function giveUp(request: Request, reject: (error: Error) => void): void {
  if (request.closed) return
  request.closed = true
  reject(new TidemarkError('KAFKA_UNREACHABLE', { message: 'outcome unknown: the connection was lost' }))
}

/** The request arrives, or is lost, or is not here yet. */
export function deliver(world: World, index: number): void {
  if (!world.healing && world.network[index]!.heldUntil > world.steps) return
  const request = take(world.network, index)
  request.copies--
  const { chance, healing } = world
  if (!healing && chance.happens(0.1)) {
    world.note(() => `a request of ${request.sender.name} is lost`)
    return
  }
  if (!healing && chance.happens(0.05)) {
    request.copies++
    request.heldUntil = holdUntil(world)
    world.network.push(request)
  }
  const stored: { log: PartitionLog; end: number }[] = []
  const answers = request.parts.map(part => store(world, request, part, stored))
  if (!healing && chance.happens(0.15)) {
    world.note(() => `the answer to ${request.sender.name} is lost`)
    return
  }
  request.answered = true
  // acks=all: the answer waits until the followers have it.
  const replicated = (): boolean => stored.every(({ log, end }) => log.highWatermark >= Math.min(end, log.end))
  request.sender.later(() => {
    if (!request.closed) request.answer(answers)
  }, replicated)
}

function take(network: Request[], index: number): Request {
  const request = network[index]!
  network[index] = network[network.length - 1]!
  network.pop()
  return request
}

function store(
  world: World,
  request: Request,
  part: ProducePart,
  stored: { log: PartitionLog; end: number }[]
): ProduceAnswer {
  const { topic, partition } = part
  const log = world.cluster.find(topic, partition)!
  const refused = !world.healing && world.chance.happens(0.02)
  if (refused || world.cluster.leader(log) !== request.node) {
    return { topic, partition, error: NOT_LEADER_OR_FOLLOWER, baseOffset: -1 }
  }
  const { error, baseOffset, duplicate } = log.append(Buffer.from(part.batch))
  if (error !== NONE) world.note(() => `${log.name} refuses a batch of ${request.sender.name} with error ${error}`)
  else if (duplicate) world.counters.duplicateBatches++
  else {
    if (!request.sender.alive) world.counters.lateRequestsOfTheDead++
    world.note(() => `${log.name} @${baseOffset} <- ${recordText(part.batch)} (of ${request.sender.name})`)
  }
  if (error === NONE) stored.push({ log, end: log.end })
  if (world.healing || world.chance.happens(0.8)) log.replicate()
  return { topic, partition, error, baseOffset }
}
