import type { Bookmark } from '@tidemark/schemas/bookmark.ts'
import { batchesOf, judgeBatches } from './batch-oracle.ts'
import { timesFall, validEntries, type ValidEntry } from './committed.ts'
import type { PartitionLog } from './partition-log.ts'
import type { HandedOver, ReaderProcess } from './reader-process.ts'
import type { Outcome } from './schedule.ts'
import { judgeSinks } from './sink-oracle.ts'
import type { SourceRecord, SourceTransaction } from './source-database.ts'
import type { World } from './world.ts'

/** What must never be: each kind of failure once, with what identifies it. */
export type Failures = ReadonlySet<string>

/** Compares what came out of a schedule with what the source committed. */
export function judge(outcome: Outcome): Failures {
  const { world } = outcome
  const valid = validEntries(world)
  const failures = new Set<string>()
  if (world.configuration.unit === 'batch') batches.set(world, batchesOf(world, valid))
  judgeAgents(outcome, failures)
  if (!mayLose(outcome)) judgeEntries(world, valid, failures)
  judgeCut(valid, failures)
  judgeTimes(world, failures)
  judgeTable(world, outcome.readers, failures)
  judgeSinks(outcome, valid, failures)
  judgeAgreement(outcome.readers, failures)
  for (const reader of outcome.readers) judgeReader(world, reader, valid, failures)
  return failures
}

/** Of worlds in which the source makes transactions of messages. */
const batches = new WeakMap<World, SourceTransaction[]>()

function transactionsOf(world: World): readonly SourceTransaction[] {
  return batches.get(world) ?? world.subscriptions[0]!.database.transactions
}

/** Source transactions that have anything to be named. */
export function namedTransactions(world: World): SourceTransaction[] {
  return transactionsOf(world).filter(
    ({ operations, annotated, movedAway }) =>
      movedAway === 0 && (annotated || operations.some(records => records.length > 0))
  )
}

function judgeAgents({ world, agents }: Outcome, failures: Set<string>): void {
  for (const { isMisconfigured, stopped, label } of agents) {
    if (stopped === null) continue
    if (isMisconfigured ? stopped.code === 'OTHER_SYSTEM' : mayRefuse(world, stopped.code)) continue
    failures.add(`REFUSAL of a healthy agent: ${stopped.code}`)
    world.trace?.push(`agent ${label} stopped: ${stopped.stack}`)
  }
}

/** Nobody is left to deliver, and has said why. */
function mayLose({ world, agents }: Outcome): boolean {
  return world.commitStreamTruncated || (world.truncated && agents.every(({ stopped }) => stopped !== null))
}

/** A log that lost what was acknowledged stops its writer by name. */
function mayRefuse(world: World, code: string): boolean {
  return world.commitStreamTruncated || (world.truncated && code === 'TOPIC_RECREATED')
}

function judgeEntries(world: World, valid: readonly ValidEntry[], failures: Set<string>): void {
  const named = valid.map(({ entry }) => entry.sourceId)
  judgeSetAside(world, new Set([...named, ...batchedMessages(world)]), failures)
  if (batches.has(world)) judgeBatches(world, batches.get(world)!, failures)
  for (const { id } of namedTransactions(world)) {
    const times = named.filter(other => other === id).length
    if (times === 0) failures.add('LOSS: a committed source transaction is in no valid entry')
    if (times > 1) failures.add('DUPLICATE: two valid entries for one source transaction')
  }
  if (fallsInALane(world, named, 0)) failures.add('ORDER of valid entries')
}

/** Messages that are in a batch. */
function batchedMessages(world: World): string[] {
  return (batches.get(world) ?? []).flatMap(({ operations }) =>
    operations.flat().map(({ value }) => value.split('.')[0]!)
  )
}

/** A message that failed again and again is on the backout queue, its whole group with it, and nowhere else. */
function judgeSetAside(world: World, named: ReadonlySet<string>, failures: Set<string>): void {
  for (const { id, movedAway, operations, poisoned } of world.subscriptions[0]!.database.transactions) {
    if (movedAway > 0 && named.has(id)) failures.add('DUPLICATE: named, and on the backout queue')
    if (movedAway > 0 && movedAway !== operations.length) failures.add('TORN: part of a group is on the backout queue')
    if (poisoned && movedAway === 0) failures.add('HANG: a poison message is neither set aside nor waited for')
  }
}

/** Whether transactions of one queue, or of the one database, come out of order, or closer than `step`. */
function fallsInALane(world: World, ids: readonly string[], step: number): boolean {
  // Each once, all the same: a reader that is handed something twice has two entries of it.
  if (world.configuration.lateBackOut) return step > 0 && new Set(ids).size < ids.length
  const lanes = new Map(transactionsOf(world).map(({ id, lane }) => [id, lane]))
  const last = new Map<number, number>()
  return ids.some(id => {
    const number = numberOf(id)
    const lane = lanes.get(id) ?? 0
    const falls = number < (last.get(lane) ?? -step) + step
    last.set(lane, number)
    return falls
  })
}

function numberOf(id: string): number {
  return Number(/\d+$/.exec(id)![0])
}

/** Starting by time needs times that do not fall. */
function judgeTimes(world: World, failures: Set<string>): void {
  if (!world.truncated && timesFall(world)) failures.add('TIMES of valid records of the commit stream fall')
}

/** A sequence is one transaction, for every reader. */
function judgeAgreement(readers: readonly ReaderProcess[], failures: Set<string>): void {
  const bySequence = new Map<number, string>()
  for (const { sequence, sourceId } of readers.flatMap(({ handedOver }) => handedOver)) {
    const before = bySequence.get(sequence)
    if (before !== undefined && before !== sourceId) failures.add('READERS DISAGREE on a sequence')
    bySequence.set(sequence, sourceId)
  }
}

function judgeReader(world: World, reader: ReaderProcess, valid: readonly ValidEntry[], failures: Set<string>): void {
  const { kind, handedOver, error } = reader
  if (reader.startsAt !== null && !isNamed(reader.startsAt, valid)) return judgeVoidStart(world, reader, failures)
  for (const transaction of handedOver) judgeContent(world, reader, transaction, failures)
  const ids = handedOver.map(({ sourceId }) => sourceId)
  if (fallsInALane(world, ids, 1)) {
    failures.add(`DUPLICATE or reordered hand-over (${kind})`)
  } else judgeSkips(world, reader, failures)
  if (error === null) judgeEnd(world, reader, valid, failures)
  else if (!mayFail(world) && !isOvertaken(world, reader, valid)) failures.add(`FALSE ERROR (${kind}): ${error.code}`)
}

/** What the reader was to read next has been trimmed away before it could, and it says so. */
function isOvertaken(world: World, reader: ReaderProcess, valid: readonly ValidEntry[]): boolean {
  if (reader.isMirrored) return world.mirrorOvertaken && reader.error?.code === 'SEQUENCE_GAP'
  if (reader.error?.code !== 'STREAM_TRIMMED') return false
  if (!reader.knowsItsPlace) return world.counters.trims > 0
  const { start } = commitsOf(world)
  const last = reader.handedOver.at(-1)
  // Who takes all there is left has nothing to complain of.
  if (last === undefined && reader.options.from === 'earliest') return false
  // What is streamed must be gone through once more to be known whole.
  const isDone = last?.finished === true && last.bookmarks.length === 0
  const done = last === undefined ? reader.startSequence : isDone ? last.sequence : last.sequence - 1
  return valid.some(({ entry, offset }) => entry.sequence > done && offset < start)
}

function commitsOf(world: World): PartitionLog {
  return world.cluster.find(world.subscriptions[0]!.commitStream, 0)!
}

function isNamed({ epoch, sequence }: Bookmark, valid: readonly ValidEntry[]): boolean {
  return sequence === 0 || valid.some(other => other.epoch === epoch && other.entry.sequence === sequence)
}

/** The bookmark is of a transaction that was written in vain: nothing may follow it but an error that says so. */
function judgeVoidStart(world: World, reader: ReaderProcess, failures: Set<string>): void {
  const { kind, handedOver, error, isMirrored, startsAt } = reader
  const isTrimmed = startsAt!.offset < world.cluster.find(world.subscriptions[0]!.commitStream, 0)!.start
  // An entry may have been there, and have been lost with the end of its stream.
  const lostSince = world.commitStreamTruncated && error !== null
  if (handedOver.length > 0 && !lostSince) failures.add(`VOID BOOKMARK silently taken (${kind})`)
  // Where its place is not to be looked at, what follows tells.
  const expected = ['BOOKMARK_VOID', ...(isMirrored || isTrimmed ? ['SEQUENCE_GAP', 'STREAM_TRIMMED'] : [])]
  if (!mayFail(world) && !expected.includes(error?.code ?? ''))
    failures.add(`VOID BOOKMARK not told (${kind}): ${error?.code}`)
}

function mayFail(world: World): boolean {
  return world.lossy || (world.compacted && !world.configuration.allowIncomplete)
}

function judgeContent(world: World, reader: ReaderProcess, transaction: HandedOver, failures: Set<string>): void {
  const source = transactionsOf(world).find(({ id }) => id === transaction.sourceId)
  const expected = source === undefined ? [] : valuesOf(reader, source)
  const { values, finished } = transaction
  // Told to be incomplete, or broken off by an error that names what is missing.
  const partial = transaction.incomplete || (!finished && reader.error !== null && mayFail(world))
  const whole = finished ? values.length === expected.length : values.length <= expected.length
  if (whole && values.every((value, index) => value === expected[index])) return
  if (partial && values.every(value => expected.includes(value))) return
  failures.add(`WRONG CONTENT silently handed over (${reader.kind})`)
}

/** The values a reader of that reader's topics gets of the transaction. */
export function valuesOf(reader: ReaderProcess, { operations }: SourceTransaction): string[] {
  const { topics } = reader
  return operations
    .flat()
    .filter(({ topic }) => topics === null || topics.includes(topic))
    .map(({ value }) => value)
}

/** Transactions the reader hands over: those with a record it wants, and for a reader of all those with an annotation. */
function wantedOf(world: World, reader: ReaderProcess): string[] {
  return namedTransactions(world)
    .filter(transaction => reader.topics === null || valuesOf(reader, transaction).length > 0)
    .map(({ id }) => id)
}

function judgeSkips(world: World, reader: ReaderProcess, failures: Set<string>): void {
  const { handedOver, kind } = reader
  if (handedOver.length === 0) return
  const skips = lanesOf(world).some(lane => {
    if (world.configuration.lateBackOut) return false
    const wanted = wantedOf(world, reader).filter(id => lane.has(id))
    const handed = handedOver.filter(({ sourceId }) => lane.has(sourceId))
    const first = wanted.indexOf(handed[0]?.sourceId ?? '')
    return handed.some(({ sourceId }, index) => wanted[first + index] !== sourceId)
  })
  if (skips && handedOver.every(({ gaps }) => gaps === 0))
    failures.add(`SILENT SKIP inside a reader's output (${kind})`)
}

/** Transactions by queue; a database has one lane. */
function lanesOf(world: World): Set<string>[] {
  const lanes: Set<string>[] = []
  for (const { id, lane } of transactionsOf(world)) (lanes[lane] ??= new Set()).add(id)
  return lanes.filter(lane => lane !== undefined)
}

/** Without an error a reader has begun where it should, and come to the end. */
function judgeEnd(world: World, reader: ReaderProcess, valid: readonly ValidEntry[], failures: Set<string>): void {
  const wanted = new Set(wantedOf(world, reader))
  const expected = valid.filter(
    ({ entry, offset }) =>
      wanted.has(entry.sourceId) && offset >= reader.startOffset && entry.sequence > reader.startSequence
  )
  const last = expected.at(-1)
  // Nothing complete is left of what topics have lost: told with the first transaction that is.
  if (last === undefined || (reader.handedOver.length === 0 && mayFail(world))) return
  // What was trimmed is told with the first transaction that is left, and none is.
  const isTrimmed = reader.isMirrored ? world.mirrorOvertaken : last.offset < commitsOf(world).start
  if (isTrimmed && reader.handedOver.length === 0 && reader.options.from === 'earliest') return
  const reached = reader.handedOver.at(-1)?.sequence ?? 0
  if (reached < last.entry.sequence) failures.add(`HANG or silent skip, no error (${reader.kind})`)
  const first = reader.handedOver[0]
  if (mayFail(world) || first === undefined || first.sequence === expected[0]!.entry.sequence) return
  // From the earliest there is left: what was trimmed is told of.
  if (world.counters.trims > 0 && first.gaps > 0) return
  failures.add(`SILENT SKIP at the start (${reader.kind})`)
}

/** With the log compacted, what was handed over last of every key must be what the source had last. */
function judgeTable(world: World, readers: readonly ReaderProcess[], failures: Set<string>): void {
  const reader = readers.find(({ kind }) => kind === 'after compaction')
  if (reader === undefined || reader.error !== null) return
  const records = new Map<string, SourceRecord>()
  const expected = new Map<string, string>()
  for (const record of world.subscriptions[0]!.database.transactions.flatMap(({ operations }) => operations.flat())) {
    records.set(record.value, record)
    expected.set(record.topic + record.key, record.value)
  }
  const found = new Map<string, string>()
  for (const value of reader.handedOver.flatMap(({ values }) => values)) {
    const { topic, key } = records.get(value)!
    found.set(topic + key, value)
  }
  for (const [key, value] of expected) {
    if (found.get(key) === value) continue
    failures.add(`COMPACTED TABLE: the final value of a key is ${found.has(key) ? 'stale' : 'gone'}`)
  }
}

/** After a cut, what was in flight may still land above the hole; whoever goes on after that writes where nobody can read. */
function judgeCut(valid: readonly ValidEntry[], failures: Set<string>): void {
  const appends = new Map<number, Set<number>>()
  for (let index = 1; index < valid.length; index++) {
    const [before, after] = [valid[index - 1]!, valid[index]!]
    const isHole = after.epoch === before.epoch && after.entry.sequence > before.entry.sequence + 1
    if (isHole) appends.set(after.epoch, new Set())
    appends.get(after.epoch)?.add(after.batch)
  }
  if ([...appends.values()].some(batches => batches.size > 1)) failures.add('GOES ON after its stream was cut')
}
