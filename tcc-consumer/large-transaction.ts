import type { TransactionEntry } from '@tidemark/schemas/commit-stream.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { Exceptions } from './exceptions.ts'
import type { MergedRecords } from './merged-records.ts'
import type { TransactionReader } from './transaction-reader.ts'
import type { RecordSource } from './consumed-transaction.ts'
import { TransactionRecord } from './transaction-record.ts'

/** A transaction that is read record by record, or left, before the next one can be. */
export class LargeTransaction implements RecordSource {
  private readonly reader: TransactionReader
  private readonly exceptions: Exceptions
  private readonly entry: TransactionEntry
  private readonly merged: MergedRecords
  private readonly firstRecord: number
  private state: 'unread' | 'left' | 'read' = 'unread'

  constructor(
    reader: TransactionReader,
    exceptions: Exceptions,
    entry: TransactionEntry,
    merged: MergedRecords,
    firstRecord: number
  ) {
    this.reader = reader
    this.exceptions = exceptions
    this.entry = entry
    this.merged = merged
    this.firstRecord = firstRecord
  }

  get incomplete(): boolean {
    return this.merged.incomplete
  }

  /** Without waiting where the fetched bytes reach. Throws RECORDS_MISSING, RECORDS_CONFLICTING, USAGE. */
  next(): TransactionRecord | null | Promise<TransactionRecord | null> {
    if (this.reader.turns.isDue()) return this.nextAfterTurn()
    for (;;) {
      if (this.state === 'left') throw this.wasLeft()
      if (this.state === 'read') return null
      const found = this.merged.next()
      switch (found) {
        case 'record': {
          const record = this.takeRecord()
          if (record !== null) return record
          break
        }
        case 'end':
          this.finish('read')
          return null
        default:
          return this.nextAfter(found)
      }
    }
  }

  /** Passes over the rest, as far as the fetched bytes reach. */
  drain(): 'again' | 'wait' {
    this.state = 'left'
    for (;;) {
      const found = this.merged.next()
      switch (found) {
        case 'record':
          this.merged.took()
          break
        case 'wait':
          return this.reader.wait(this.merged.queues)
        case 'missing':
          return this.reader.send(() => this.settleMissing())
        case 'end':
          this.finish('left')
          return 'again'
      }
    }
  }

  private async nextAfter(found: 'wait' | 'missing'): Promise<TransactionRecord | null> {
    if (found === 'missing') await this.settleMissing()
    else {
      this.reader.wait(this.merged.queues)
      await this.reader.more()
    }
    this.reader.signal.throwIfAborted()
    return this.next()
  }

  private async nextAfterTurn(): Promise<TransactionRecord | null> {
    this.reader.prefetch.fill()
    await this.reader.turns.give()
    return this.next()
  }

  private takeRecord(): TransactionRecord | null {
    this.exceptions.isWaiting = false
    const { cursor } = this.merged.part!
    const wanted = cursor.header.record >= this.firstRecord
    const record = wanted ? new TransactionRecord(cursor) : null
    this.merged.took()
    if (wanted) this.reader.counts.records++
    return record
  }

  /** With leave to go on without it, the reading of this transaction ends in an error and the next one follows. */
  private async settleMissing(): Promise<void> {
    const { merged, entry } = this
    const error = await this.exceptions.settleMissing(entry, merged.part!, () => merged.skipMissing())
    if (error === null) return
    const wasLeft = this.state === 'left'
    this.finish('left')
    if (!wasLeft) throw error
  }

  private finish(state: 'left' | 'read'): void {
    this.state = state
    this.reader.finishLarge()
  }

  private wasLeft(): TidemarkError {
    return new TidemarkError('USAGE', {
      message: `the records of transaction ${this.entry.sequence} were asked for after the next transaction was`,
      cure: 'read transaction.stream() to its end before going on'
    })
  }
}
