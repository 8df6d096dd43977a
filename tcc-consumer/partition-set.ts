import type { Commits, Part } from '@tidemark/schemas/commit-stream.ts'
import { isSubjectKeysTopic } from '@tidemark/schemas/subject-key.ts'
import { isTidemarkError, type TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { LogReader } from '@tidemark/kafka/log-reader.ts'
import type { EpochLedger } from './epoch-ledger.ts'
import { PartitionCursor } from './partition-cursor.ts'
import { PartReader, type DropCounts } from './part-reader.ts'
import type { Prefetch } from './prefetch.ts'

export interface PartitionSetOptions {
  reader: LogReader
  prefetch: Prefetch
  stream: number
  ledger: EpochLedger
  drops: DropCounts
  /** Null: all of them. */
  topics: ReadonlySet<string> | null
  /** Name at the broker by name in the commit stream. */
  topicNames: ReadonlyMap<string, string>
}

/** A partition, once opened, and what is known of it for an error that must name a cause. */
export interface OpenPart {
  reader: PartReader
  /** Where the commit stream said its first record is. */
  hint: number
  /** The topic or partition was not there when it was to be opened. */
  absent: TidemarkError | null
}

/** The partitions a reader moves through, opened when first named. */
export class PartitionSet {
  /** Every part of the Commits `of` was asked about last is wanted. */
  wantsAll = false
  private readonly options: PartitionSetOptions
  /** By topic, then by partition. */
  private readonly topics = new Map<string, OpenPart[]>()
  private commits: Commits | null = null
  private wanted: (PartReader | null)[] = []

  constructor(options: PartitionSetOptions) {
    this.options = options
  }

  /** By index of the Commits' parts; null where the topic is not wanted. The array is used again for the next Commits. */
  of(commits: Commits): readonly (PartReader | null)[] {
    if (this.commits === commits) return this.wanted
    this.commits = commits
    this.wanted = commits.parts.map(part => (this.wants(part) ? this.part(part).reader : null))
    this.wantsAll = !this.wanted.includes(null)
    return this.wanted
  }

  wants({ topic }: Part): boolean {
    // Keys are no rows, and may be destroyed: only who names their topic gets them.
    if (this.options.topics === null) return !isSubjectKeysTopic(topic)
    return this.options.topics.has(topic)
  }

  /** Parts of the Commits that are not open yet. */
  unopened(commits: Commits): Part[] {
    return commits.parts.filter(part => this.wants(part) && !this.part(part).reader.isOpen)
  }

  /** Opens them at the offsets the Commits gives, or at their log start when that offset cannot be. */
  async open(parts: readonly Part[], commits: Commits): Promise<void> {
    await Promise.all(parts.map(part => this.openOne(part, commits)))
  }

  openPart(reader: PartReader): OpenPart {
    const { topic, partition } = reader.cursor.name
    return this.topics.get(topic)![partition]!
  }

  get foreignRecords(): number {
    let foreign = 0
    for (const parts of this.topics.values()) parts.forEach(({ reader }) => (foreign += reader.cursor.foreign))
    return foreign
  }

  private part(part: Part): OpenPart {
    let parts = this.topics.get(part.topic)
    if (parts === undefined) this.topics.set(part.topic, (parts = []))
    let open = parts[part.partition]
    if (open === undefined) {
      const { stream, ledger, drops } = this.options
      const name = { topic: part.topic, partition: part.partition }
      const cursor = new PartitionCursor(name, this.readTopic(part.topic), stream)
      open = { reader: new PartReader(cursor, ledger, drops), hint: part.firstOffset, absent: null }
      parts[part.partition] = open
    }
    return open
  }

  private async openOne(part: Part, commits: Commits): Promise<void> {
    const open = this.part(part)
    const { cursor } = open.reader
    open.hint = part.firstOffset
    open.absent = null
    let bounds
    try {
      bounds = await this.options.reader.bounds(cursor.queue.topic, part.partition)
    } catch (error) {
      if (!isTidemarkError(error, 'TOPIC_MISSING')) throw error
      open.absent = error
      open.reader.isAbsent = true
      return
    }
    const hinted = bounds.start <= part.firstOffset && part.firstOffset < bounds.end
    cursor.openedByHint = hinted
    cursor.queue.logStart = bounds.start
    cursor.seek(hinted ? part.firstOffset : bounds.start)
    open.reader.named = hinted ? firstUse(part, commits) : null
    open.reader.isAbsent = false
    open.reader.isOpen = true
    this.options.prefetch.add(cursor.queue)
  }

  private readTopic(topic: string): string {
    return this.options.topicNames.get(topic) ?? topic
  }
}

/** The record that stands at `firstOffset`: of the first entry of the Commits that uses the part. */
function firstUse(part: Part, { parts, entries, epoch }: Commits): PartReader['named'] {
  const index = parts.indexOf(part)
  for (const entry of entries) {
    if (entry.type === 'transaction' && entry.counts.some(count => count.part === index)) {
      return { offset: part.firstOffset, epoch, sequence: entry.sequence }
    }
  }
  return null
}
