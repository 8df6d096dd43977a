import { decodeCommitStreamRecord } from '@tidemark/schemas/commit-stream-codec.ts'
import type { CommitStreamRecord, TransactionEntry } from '@tidemark/schemas/commit-stream.ts'
import type { PartitionLog } from './partition-log.ts'
import type { World } from './world.ts'

/** A transaction that the commit stream validly names, as one sees who sees everything. */
export interface ValidEntry {
  epoch: number
  offset: number
  entry: TransactionEntry
}

/** Reads the first subscription's commit stream by the rules of validity, written here once more on purpose. */
export function validEntries(world: World): ValidEntry[] {
  const log = world.cluster.find(world.subscriptions[0]!.commitStream, 0)!
  const valid: ValidEntry[] = []
  let current = 0
  visitCommits(log, (record, offset) => {
    if (record.type === 'claim') current = Math.max(current, record.epoch)
    if (record.type !== 'commits') return
    if (record.epoch !== current) {
      world.counters.voidCommits++
      return
    }
    for (const entry of record.entries) {
      if (entry.type === 'transaction') valid.push({ epoch: current, offset, entry })
    }
  })
  return valid.filter(isFirst)
}

/** A broker that has forgotten a producer stores a batch sent again once more: readers drop the repetition. */
function isFirst({ epoch, entry }: ValidEntry, index: number, all: readonly ValidEntry[]): boolean {
  return all.findIndex(other => other.epoch === epoch && other.entry.sequence === entry.sequence) === index
}

function visitCommits(log: PartitionLog, see: (record: CommitStreamRecord, offset: number) => void): void {
  log.visit(record => see(decodeCommitStreamRecord(record.value!), record.offset))
}
