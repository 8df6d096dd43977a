import type { PositionBytes } from '@tidemark/schemas/position.ts'
import type { BackoutPolicy } from '../../capture/mq/backout-policy.ts'
import type { MessageDescriptor, QueueMessage } from '../../capture/mq/message.ts'
import type { Got } from '../../capture/mq/message-verbs.ts'
import { originPosition } from '../../capture/mq/position.ts'
import { commitError, reason, verbError } from '../../capture/mq/reason-codes.ts'
import { sampleDescriptor } from '../../capture/mq/testing/queue-model.ts'
import type { Host } from './host.ts'
import type { Holder, SourceRecord, SourceSystem, SourceTransaction } from './source-database.ts'
import type { World } from './world.ts'

/** How long a queue manager may take to notice that a getter is gone, and agents look out for what may come again. */
export const doubtMs = 20_000
const queuesMax = 2

interface StoredMessage {
  queue: number
  transaction: SourceTransaction
  descriptor: MessageDescriptor
  group: QueueMessage['group']
  body: Buffer
  /** Got in its open unit of work. */
  holder: QueueConnection | null
  /** Of a unit whose back-out is not done yet: it cannot be got before. */
  hiddenUntilMs: number
}

function batchLimits({ chance }: World): { messages: number; ms: number } {
  return { messages: chance.of([2, 3, 5]), ms: chance.of([0, 20, 400]) }
}

/** A connection that has all queues open exclusively, and its unit of work. */
export class QueueConnection {
  readonly name: string
  readonly host: Host
  lost = false
  /** Its process is gone, and the queue manager has not noticed. */
  orphaned = false
  unit: StoredMessage[] = []
  moved: StoredMessage[] = []

  constructor(host: Host) {
    this.host = host
    this.name = host.name
  }

  get isDead(): boolean {
    return this.orphaned || !this.host.alive
  }
}

/**
 * Queues of one queue manager: MQGET under syncpoint hides, MQCMIT deletes, MQBACK gives back to its place and counts;
 * MQDISC commits. What a dead getter held may come back later than the next one opens. A transaction is a message group,
 * or a message outside any, on one of the queues.
 */
export class QueueManager implements SourceSystem {
  readonly system: string
  readonly origin: PositionBytes = originPosition
  readonly transactions: SourceTransaction[] = []
  readonly queues: string[]
  readonly backout: BackoutPolicy
  readonly maxUncommitted: number
  /** Of one transaction, where batches make them. */
  readonly batch: { messages: number; ms: number }
  visible = 0
  holder: QueueConnection | null = null
  private messages: StoredMessage[] = []
  private readonly world: World
  /** The application sets one MsgId for all messages of its groups. */
  private readonly oneMsgId: boolean

  constructor(world: World, system: string) {
    const { chance } = world
    this.world = world
    this.system = system
    this.queues = Array.from({ length: 1 + chance.below(queuesMax) }, (_, index) => `Q${index}`)
    this.oneMsgId = chance.happens(0.3)
    this.maxUncommitted = chance.happens(0.3) ? 24 : Infinity
    const threshold = chance.of([0, 0, 2, 3, 5])
    this.batch = world.configuration.unit === 'batch' ? batchLimits(world) : { messages: 1, ms: 0 }
    this.backout = { threshold, queue: threshold > 0 ? 'BACKOUT' : '' }
  }

  plan(prefix: string, operations: SourceRecord[][], annotated: boolean): void {
    const { chance } = this.world
    const id = `${prefix}${this.transactions.length + 1}`
    this.transactions.push({
      id,
      position: this.origin,
      commitTime: 0,
      operations: operations.length === 0 || this.isBatched ? [operations.flat()] : operations,
      annotated,
      lane: chance.below(this.queues.length),
      poisoned: this.backout.threshold > 0 && chance.happens(0.1),
      movedAway: 0
    })
  }

  private get isBatched(): boolean {
    return this.world.configuration.unit === 'batch'
  }

  /** The next transaction's messages are put, in one unit of work. */
  commitOne(): boolean {
    const next = this.transactions[this.visible]
    if (next === undefined) return false
    this.visible++
    const poison = next.poisoned ? this.world.chance.below(next.operations.length) : -1
    next.operations.forEach((records, ordinal) => {
      const body = Buffer.from(JSON.stringify({ id: next.id, ordinal, records, poison: ordinal === poison }))
      this.messages.push({ ...this.messageOf(next, ordinal), body })
    })
    this.world.note(() => `${next.id} is put on ${this.queues[next.lane]}`)
    return true
  }

  lock(connection: QueueConnection): void {
    this.holder = connection
    this.world.note(() => `${connection.name} has the queues open`)
  }

  /** MQGET with MQGMO_SYNCPOINT, MQGMO_LOGICAL_ORDER and MQGMO_ALL_MSGS_AVAILABLE. */
  get(connection: QueueConnection, queue: number): Got {
    this.requireConnected(connection, 'MQGET')
    const message = this.next(connection, queue)
    if (message === undefined) return { type: 'none', inhibited: false }
    if (connection.unit.length >= this.maxUncommitted) return { type: 'unit-full' }
    message.holder = connection
    connection.unit.push(message)
    const { descriptor, group, body } = message
    return { type: 'message', message: { descriptor: { ...descriptor }, group, body } }
  }

  /** Whether the connection would get anything. */
  hasFor(connection: QueueConnection): boolean {
    return this.queues.some((_, queue) => this.next(connection, queue) !== undefined)
  }

  /** MQPUT of the message got last to the backout queue, in the same unit of work. */
  setAside(connection: QueueConnection): 'moved' {
    this.requireConnected(connection, 'MQPUT')
    connection.moved.push(connection.unit.at(-1)!)
    return 'moved'
  }

  /** Throws MQ_COMMIT_IN_DOUBT, done or not, and MQ_UNIT_BACKED_OUT. */
  commit(connection: QueueConnection): void {
    const { chance, healing } = this.world
    const harmed = !healing && chance.happens(0.1)
    if (connection.lost) throw commitError(this.system, reason.connectionBroken)
    if (harmed && chance.happens(0.3)) {
      this.back(connection)
      throw commitError(this.system, reason.backedOut)
    }
    if (harmed && chance.happens(0.5)) {
      this.lose(connection)
      throw commitError(this.system, reason.connectionBroken)
    }
    this.perform(connection)
    if (!harmed) return
    this.lose(connection)
    throw commitError(this.system, reason.connectionBroken)
  }

  /** MQBACK */
  back(connection: QueueConnection, hiddenMs = 0): void {
    const { timeMs } = this.world
    for (const message of connection.unit) {
      message.descriptor.backoutCount++
      message.holder = null
      message.hiddenUntilMs = timeMs + hiddenMs
    }
    if (connection.unit.length > 0) this.world.note(() => `${connection.unit.length} messages are backed out`)
    connection.unit = []
    connection.moved = []
  }

  /** MQDISC: what is open is committed. */
  disconnect(connection: QueueConnection): void {
    if (connection.lost) return
    this.perform(connection)
    connection.lost = true
    if (this.holder === connection) this.holder = null
  }

  /** The queue manager notices that the connection's process is gone. */
  release(connection: Holder): void {
    if (connection instanceof QueueConnection && !connection.lost) this.lose(connection)
  }

  dropConnection(): void {
    const { holder } = this
    if (holder === null) return
    this.world.note(() => `the connection of ${holder.name} to the queue manager breaks`)
    this.lose(holder)
  }

  restart(): void {
    this.world.note(() => 'the queue manager restarts')
    this.dropConnection()
  }

  private perform(connection: QueueConnection): void {
    const { unit, moved } = connection
    for (const { transaction } of moved) transaction.movedAway++
    const gone = new Set(unit)
    this.messages = this.messages.filter(message => !gone.has(message))
    this.world.counters.settled += unit.length > 0 ? 1 : 0
    if (unit.length > 0) {
      const names = [...new Set(unit.map(({ transaction }) => transaction.id))].join(',')
      this.world.note(() => `MQCMIT of ${connection.name}: ${names} (${moved.length} messages set aside)`)
    }
    connection.unit = []
    connection.moved = []
  }

  private lose(connection: QueueConnection): void {
    const { chance, healing, configuration } = this.world
    connection.lost = true
    const late = configuration.lateBackOut && !healing && chance.happens(0.3)
    this.back(connection, late ? chance.below(doubtMs / 2) : 0)
    if (this.holder === connection) this.holder = null
  }

  private requireConnected(connection: QueueConnection, verb: string): void {
    if (connection.lost) throw verbError(verb, this.system, reason.connectionBroken)
  }

  /** The rest of the group begun, else the first message of the queue whose group is there as a whole. */
  private next(connection: QueueConnection, queue: number): StoredMessage | undefined {
    const last = connection.unit.at(-1)
    const inGroup = last?.group === 'member' && last.queue === queue ? last.transaction : null
    return this.messages.find(message => {
      if (message.queue !== queue || !this.isFree(message)) return false
      return inGroup === null ? this.isWhole(message) : message.transaction === inGroup
    })
  }

  private isFree({ holder, hiddenUntilMs }: StoredMessage): boolean {
    return holder === null && (hiddenUntilMs <= this.world.timeMs || this.world.healing)
  }

  private isWhole({ transaction, group }: StoredMessage): boolean {
    if (group === 'none') return true
    return this.messages.every(message => message.transaction !== transaction || this.isFree(message))
  }

  private messageOf(transaction: SourceTransaction, ordinal: number): Omit<StoredMessage, 'body'> {
    const { id, lane, operations } = transaction
    const grouped = operations.length > 1
    const msgId = !grouped ? id : this.oneMsgId ? 'same' : `${id}.${ordinal}`
    const descriptor = sampleDescriptor({ msgId, groupId: grouped ? id : '', sequence: ordinal + 1 })
    const group = !grouped ? 'none' : ordinal === operations.length - 1 ? 'last' : 'member'
    return { queue: lane, transaction, descriptor, group, holder: null, hiddenUntilMs: 0 }
  }
}
