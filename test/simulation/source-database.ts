import type { PositionBytes } from '@tidemark/schemas/position.ts'
import type { SimulatedConnection } from './source-port.ts'
import { positionText } from './record-text.ts'
import type { World } from './world.ts'

export interface SourceRecord {
  topic: string
  key: string
  value: string
}

/** What one source commit holds; operations may have no record, and a transaction no operation. */
export interface SourceTransaction {
  id: string
  position: PositionBytes
  commitTime: number
  operations: SourceRecord[][]
  /** Annotated when committed. */
  annotated: boolean
  /** Order holds within it: the queue it was put on; a database has one. */
  lane: number
  /** A processor fails on it. */
  poisoned: boolean
  /** How many of its messages were moved to the backout queue. */
  movedAway: number
}

/** A system whose transactions are captured, as the schedule and the oracle see it. */
export interface SourceSystem {
  readonly system: string
  /** Of the genesis. */
  readonly origin: PositionBytes
  readonly transactions: readonly SourceTransaction[]
  /** How many of them have been committed. */
  visible: number
  /** The connection that has the source's lock. */
  readonly holder: Holder | null
  /** Adds a transaction that is not committed yet. */
  plan(prefix: string, operations: SourceRecord[][], annotated: boolean): void
  /** The next transaction commits; false when there is none. */
  commitOne(): boolean
  /** The system notices that a connection is gone. */
  release(connection: Holder): void
  /** The connection breaks: the lock is free at once, the agent hears of it later. */
  dropConnection(): void
  restart(): void
}

export interface Holder {
  readonly name: string
  /** Its process is gone, though the system has not noticed. */
  readonly isDead: boolean
}

/** Between the positions of two transactions there is room for places where nothing was committed. */
const positionStep = 16

export function positionAt(place: number): PositionBytes {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(place))
  return bytes
}

/**
 * A database with one replication slot: an exclusive lock bound to a connection, a confirmed position that may fall back
 * when the server restarts, and everything after it sent again.
 */
export class SourceDatabase implements SourceSystem {
  readonly system: string
  readonly transactions: SourceTransaction[] = []
  /** How many of them have been committed. */
  visible = 0
  readonly origin: PositionBytes = positionAt(positionStep)
  confirmed: PositionBytes = this.origin
  holder: SimulatedConnection | null = null
  private history: PositionBytes[] = [this.confirmed]
  private readonly world: World

  constructor(world: World, system: string) {
    this.world = world
    this.system = system
  }

  /** Adds a transaction that is not committed yet. */
  plan(prefix: string, operations: SourceRecord[][], annotated: boolean): void {
    const number = this.transactions.length + 1
    const position = positionAt((number + 1) * positionStep)
    this.transactions.push({
      id: `${prefix}${number}`,
      position,
      commitTime: 0,
      operations,
      annotated,
      lane: 0,
      poisoned: false,
      movedAway: 0
    })
  }

  /** The next transaction commits. */
  commitOne(): boolean {
    const next = this.transactions[this.visible]
    if (next === undefined) return false
    next.commitTime = this.world.timeMs * 1000
    this.visible++
    this.world.note(() => `the source commits ${next.id}`)
    return true
  }

  lock(connection: SimulatedConnection): void {
    this.holder = connection
    this.world.note(() => `${connection.name} holds the lock`)
  }

  release(connection: Holder): void {
    if (this.holder === connection) this.holder = null
  }

  /** A status of the connection that holds the lock arrives. */
  confirm(connection: SimulatedConnection, position: PositionBytes): void {
    if (this.holder !== connection || Buffer.compare(position, this.confirmed) <= 0) return
    this.confirmed = position
    this.history.push(position)
    this.world.note(() => `the source is told ${positionText(position)} by ${connection.name}`)
  }

  /** The connection breaks, or another session terminates it: the lock is free at once, the agent hears of it later. */
  dropConnection(): void {
    const { holder } = this
    if (holder === null) return
    this.world.note(() => `the source drops the connection of ${holder.name}`)
    this.holder = null
    holder.lose()
  }

  /** Only positions of the last checkpoint survive a crash of the server. */
  restart(): void {
    this.dropConnection()
    this.confirmed = this.world.chance.of(this.history)
    this.history = this.history.filter(position => Buffer.compare(position, this.confirmed) <= 0)
    this.world.note(() => `the source restarts, confirmed back at ${positionText(this.confirmed)}`)
  }

  /** Index of the first transaction after `position`. */
  after(position: PositionBytes): number {
    const index = this.transactions.findIndex(transaction => Buffer.compare(transaction.position, position) > 0)
    return index < 0 ? this.transactions.length : index
  }
}
