import type { Commits } from '@tidemark/schemas/commit-stream.ts'
import { EpochFold } from '@tidemark/schemas/stream-fold.ts'
import type { CommitStreamLog, PlacedRecord } from './commit-stream-log.ts'

/** What a commit stream still holds. */
export interface StreamExtent {
  /** Offset of its first record: genesis or, once trimmed, a claim. */
  begin: number
  records: number
  /** When the first record was written, ms since the Unix epoch. */
  since: number
  /** The first transaction named; null when none is near the beginning. `commitTime`: ms, by the source's clock. */
  oldest: { sequence: number; commitTime: number } | null
}

/** So far from the beginning the first transaction is looked for, in steps. */
const lookedThroughMax = 1_000
const step = 50

/** null for a stream that is empty. Throws STREAM_TRIMMED when its beginning is removed meanwhile. */
export async function readStreamExtent(log: CommitStreamLog): Promise<StreamExtent | null> {
  const { start, end } = await log.bounds()
  if (start === end) return null
  const { timestamp } = await log.at(start)
  const first = new FirstTransaction()
  const limit = Math.min(end, start + lookedThroughMax)
  for (let from = start; from < limit && first.found === null; from += step) {
    await log.scan(from, Math.min(limit, from + step), placed => first.visit(placed))
  }
  return { begin: start, records: end - start, since: timestamp, oldest: first.found }
}

class FirstTransaction {
  found: StreamExtent['oldest'] = null
  private readonly epochs = new EpochFold()

  visit({ record }: PlacedRecord): void {
    if (record.type === 'claim') this.epochs.claim(record)
    if (this.found === null && record.type === 'commits' && this.epochs.commits(record.epoch) === 'valid') {
      this.look(record)
    }
  }

  private look({ entries }: Commits): void {
    const entry = entries.find(({ type }) => type === 'transaction')
    if (entry?.type !== 'transaction') return
    this.found = { sequence: entry.sequence, commitTime: Math.round(entry.commitTime / 1000) }
  }
}
