import { randomBytes } from 'node:crypto'
import type { Operation } from '@tidemark/schemas/operation.ts'
import type { PositionBytes } from '@tidemark/schemas/position.ts'
import type { FirstImages } from '@tidemark/kcop/enrichment/first-images.ts'
import { FollowedTables } from '@tidemark/kcop/enrichment/followed-tables.ts'
import type { SourceClock } from '../postgres/copy-stream.ts'
import type { TableName } from '../postgres/identifier.ts'
import { PostgresSource } from '../postgres/postgres-source.ts'
import type { SessionOptions } from '../postgres/session.ts'
import type { TransactionReceiver } from '../source.ts'

export interface LogSpan {
  session: SessionOptions
  clock: SourceClock
  /** Its copy is read, which begins where it does; it may be in use. */
  slot: string
  publication: string
  tables: readonly TableName[]
  /** Everything that committed behind it is read.. */
  from: PositionBytes
  /** ..up to here. */
  to: PositionBytes
  signal: AbortSignal
}

/**
 * Shows `images` what the log tells of their tables between two positions, by way of a temporary copy of the slot, which the
 * server drops with the connection. Nothing is confirmed. Rejects as the source does, and with what `images` throw.
 */
export async function readLogSpan(span: LogSpan, images: readonly FirstImages[]): Promise<void> {
  const { session, clock, slot, publication, tables, from, signal } = span
  const source = new PostgresSource({
    ...session,
    slot: `tidemark_lookups_${randomBytes(6).toString('hex')}`,
    publication,
    tables,
    clock,
    temporary: { copyOf: slot }
  })
  const connection = await source.open(signal)
  const aborted = Promise.withResolvers<never>()
  const abort = () => aborted.reject(signal.reason as Error)
  signal.addEventListener('abort', abort)
  try {
    const receiver = new SpanReceiver(new FollowedTables(images), span.to)
    const running = connection.run(receiver, from)
    running.catch(() => {})
    await Promise.race([running, receiver.ended, aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
    await connection.close()
  }
}

/** Resolves `ended` once the log was read to the end of the span; what comes after it is left out. */
class SpanReceiver implements TransactionReceiver {
  readonly ended: Promise<void>
  private readonly followed: FollowedTables
  private readonly to: PositionBytes
  private readonly end = Promise.withResolvers<void>()
  private isOver = false

  constructor(followed: FollowedTables, to: PositionBytes) {
    this.followed = followed
    this.to = to
    this.ended = this.end.promise
    this.ended.catch(() => {})
  }

  begin(): void {}

  schema(): void {}

  operation(operation: Operation): void {
    if (this.isOver) return
    try {
      this.followed.see(operation)
    } catch (error) {
      this.isOver = true
      this.end.reject(error)
    }
  }

  commit(position: PositionBytes): void {
    this.reach(position)
  }

  idle(position: PositionBytes): void {
    this.reach(position)
  }

  private reach(position: PositionBytes): void {
    if (this.isOver || Buffer.compare(position, this.to) < 0) return
    this.isOver = true
    this.end.resolve()
  }
}
