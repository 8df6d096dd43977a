import type { TransactionReader } from './transaction-reader.ts'

export interface ConsumerStatistics {
  /** Handed over. */
  transactions: number
  records: number
  /** Records met again after they were handed over, or repeated by a mirror: dropped. */
  duplicatesDropped: number
  /** Records an agent sent without their transaction becoming valid; its successor sent them again: dropped. */
  voidRecords: number
  /** Records of other programs or subscriptions in the same partitions. */
  foreignRecords: number
  /** Commit-stream records of superseded agents. */
  voidCommits: number
  /** Commit-stream entries repeated by a mirror. */
  repeatedEntries: number
  /** Gaps passed with leave. */
  gaps: number
  /** Commit-stream records not read yet, as of the last fetch. */
  lagRecords: number
  /** Age of the last transaction handed over while there are more, milliseconds; 0 when there are none. */
  lagMs: number
  /** Bytes fetched and not yet read. */
  heldBytes: number
  /** On a mirror: records that are named have not come yet. */
  late: boolean
  /** Waiting for another member of the group to leave. */
  standby: boolean
}

/** Of the readers of one consumer: in a group one follows another. */
export class StatisticsKeeper {
  private past = { transactions: 0, records: 0, duplicatesDropped: 0, voidRecords: 0, foreignRecords: 0 }
  private pastStream = { voidCommits: 0, repeatedEntries: 0, gaps: 0 }

  /** The reader is at its end; another may follow. */
  retire(reader: TransactionReader): void {
    const { past, pastStream } = this
    past.transactions += reader.counts.transactions
    past.records += reader.counts.records
    past.duplicatesDropped += reader.drops.duplicates
    past.voidRecords += reader.drops.voidRecords
    past.foreignRecords += reader.parts.foreignRecords
    pastStream.voidCommits += reader.stream.voidCommits
    pastStream.repeatedEntries += reader.stream.repeatedEntries
    pastStream.gaps += reader.counts.gaps
  }

  statistics(reader: TransactionReader | null, nowMs: number, standby: boolean): ConsumerStatistics {
    const sum = new StatisticsKeeper()
    sum.past = { ...this.past }
    sum.pastStream = { ...this.pastStream }
    if (reader !== null) sum.retire(reader)
    const lagRecords = reader?.lagRecords ?? 0
    const committed = reader?.lastCommitTime ?? null
    return {
      ...sum.past,
      ...sum.pastStream,
      lagRecords,
      lagMs: lagRecords === 0 || committed === null ? 0 : Math.max(0, nowMs - committed / 1000),
      heldBytes: reader?.prefetch.heldBytes ?? 0,
      late: reader?.isLate ?? false,
      standby
    }
  }
}
