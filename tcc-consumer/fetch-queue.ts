import type { FetchedPartition } from '@tidemark/kafka/log-reader.ts'
import { nextFetchOffset } from '@tidemark/kafka/record-batch/batch-reader.ts'
import { BATCH_LENGTH, LEADER_EPOCH, LENGTH_COUNTS_FROM } from '@tidemark/kafka/record-batch/layout.ts'

/** A slice this many times smaller than the response it is cut from is copied, so that it does not keep all of it. */
const PINNED_RATIO_MAX = 4

export interface FetchedChunk {
  /** Whole record batches. */
  bytes: Buffer
  /** Records below are not asked for: a broker answers with whole batches. */
  from: number
}

/** What was fetched of one partition and not yet read, and where the next fetch goes. */
export class FetchQueue {
  /** The name at the broker, which a mirror may have changed. */
  readonly topic: string
  readonly partition: number
  /** Where the next fetch begins. */
  fetchOffset = 0
  /** Bytes fetched whose reading is not finished. */
  heldBytes = 0
  /** Bytes fetched since `seek`. */
  fetchedBytes = 0
  /** Size of the largest batch fetched. */
  batchBytesMax = 0
  /** As of the last answer; -1 before the first. */
  highWatermark = -1
  logStart = 0
  /** Number of the newest fetch that answered for the present place; 0 when none did. */
  answered = 0
  /** The last answer said that `fetchOffset` is not in the partition. */
  outOfRange = false
  /** The leader's log parts here from what was fetched: records acknowledged before are lost. -1 when it does not. */
  divergesAt = -1
  /** Of the last batch fetched; -1 when none was since `seek`. */
  leaderEpoch = -1
  /** Rises with every `seek`: an answer to an older request is of another place. */
  generation = 0
  /**
   * The last answer was empty below the end: the broker's limits left nothing for this partition, or the records up to
   * the end are gone by compaction. Only a fetch of this partition alone tells.
   */
  isDoubtful = false
  /** Nothing stands between `fetchOffset` and here. */
  private emptyUpTo = 0
  private chunks: FetchedChunk[] = []
  private reading = 0

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
  }

  get isEmpty(): boolean {
    return this.chunks.length === 0
  }

  /** Fetching on is of no use before the reader has decided where to go on. */
  get isStopped(): boolean {
    return this.outOfRange || this.divergesAt >= 0
  }

  /** Everything there was at fetch number `since` or later has been fetched; what is fetched may still be unread. */
  fetchedToEnd(since: number): boolean {
    return this.answered > since && !this.isStopped && this.isAtEnd
  }

  /** As of the last answer. */
  get isAtEnd(): boolean {
    return Math.max(this.fetchOffset, this.emptyUpTo) >= this.highWatermark
  }

  /** Takes in an answer to fetch number `issue`, sent at generation `generation`, `alone` or with other partitions. */
  accept(answer: FetchedPartition, issue: number, generation: number, alone: boolean): void {
    if (generation !== this.generation) return
    this.highWatermark = answer.highWatermark
    this.logStart = answer.logStart
    this.outOfRange = answer.outOfRange
    this.divergesAt = answer.divergesAt ?? -1
    this.answered = issue
    const next = nextFetchOffset(answer.batches, this.fetchOffset)
    if (next > this.fetchOffset) this.push(answer.batches, next)
    else if (alone) this.emptyUpTo = answer.highWatermark
    this.isDoubtful = !this.isStopped && answer.batches.length === 0 && !this.isAtEnd
  }

  /** The next bytes to read; what was taken before is finished with. Null when nothing is there. */
  take(): FetchedChunk | null {
    this.heldBytes -= this.reading
    const chunk = this.chunks.shift() ?? null
    this.reading = chunk === null ? 0 : chunk.bytes.length
    return chunk
  }

  /** Forgets what was fetched; the next fetch begins at `offset`. */
  seek(offset: number): void {
    this.fetchOffset = offset
    this.heldBytes = 0
    this.fetchedBytes = 0
    this.answered = 0
    this.outOfRange = false
    this.divergesAt = -1
    this.leaderEpoch = -1
    this.emptyUpTo = 0
    this.isDoubtful = false
    this.generation++
    this.chunks = []
    this.reading = 0
  }

  private push(batches: Buffer, next: number): void {
    const bytes = batches.length * PINNED_RATIO_MAX < batches.buffer.byteLength ? copyOf(batches) : batches
    this.chunks.push({ bytes, from: this.fetchOffset })
    this.heldBytes += bytes.length
    this.fetchedBytes += bytes.length
    this.fetchOffset = next
    this.noteBatches(batches)
    this.emptyUpTo = 0
  }

  private noteBatches(batches: Buffer): void {
    let last = 0
    let end = 0
    for (let at = 0; at + LENGTH_COUNTS_FROM < batches.length; at = end) {
      end = at + LENGTH_COUNTS_FROM + batches.readInt32BE(at + BATCH_LENGTH)
      if (end > batches.length) break
      last = at
      this.batchBytesMax = Math.max(this.batchBytesMax, end - at)
    }
    this.leaderEpoch = batches.readInt32BE(last + LEADER_EPOCH)
  }
}

function copyOf(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  bytes.copy(copy)
  return copy
}
