import { reason } from '../../capture/mq/reason-codes.ts'
import { inGroup, lastInGroup, type PutMessage } from '../../mq-sink/put-message.ts'
import type { Host } from './host.ts'
import type { World } from './world.ts'

export interface TargetMessage {
  queue: string
  body: Buffer
  groupId: string
  sequence: number
  flags: number
  /** Put or got in its open unit of work. */
  owner: TargetConnection | null
  /** That unit put it. */
  isNew: boolean
}

/** What of a message's descriptor matters here. */
export type PutFields = Pick<PutMessage, 'groupId' | 'sequence' | 'flags' | 'format'>

/** A verb's reason code. */
export class Refused extends Error {
  readonly reasonCode: number

  constructor(reasonCode: number) {
    super(`reason ${reasonCode}`)
    this.reasonCode = reasonCode
  }
}

/** A connection handle: what it has open, and its unit of work. */
export class TargetConnection {
  readonly name: string
  readonly host: Host
  /** The client's side is gone. */
  broken = false
  /** The queue manager has noticed that, or was told by MQDISC. */
  released = false
  /** The unit of work was backed out by the queue manager: everything is 2003 until MQBACK. */
  backedOut = false
  /** On its way when the client's side went: it may yet be performed. */
  commitUnderWay = false
  unit: TargetMessage[] = []
  readonly inputs = new Map<string, 'shared' | 'exclusive'>()

  constructor(host: Host, name: string) {
    this.host = host
    this.name = name
  }
}

export const outcomeUnknown = 2549
const unknownObject = 2085
const queueFull = 2053
const putInhibited = 2051

/**
 * The queue manager that sinks put to: units of work of gets and puts, back-out, exclusive opens, MAXUMSGS, MQDISC that
 * commits, connections whose loss it notices late.
 */
export class TargetQueueManager {
  readonly name = 'TARGET'
  readonly stateQueue = 'STATE'
  readonly queues: readonly string[]
  readonly maxUncommitted: number
  /** In the order they were put. */
  messages: TargetMessage[] = []
  /** Of each MQCMIT with puts to the queues: what readers see from then on. */
  readonly commits: TargetMessage[][] = []
  readonly connections: TargetConnection[] = []
  private readonly world: World

  constructor(world: World, queues: readonly string[], maxUncommitted: number) {
    this.world = world
    this.queues = queues
    this.maxUncommitted = maxUncommitted
  }

  /** As `apply` puts it. */
  begin(state: string): void {
    const message = { queue: this.stateQueue, body: Buffer.from(state), groupId: '', sequence: 1, flags: 0 }
    this.messages.push({ ...message, owner: null, isNew: false })
  }

  /** Those of one queue that are committed. */
  committed(queue: string): TargetMessage[] {
    return this.messages.filter(message => message.queue === queue && !(message.owner !== null && message.isNew))
  }

  open(connection: TargetConnection, queue: string, input: 'none' | 'shared' | 'exclusive'): void {
    if (queue !== this.stateQueue && !this.queues.includes(queue)) throw new Refused(unknownObject)
    if (input === 'none') return
    const others = this.connections.flatMap(other => (other === connection ? [] : (other.inputs.get(queue) ?? [])))
    if (others.includes('exclusive') || (input === 'exclusive' && others.length > 0))
      throw new Refused(reason.objectInUse)
    connection.inputs.set(queue, input)
    if (input === 'exclusive') this.world.note(() => `${connection.name} has ${queue} open alone`)
  }

  /** Whether somebody else has it open. */
  isHeld(connection: TargetConnection, queue: string): boolean {
    return this.connections.some(other => other !== connection && other.inputs.has(queue))
  }

  /** MQGMO_BROWSE_FIRST and _NEXT: `index` counts from 0. */
  browse(connection: TargetConnection, queue: string, index: number): Buffer | null {
    return this.gettable(connection, queue)[index]?.body ?? null
  }

  /** MQGET under syncpoint. */
  get(connection: TargetConnection, queue: string): Buffer | null {
    this.requireUnit(connection)
    const message = this.gettable(connection, queue)[0]
    if (message === undefined) return null
    message.owner = connection
    connection.unit.push(message)
    return message.body
  }

  /** MQPUT under syncpoint. */
  put(connection: TargetConnection, queue: string, body: Buffer, fields: PutFields): void {
    const { chance, healing } = this.world
    this.requireUnit(connection)
    if (!healing && chance.happens(0.01)) throw new Refused(chance.of([queueFull, putInhibited]))
    const { sequence, flags } = fields
    const groupId = (flags & (inGroup | lastInGroup)) === 0 ? '' : fields.groupId.toString('hex')
    const message = { queue, body: Buffer.from(body), groupId, sequence, flags, owner: connection, isNew: true }
    this.messages.push(message)
    connection.unit.push(message)
  }

  /** MQCMIT, as the queue manager performs it. */
  commit(connection: TargetConnection): void {
    if (connection.backedOut) throw new Refused(reason.backedOut)
    const { unit } = connection
    if (unit.length === 0) return
    const got = new Set(unit.filter(({ isNew }) => !isNew))
    this.messages = this.messages.filter(message => !got.has(message))
    const put = unit.filter(message => !got.has(message))
    for (const message of put) {
      message.owner = null
      message.isNew = false
    }
    const visible = put.filter(({ queue }) => queue !== this.stateQueue)
    if (visible.length > 0) this.commits.push(visible)
    connection.unit = []
    if (visible.length > 0) this.world.counters.putUnits++
    this.world.note(() => `MQCMIT of ${connection.name}: ${put.map(({ body }) => body.toString('latin1')).join(' ')}`)
  }

  /** MQBACK, as the queue manager performs it. */
  back(connection: TargetConnection): void {
    const { unit } = connection
    const gone = new Set(unit.filter(({ isNew }) => isNew))
    this.messages = this.messages.filter(message => !gone.has(message))
    for (const message of unit) message.owner = null
    connection.unit = []
    if (unit.length > 1) this.world.counters.putUnitsBackedOut++
    if (unit.length > 0) this.world.note(() => `${unit.length} messages of ${connection.name} are backed out`)
  }

  /** The queue manager is done with a connection: by MQDISC, or because it noticed that nobody is there. */
  release(connection: TargetConnection): void {
    if (connection.released) return
    if (connection.commitUnderWay && !connection.backedOut && this.world.chance.happens(0.5)) this.commit(connection)
    this.back(connection)
    connection.released = true
    connection.inputs.clear()
    const index = this.connections.indexOf(connection)
    if (index >= 0) this.connections.splice(index, 1)
  }

  /** Lets it notice one of the connections whose client is gone. */
  notice(): void {
    const dead = this.connections.filter(({ broken }) => broken)
    if (dead.length > 0) this.release(this.world.chance.of(dead))
  }

  noticeAll(): void {
    for (const connection of this.connections.filter(({ broken }) => broken)) this.release(connection)
  }

  /** The client's side is gone; the queue manager learns of it at once, or when the heartbeat fails. */
  lose(connection: TargetConnection): void {
    if (connection.broken) return
    connection.broken = true
    this.world.note(() => `${connection.name} loses the queue manager`)
    if (this.world.chance.happens(0.6)) this.release(connection)
  }

  /** Every connection breaks; what is open is backed out. */
  restart(): void {
    this.world.note(() => 'the target queue manager restarts')
    for (const connection of this.connections.slice()) {
      connection.broken = true
      connection.commitUnderWay = false
      this.release(connection)
    }
  }

  private gettable(connection: TargetConnection, queue: string): TargetMessage[] {
    return this.messages.filter(message => {
      if (message.queue !== queue) return false
      return message.owner === null || (message.owner === connection && message.isNew)
    })
  }

  /** Room and leave for one more message in the unit of work. */
  private requireUnit(connection: TargetConnection): void {
    const { chance, healing } = this.world
    if (!connection.backedOut && !healing && chance.happens(0.004)) {
      this.back(connection)
      connection.backedOut = true
    }
    if (connection.backedOut) throw new Refused(reason.backedOut)
    if (connection.unit.length >= this.maxUncommitted) throw new Refused(reason.syncpointLimit)
  }
}
