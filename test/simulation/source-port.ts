import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { Operation } from '@tidemark/schemas/operation.ts'
import type { PositionBytes } from '@tidemark/schemas/position.ts'
import type { Source, SourceConnection, SourceIdentity, TransactionReceiver } from '../../capture/source.ts'
import type { Host } from './host.ts'
import { positionAt, type SourceDatabase, type SourceRecord, type SourceTransaction } from './source-database.ts'

/** An operation that brings its records along: the processor of the simulation only sends them. */
export type SimulatedOperation = Operation & { records: readonly SourceRecord[] }

/** The database as one process sees it. */
export class SimulatedSource implements Source {
  private readonly host: Host
  private readonly database: SourceDatabase

  constructor(host: Host, database: SourceDatabase) {
    this.host = host
    this.database = database
  }

  open(signal: AbortSignal): Promise<SourceConnection> {
    const { host, database } = this
    const opened = host.ask(
      () => {
        if (signal.aborted) throw signal.reason
        const connection = new SimulatedConnection(host, database)
        database.lock(connection)
        return connection
      },
      () => database.holder === null || signal.aborted
    )
    return opened
  }
}

interface Run {
  receiver: TransactionReceiver
  reject(error: unknown): void
  resolve(): void
}

/**
 * A replication connection. The server sends from its confirmed position as soon as the lock is held; what was received
 * is handed on in pieces, also after the lock was lost.
 */
export class SimulatedConnection implements SourceConnection {
  readonly name: string
  readonly identity: SourceIdentity
  private readonly host: Host
  private readonly database: SourceDatabase
  /** Index after the last transaction received. */
  private received: number
  /** Index of the transaction being handed on, and how much of it was. */
  private next: number
  private given = 0
  private run_: Run | null = null
  private paused = false
  private lost = false
  private closed = false
  private reported: PositionBytes | null = null

  constructor(host: Host, database: SourceDatabase) {
    this.host = host
    this.database = database
    this.name = host.name
    this.identity = { system: database.system, timeline: 1 }
    this.next = this.received = database.after(database.confirmed)
  }

  get isDead(): boolean {
    return !this.host.alive
  }

  confirmed(): Promise<PositionBytes | null> {
    return this.host.ask(() => {
      // Asked over another connection, the server answers although the lock is lost.
      if (this.lost && this.host.world.chance.happens(0.5)) throw connectionLost()
      return this.database.confirmed
    })
  }

  run(receiver: TransactionReceiver, from: PositionBytes): Promise<void> {
    this.next = Math.max(this.next, this.database.after(from))
    this.received = Math.max(this.received, this.next)
    return new Promise((resolve, reject) => {
      this.run_ = { receiver, resolve, reject }
      this.pump()
    })
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
  }

  settle(position: PositionBytes): void {
    const { world } = this.host
    world.counters.settled++
    const send = this.reported === null
    this.reported = position
    if (send) this.host.later(() => this.report())
  }

  close(): Promise<void> {
    this.closed = true
    this.run_?.resolve()
    // The server may learn of it late.
    return this.host.ask(() => this.database.release(this))
  }

  /** The server has ended the connection: the process hears of it later. */
  lose(): void {
    this.lost = true
  }

  private report(): void {
    const position = this.reported
    this.reported = null
    if (position !== null && !this.closed) this.database.confirm(this, position)
  }

  private pump(): void {
    const { host } = this
    host.later(
      () => {
        if (this.closed || this.run_ === null) return
        if (this.lost && this.mayEnd()) return this.run_.reject(connectionLost())
        this.work(this.run_.receiver)
        this.pump()
      },
      () => this.closed || this.lost || !host.world.healing || this.hasWork()
    )
  }

  private mayEnd(): boolean {
    return this.next >= this.received || this.host.world.chance.happens(0.3)
  }

  private hasWork(): boolean {
    return !this.paused && (this.received < this.database.visible || this.next < this.received)
  }

  private work(receiver: TransactionReceiver): void {
    const { chance, healing } = this.host.world
    if (this.paused && (healing || chance.happens(0.9))) return
    if (!this.lost && this.received < this.database.visible) this.receive()
    for (let calls = 1 + chance.below(6); calls > 0 && this.next < this.received; calls--) this.hand(receiver)
    if (this.next === this.received && this.given === 0 && chance.happens(0.2)) this.keepAlive(receiver)
  }

  private receive(): void {
    const { chance } = this.host.world
    this.received = Math.min(this.database.visible, this.received + 1 + chance.below(3))
  }

  /** One call to the receiver. */
  private hand(receiver: TransactionReceiver): void {
    const transaction = this.database.transactions[this.next]!
    const { operations } = transaction
    const place = this.given++
    const context = contextOf(transaction)
    if (place === 0) receiver.begin(context)
    else if (place <= operations.length) receiver.operation(operationOf(transaction, place - 1))
    else {
      receiver.commit(transaction.position)
      this.next++
      this.given = 0
    }
  }

  /** Between transactions: the server has nothing before this place, which no transaction will have. */
  private keepAlive(receiver: TransactionReceiver): void {
    if (this.lost || this.received < this.database.visible) return
    const last = this.database.transactions[this.received - 1]
    const reached = last === undefined ? 16 : Number(Buffer.from(last.position).readBigUInt64BE())
    receiver.idle(positionAt(reached + this.host.world.chance.below(16)))
  }
}

function contextOf(transaction: SourceTransaction): Operation['transaction'] {
  const { id, commitTime, position } = transaction
  return { sourceId: id, commitTime, position, kind: 'mirror' }
}

function operationOf(transaction: SourceTransaction, ordinal: number): SimulatedOperation {
  return {
    kind: 'message',
    table: null,
    ordinal,
    transaction: contextOf(transaction),
    lsnBytes: null,
    lsnStart: 0,
    before: null,
    after: null,
    oldTuple: null,
    beforeIsKeyOnly: false,
    newTuple: null,
    truncated: [],
    message: null,
    records: transaction.operations[ordinal]!
  }
}

function connectionLost(): TidemarkError {
  return new TidemarkError('POSTGRES_UNREACHABLE', { message: 'the replication connection was lost' })
}
