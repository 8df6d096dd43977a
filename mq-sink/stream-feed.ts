import type { KafkaConnection } from '@tidemark/kafka/connection-options.ts'
import {
  TransactionConsumer,
  type ConsumedTransaction,
  type ConsumerOptions,
  type TransactionRecord
} from '@tidemark/tcc-consumer'
import type { Feed, SinkRecord, SinkTransaction } from './feed.ts'
import type { Place } from './sink-state.ts'

export interface StreamFeedOptions {
  /** How to reach the brokers; in the simulation what is read in their place. */
  kafka: Readonly<KafkaConnection> | StreamLogs
  commitStream: string
  /** Only records of these; null: all. */
  topics: readonly string[] | null
  from: string
}

export type StreamLogs = Required<Pick<ConsumerOptions, 'reader' | 'clock' | 'wholeUpToBytes' | 'missingAfterMs'>>

/** Whole transactions of a commit stream. */
export class StreamFeed implements Feed {
  private readonly consumer: TransactionConsumer
  private readonly transactions: AsyncIterator<ConsumedTransaction, undefined>

  /** Throws CONFIG_INVALID, BOOKMARK_INVALID. */
  constructor(options: StreamFeedOptions) {
    this.consumer = new TransactionConsumer(consumerOptions(options))
    this.transactions = this.consumer[Symbol.asyncIterator]()
  }

  async next(): Promise<SinkTransaction | null> {
    const { value } = await this.transactions.next()
    return value === undefined ? null : new StreamTransaction(value)
  }

  lag(): { records: number; ms: number } {
    const { lagRecords, lagMs } = this.consumer.statistics()
    return { records: lagRecords, ms: lagMs }
  }

  async close(): Promise<void> {
    await this.consumer.close()
  }
}

/** Where a reader that begins at `from` stands: so that what comes before the first run is not passed over. */
export async function streamPlace(options: StreamFeedOptions): Promise<Place> {
  const consumer = new TransactionConsumer(consumerOptions(options))
  try {
    return { bookmark: (await consumer.bookmark()) ?? options.from }
  } finally {
    await consumer.close()
  }
}

function consumerOptions({ kafka, commitStream, topics, from }: StreamFeedOptions): ConsumerOptions {
  return { ...kafka, commitStream, from, ...(topics === null ? {} : { topics }) }
}

class StreamTransaction implements SinkTransaction {
  readonly name: string
  private readonly transaction: ConsumedTransaction

  constructor(transaction: ConsumedTransaction) {
    this.transaction = transaction
    this.name = String(transaction.sequence)
  }

  get commitTime(): number {
    return this.transaction.commitTime
  }

  get size(): number | null {
    return this.transaction.isLarge ? null : this.transaction.records.length
  }

  records(): Iterable<TransactionRecord> | AsyncIterable<TransactionRecord> {
    return this.transaction.isLarge ? this.transaction.stream() : this.transaction.records
  }

  placeAfter(record: SinkRecord | null): Place {
    const { transaction } = this
    return {
      bookmark: record === null ? transaction.bookmark : transaction.bookmarkAfter(record as TransactionRecord)
    }
  }
}
