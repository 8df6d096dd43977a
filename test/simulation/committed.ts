import type { RecordReader } from '@tidemark/kafka/record-batch/record-reader.ts'
import { decodeCommitStreamRecord } from '@tidemark/schemas/commit-stream-codec.ts'
import type { CommitStreamRecord, TransactionEntry } from '@tidemark/schemas/commit-stream.ts'
import { idOf } from './record-text.ts'
import type { World } from './world.ts'

/** A transaction that the commit stream validly names, as one sees who sees everything. */
export interface ValidEntry {
  epoch: number
  offset: number
  /** Base offset of the batch its Commits came in. */
  batch: number
  entry: TransactionEntry
}

/** Reads the first subscription's commit stream by the rules of validity, written here once more on purpose. */
export function validEntries(world: World): ValidEntry[] {
  const valid: ValidEntry[] = []
  visitValid(world, (record, reader) => {
    if (record.type !== 'commits') return
    const { offset, batch } = reader
    for (const entry of record.entries) {
      if (entry.type !== 'transaction') continue
      const named = { ...entry, sourceId: idOf(entry.sourceId) }
      valid.push({ epoch: record.epoch, offset, batch: batch.baseOffset, entry: named })
    }
  })
  return valid.filter(isFirst)
}

/** A broker that has forgotten a producer stores a batch sent again once more: readers drop the repetition. */
function isFirst({ epoch, entry }: ValidEntry, index: number, all: readonly ValidEntry[]): boolean {
  return all.findIndex(other => other.epoch === epoch && other.entry.sequence === entry.sequence) === index
}

/** Whether a valid Commits has a lower timestamp than a valid one before it. A claim may, when rivals claim at once. */
export function timesFall(world: World): boolean {
  let last = 0
  let fall = false
  visitValid(world, ({ type }, { timestamp }) => {
    if (type !== 'commits') return
    fall ||= timestamp < last
    last = timestamp
  })
  return fall
}

function visitValid(world: World, see: (record: CommitStreamRecord, reader: RecordReader) => void): void {
  const log = world.cluster.find(world.subscriptions[0]!.commitStream, 0)!
  let current = 0
  log.visitAll(reader => {
    const record = decodeCommitStreamRecord(reader.value!)
    if (record.type === 'claim') {
      if (record.epoch <= current) return
      current = record.epoch
    }
    if (record.type === 'commits' && record.epoch !== current) world.counters.voidCommits++
    else see(record, reader)
  })
}
