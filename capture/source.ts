import type { Operation, TransactionContext } from '@tidemark/schemas/operation.ts'
import type { PositionBytes } from '@tidemark/schemas/position.ts'
import type { Table } from '@tidemark/schemas/table.ts'

/** Takes what a source reads, in source order, one call at a time, never concurrently. Must not throw. */
export interface TransactionReceiver {
  begin(transaction: TransactionContext): void
  operation(operation: Operation): void
  /** A table's definition, before its first operation and after each change. */
  schema(table: Table): void
  /** The transaction is whole. `position`: settling it settles the transaction. */
  commit(position: PositionBytes): void
  /** Between transactions: nothing at or before `position` is still to come. */
  idle(position: PositionBytes): void
}

/**
 * Takes transactions that the source can settle only together: an MQ unit of work holds several. `commit` gets
 * `withUnit` for each; `unit` then gives the position that settles all of them. They are named in one append, all or
 * none, so that the stream never ends inside a unit (docs/decisions/0020).
 */
export interface UnitReceiver extends TransactionReceiver {
  unit(position: PositionBytes): void
}

/** Position of a transaction that is settled with the unit it stands in. */
export const withUnit: PositionBytes = new Uint8Array(0)

export interface SourceIdentity {
  /** PostgreSQL's system identifier; a queue manager's id. */
  system: string
  timeline: number
}

/** A system whose committed work is captured. */
export interface Source {
  /** Takes the exclusive lock (replication slot, exclusive open), waiting aloud while another holds it. */
  open(signal: AbortSignal): Promise<SourceConnection>
}

/** One connection that holds the source's lock. What the source sends before `run` stays unread and unacknowledged. */
export interface SourceConnection {
  readonly identity: SourceIdentity
  /** The source's own confirmed position, asked now; null where a source has none (MQ). */
  confirmed(): Promise<PositionBytes | null>
  /**
   * Hands every transaction after `from` to the receiver; drops what the source sends again at or before it. Resolves
   * after `close`; rejects when the connection or the lock is lost.
   */
  run(receiver: TransactionReceiver, from: PositionBytes): Promise<void>
  /** While paused the receiver is not called for new input, apart from what was already read from the socket. */
  pause(): void
  resume(): void
  /**
   * Begins no further transaction and brings what is open to its end, for good: what a source needs that settles several
   * transactions together. Resolves when nothing is open. Where it is absent, pausing does.
   */
  rest?(): Promise<void>
  /** Whether to try again after an error that is no fault of the connection: the source sets the culprit aside in time. */
  mends?(error: unknown): boolean
  /** Everything at or before `position` is safe: the source may forget it. */
  settle(position: PositionBytes): void
  close(): Promise<void>
}
