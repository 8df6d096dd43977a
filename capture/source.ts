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
  /** Everything at or before `position` is safe: the source may forget it. */
  settle(position: PositionBytes): void
  close(): Promise<void>
}
