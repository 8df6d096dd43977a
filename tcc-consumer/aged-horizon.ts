import type { Commits, Part } from '@tidemark/schemas/commit-stream.ts'
import type { LogReader } from '@tidemark/kafka/log-reader.ts'
import { EpochFold } from '@tidemark/schemas/stream-fold.ts'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { CommitStreamLog } from './commit-stream-log.ts'
import { PartitionCursor } from './partition-cursor.ts'

export interface HorizonSearch {
  log: CommitStreamLog
  reader: LogReader
  stream: number
  /** Where the search begins in the commit stream, and the current epoch there. */
  offset: number
  epoch: number
  wants: (part: Part) => boolean
  readTopic: (topic: string) => string
  signal: AbortSignal
}

/** How far a partition is looked through for its first record of the stream. */
const lookedThroughBytesMax = 64 << 20
const fetchBytes = 1 << 20
const fetchWaitMs = 500

/**
 * A sequence below which some partition has lost records it once held. Topics age each at its own pace, so the first
 * complete transaction may be followed by incomplete ones: a reader from `earliest` begins here instead, and from its
 * first transaction on misses nothing. Reads the commit stream once to its end.
 */
export async function agedHorizon(search: HorizonSearch): Promise<number> {
  const { trimmed, uses } = await whatIsNamed(search)
  let horizon = trimmed + 1
  for (const use of uses.values()) horizon = Math.max(horizon, await firstKept(search, use))
  return horizon
}

interface Named {
  /** Up to it the stream was trimmed while the reader was about to read it: what it named is not known. */
  trimmed: number
  uses: Map<string, PartUse>
}

interface PartUse {
  /** As first named. */
  part: Part
  /** Of the last transaction that names it. */
  lastSequence: number
}

async function whatIsNamed(search: HorizonSearch): Promise<Named> {
  const epochs = new EpochFold(search)
  const named: Named = { trimmed: -1, uses: new Map() }
  let isTrimmed: boolean | null = null
  for await (const { offset, record } of search.log.rest(search.offset)) {
    isTrimmed ??= offset > search.offset
    if (record.type === 'claim') epochs.claim(record)
    if (record.type !== 'commits' || epochs.commits(record.epoch) === 'void') continue
    const [first] = record.entries
    if (isTrimmed && named.trimmed < 0 && first?.type === 'state') named.trimmed = first.sequence
    collectUses(record, search, named.uses)
  }
  return named
}

function collectUses({ parts, entries }: Commits, search: HorizonSearch, uses: Map<string, PartUse>): void {
  for (const entry of entries) {
    if (entry.type !== 'transaction') continue
    for (const count of entry.counts) {
      const part = parts[count.part]!
      const key = `${part.topic}/${part.partition}`
      if (search.wants(part)) uses.set(key, { part: uses.get(key)?.part ?? part, lastSequence: entry.sequence })
    }
  }
}

/** Sequence of the first record a shortened partition still has; 0 when the partition has all of its records. */
async function firstKept(search: HorizonSearch, { part, lastSequence }: PartUse): Promise<number> {
  const topic = search.readTopic(part.topic)
  try {
    const { start } = await search.reader.bounds(topic, part.partition)
    if (start <= part.firstOffset) return 0
    const cursor = new PartitionCursor(part, topic, search.stream)
    return (await firstSequence(search, cursor, start)) ?? lastSequence + 1
  } catch (error) {
    if (isTidemarkError(error, 'TOPIC_MISSING')) return lastSequence + 1
    throw error
  }
}

async function firstSequence(search: HorizonSearch, cursor: PartitionCursor, start: number): Promise<number | null> {
  const { queue } = cursor
  cursor.seek(start)
  for (let bytes = 0, issue = 1; !(issue > 1 && queue.isAtEnd) && bytes < lookedThroughBytesMax; issue++) {
    const { topic, partition, fetchOffset: offset, generation } = queue
    const [answer] = await search.reader.fetch(
      [{ topic, partition, offset, bytesMax: fetchBytes }],
      fetchWaitMs,
      search.signal
    )
    search.signal.throwIfAborted()
    if (answer === undefined) continue
    if (answer.outOfRange) return null
    queue.accept(answer, issue, generation, true)
    if (cursor.advance()) return cursor.header.sequence
    bytes += answer.batches.length
  }
  return null
}
