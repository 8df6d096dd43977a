import { formatBookmark } from '@tidemark/schemas/bookmark.ts'
import { isTidemarkError, TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { ConsumedTransaction } from './consumed-transaction.ts'
import { consumerSettings, type ConsumerOptions, type ConsumerSettings } from './consumer-options.ts'
import { StatisticsKeeper, type ConsumerStatistics } from './consumer-statistics.ts'
import { fromGroup, GroupProgress } from './group-progress.ts'
import type { GroupMembership } from './group-membership.ts'
import { openStream } from './open-stream.ts'
import { openSource, type Source } from './source.ts'
import type { TransactionReader } from './transaction-reader.ts'

type Next = IteratorResult<ConsumedTransaction, undefined>

/** Spread for each result: see schemas/short-lived.ts. */
const blankResult = { done: false as const, value: null }

/**
 * Whole transactions of one commit stream, in source order, each once. Iterate over it; any error it throws is final for
 * this consumer: make a new one from the last bookmark.
 *
 * Errors have a `code` (docs/errors.md): SEQUENCE_GAP, CLAIM_MISSING, RECORDS_MISSING, RECORDS_CONFLICTING,
 * EXTENSION_MANDATORY, STREAM_RECREATED, STREAM_TRIMMED, STREAM_TRUNCATED, STREAM_EMPTY, BOOKMARK_FOREIGN, BOOKMARK_VOID,
 * BOOKMARK_UNNAMED, COMMIT_STREAM_INVALID, HEADER_INVALID, RECORD_BATCH_INVALID, TOPIC_MISSING, KAFKA_UNREACHABLE,
 * KAFKA_AUTHENTICATION, KAFKA_AUTHORIZATION.
 */
export class TransactionConsumer implements AsyncIterable<ConsumedTransaction> {
  private readonly options: ConsumerOptions
  private readonly settings: ConsumerSettings
  private readonly keeper = new StatisticsKeeper()
  private readonly closing = new AbortController()
  private source: Source | null = null
  private membership: GroupMembership | null = null
  private progress: GroupProgress | null = null
  private reader: TransactionReader | null = null
  private opening: Promise<TransactionReader> | null = null
  private failure: { error: unknown } | null = null
  private busy = false
  private standby = false

  /** Connects to nothing yet. Throws CONFIG_INVALID naming the option, BOOKMARK_INVALID. */
  constructor(options: ConsumerOptions) {
    this.settings = consumerSettings(options)
    this.options = options
  }

  /** Leaving a loop does not close the consumer: a later loop goes on with the next transaction. */
  [Symbol.asyncIterator](): AsyncIterator<ConsumedTransaction, undefined> {
    return { next: () => this.next() }
  }

  /**
   * Keeps `bookmark` as the group's place. Throws USAGE without `groupId`, BOOKMARK_INVALID, BOOKMARK_FOREIGN, and
   * GROUP_SUPERSEDED when another member has taken over: what was not committed is handed over there.
   */
  async commit(bookmark: string): Promise<void> {
    if (this.progress === null) {
      throw new TidemarkError('USAGE', {
        message: 'a bookmark can be committed only by a consumer with `groupId`, after it was given a transaction',
        cure: 'give `groupId`, or store the bookmark together with the result'
      })
    }
    await this.progress.commit(bookmark, this.reader?.reached ?? null, this.settings.clock.steadyMs())
  }

  /**
   * The place reached: after the last transaction handed over and whatever follows it that holds nothing wanted. At once
   * where the reader starts; null where no sequence is known there yet.
   */
  async bookmark(): Promise<string | null> {
    const reached = (await this.opened()).reached
    return reached === null ? null : formatBookmark(reached.bookmark)
  }

  statistics(): ConsumerStatistics {
    return this.keeper.statistics(this.reader, this.settings.clock.wallMs(), this.standby)
  }

  /** Ends every loop, leaves the group, closes connections. Transactions handed over stay readable, large ones do not. */
  async close(): Promise<void> {
    if (!this.closing.signal.aborted) this.closing.abort(new ConsumerClosed())
    await this.opening?.catch(() => undefined)
    await this.reader?.close()
    await this.membership?.close()
    await this.source?.close()
    this.source = null
  }

  private next(): Promise<Next> {
    if (this.busy) return rejectedUse()
    if (this.closing.signal.aborted) return Promise.resolve({ done: true, value: undefined })
    const { reader } = this
    if (reader === null || this.failure !== null) return this.nextSlowly()
    if (reader.turns.isDue()) return this.nextSlowly(reader)
    let transaction
    try {
      transaction = reader.take()
    } catch (error) {
      return this.failed(error)
    }
    if (transaction === null) return this.nextSlowly()
    this.progress?.hand(transaction.epoch, transaction.sequence)
    return Promise.resolve({ ...blankResult, value: transaction })
  }

  /** Where something must be waited for: data, the group, or a turn of the event loop, which `busy` is to give. */
  private async nextSlowly(busy?: TransactionReader): Promise<Next> {
    if (this.failure !== null) throw this.failure.error
    this.busy = true
    try {
      if (busy !== undefined) await giveTurn(busy)
      for (;;) {
        const transaction = await this.nextOf(await this.opened())
        if (transaction === null) continue
        this.progress?.hand(transaction.epoch, transaction.sequence)
        return { ...blankResult, value: transaction }
      }
    } catch (error) {
      if (this.closing.signal.aborted) return { done: true, value: undefined }
      return await this.failed(error)
    } finally {
      this.busy = false
    }
  }

  /** Null when the turn in the group was lost on the way: the next reader goes on from where the group stands. */
  private async nextOf(reader: TransactionReader): Promise<ConsumedTransaction | null> {
    try {
      for (;;) {
        reader.signal.throwIfAborted()
        const transaction = reader.take()
        if (transaction !== null) return transaction
        await this.progress?.advance(reader.reached, this.settings.clock.steadyMs())
        await reader.more()
      }
    } catch (error) {
      if (!this.isTurnOver(error)) throw error
      await this.retire(reader)
      return null
    }
  }

  private opened(): Promise<TransactionReader> {
    if (this.reader !== null) return Promise.resolve(this.reader)
    this.opening ??= this.open().finally(() => (this.opening = null))
    return this.opening
  }

  private async open(): Promise<TransactionReader> {
    const { signal } = this.closing
    signal.throwIfAborted()
    this.source ??= openSource(this.options, this.settings)
    const { reader } = this.source
    const from = this.settings.groupId === null ? this.settings.from : await this.joinGroup(this.source)
    this.reader = await openStream(reader, this.settings, from, this.turnSignal())
    return this.reader
  }

  private async joinGroup(source: Source): Promise<ConsumerSettings['from']> {
    this.membership ??= source.group()
    this.standby = true
    const ownership = await this.membership.acquire(this.closing.signal)
    const committed = await ownership.committed()
    this.standby = false
    this.progress = new GroupProgress(ownership, committed)
    return committed === null ? this.settings.from : fromGroup(committed)
  }

  /** Aborted when the consumer is closed or another member of the group may read. */
  private turnSignal(): AbortSignal {
    const { signal } = this.closing
    return this.progress === null ? signal : AbortSignal.any([signal, this.progress.lost])
  }

  private isTurnOver(error: unknown): boolean {
    if (this.progress === null || this.closing.signal.aborted) return false
    return this.progress.lost.aborted || isTidemarkError(error, 'GROUP_SUPERSEDED')
  }

  private async retire(reader: TransactionReader): Promise<void> {
    this.reader = null
    this.keeper.retire(reader)
    await reader.close()
  }

  private async failed(error: unknown): Promise<never> {
    this.failure ??= { error }
    throw error
  }
}

async function giveTurn({ prefetch, turns }: TransactionReader): Promise<void> {
  prefetch.fill()
  await turns.give()
}

/** Why waiting ended; never leaves the consumer. */
class ConsumerClosed extends Error {
  override readonly name = 'ConsumerClosed'
}

async function rejectedUse(): Promise<never> {
  throw new TidemarkError('USAGE', {
    message: 'the next transaction was asked for while it was being waited for',
    cure: 'use one loop for a consumer, and make a second consumer for a second loop'
  })
}
