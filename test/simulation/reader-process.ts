import { parseBookmark, type Bookmark } from '@tidemark/schemas/bookmark.ts'
import { isTidemarkError, TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { CommitStreamLog } from '@tidemark/tcc-consumer/commit-stream-log.ts'
import { awaitStart } from '@tidemark/tcc-consumer/open-stream.ts'
import type { From } from '@tidemark/tcc-consumer/start-rules.ts'
import { TransactionReader } from '@tidemark/tcc-consumer/transaction-reader.ts'
import type { Cluster } from './cluster.ts'
import { Host } from './host.ts'
import { SimulatedLogReader } from './read-port.ts'
import { idOf } from './record-text.ts'
import { placeKey, type World } from './world.ts'

/** A transaction as a reader's user got it. */
export interface HandedOver {
  sequence: number
  epoch: number
  sourceId: string
  values: string[]
  /** Anything of it was handed over, or there is nothing. */
  begun: boolean
  finished: boolean
  incomplete: boolean
  /** Gaps told of before it. */
  gaps: number
  /** The place after it, and the places after each of its records. */
  bookmark: string
  bookmarks: string[]
}

export interface ReaderOptions {
  kind: string
  cluster: Cluster
  from: 'earliest' | 'latest' | { bookmark: string } | { offset: number } | { timeMs: number }
  topics?: readonly string[]
  /** Now and then it crashes, and starts again at any bookmark it was handed. */
  restarting?: boolean
  /** Larger transactions are read record by record. */
  wholeUpToBytes?: number
}

type ConsumedTransaction = NonNullable<ReturnType<TransactionReader['take']>>

const defaults = { bufferBytes: 1_000_000, fetchWaitMs: 500, missingAfterMs: 500, lateAfterMs: 1e15 }

/** A reader of the first subscription's transactions, with the user who keeps what it hands over. */
export class ReaderProcess {
  readonly options: ReaderOptions
  handedOver: HandedOver[] = []
  error: TidemarkError | null = null
  /** Stalled until this step of the scheduler. */
  sleepUntil = 0
  /** Where in the commit stream it began; later ones of its lives do not count. */
  startOffset = 0
  private readonly world: World
  private host: Host
  private lives = 0

  constructor(world: World, options: ReaderOptions) {
    this.world = world
    this.options = options
    this.host = this.start(options.from)
  }

  get kind(): string {
    return this.options.kind
  }

  get topics(): readonly string[] | null {
    return this.options.topics ?? null
  }

  /** Up to this sequence everything was handed over before it began, by another reader. */
  get startSequence(): number {
    const bookmark = this.startsAt
    if (bookmark === null) return 0
    return bookmark.record > 0 ? bookmark.sequence - 1 : bookmark.sequence
  }

  /** The bookmark its first life begins at; null for another start. */
  get startsAt(): Bookmark | null {
    const { from } = this.options
    return isBookmark(from) ? parseBookmark(from.bookmark) : null
  }

  /** From a bookmark, or from everything there is: not merely from where the stream was at some time. */
  get knowsItsPlace(): boolean {
    const { from } = this.options
    return from === 'earliest' || isBookmark(from)
  }

  step(): void {
    this.host.step()
  }

  /** Whoever restarts may crash at any moment. */
  chanceOfCrash(): void {
    if (this.options.restarting && this.world.chance.happens(0.05)) this.restartAnywhere()
  }

  stepInOrder(): boolean {
    return this.host.stepInOrder()
  }

  /** Breaks everything off: nothing happens to it any more. */
  end(): void {
    this.host.crash()
  }

  private start(from: ReaderOptions['from']): Host {
    const host = new Host(this.world, `reader ${this.options.kind}${++this.lives}`)
    // A mirror may be late without end.
    host.hasLimits = !this.isMirrored
    this.live(host, from).catch((error: unknown) => this.failed(host, error))
    return host
  }

  private failed(host: Host, error: unknown): void {
    if (!host.alive) return
    host.crash()
    if (isTidemarkError(error, 'KAFKA_UNREACHABLE')) {
      this.restartAtEnd()
      return
    }
    const stack = error instanceof Error ? error.stack : String(error)
    this.error = isTidemarkError(error) ? error : new TidemarkError('INTERNAL', { message: stack ?? '', cause: error })
    this.world.note(() => `${host.name} fails: ${stack}`)
  }

  /** After its last bookmark. */
  private restartAtEnd(): void {
    if (this.handedOver.at(-1)?.begun === false) this.handedOver.pop()
    const last = this.handedOver.at(-1)
    if (last !== undefined) this.restartAfter(this.handedOver.length - 1, last.values.length)
    else this.host = this.start(this.options.from)
  }

  private restartAnywhere(): void {
    const { chance } = this.world
    const begun = this.handedOver.filter(({ begun }) => begun).length
    if (this.error !== null || begun === 0) return
    this.host.crash()
    const index = chance.below(begun)
    const { values, bookmarks } = this.handedOver[index]!
    const inside = bookmarks.length > 0 && chance.happens(0.3)
    this.restartAfter(index, inside ? 1 + chance.below(bookmarks.length) : values.length)
  }

  /** Forgets what was handed over after `records` records of the transaction at `index`, and reads on from there. */
  private restartAfter(index: number, records: number): void {
    this.handedOver.length = index + 1
    const last = this.handedOver[index]!
    const inside = last.bookmarks.length > 0
    last.finished = last.finished && records === last.values.length
    last.values.length = records
    if (inside) last.bookmarks.length = records
    const bookmark = inside ? last.bookmarks[records - 1]! : this.bookmarkOf(last)
    this.world.counters.restarts++
    this.world.note(() => `reader ${this.kind} starts again at ${JSON.stringify(parseBookmark(bookmark))}`)
    this.host = this.start({ bookmark })
  }

  /** Its own, or one that was made while the transaction was written. */
  private bookmarkOf({ epoch, sequence, bookmark }: HandedOver): string {
    const { chance, early } = this.world
    return chance.happens(0.5) ? chance.of(early.get(placeKey(epoch, sequence)) ?? [bookmark]) : bookmark
  }

  private async live(host: Host, from: ReaderOptions['from']): Promise<void> {
    const { cluster, topics } = this.options
    const { signal } = new AbortController()
    const logReader = new SimulatedLogReader(host, cluster, 0.003)
    const log = new CommitStreamLog(logReader, this.world.subscriptions[0]!.commitStream, signal)
    await notEmpty(host, log)
    const settings = { clock: host.clock, mirrored: this.isMirrored }
    const start = await awaitStart(log, settings, fromOf(from), Number.MAX_SAFE_INTEGER, signal)
    if (from !== 'earliest' && !isBookmark(from)) this.startOffset = start.offset
    this.world.note(
      () => `${host.name} begins at offset ${start.offset}, epoch ${start.known.epoch}, sequence ${start.sequence}`
    )
    const reader = new TransactionReader(
      {
        ...defaults,
        reader: logReader,
        commitStream: log.topic,
        topics: topics === undefined ? null : new Set(topics),
        topicNames: new Map(),
        mirrored: this.isMirrored,
        wholeUpToBytes: this.options.wholeUpToBytes ?? 1_000_000,
        allowIncomplete: this.world.configuration.allowIncomplete,
        clock: host.clock,
        onGap: gap =>
          this.world.note(() => `${host.name} passes over ${gap.kind} ${gap.firstSequence}..${gap.lastSequence}`)
      },
      start,
      log,
      signal
    )
    for (;;) await this.takeOne(host, reader)
  }

  get isMirrored(): boolean {
    return this.options.cluster !== this.world.cluster
  }

  private async takeOne(host: Host, reader: TransactionReader): Promise<void> {
    const transaction = reader.take()
    if (transaction === null) return reader.more()
    const taken = this.open(transaction)
    if (!transaction.isLarge) {
      for (const record of transaction.records) taken.values.push(record.value!.toString())
    } else {
      // The user takes its time between records as well.
      for await (const record of transaction.stream()) {
        if (this.world.chance.happens(0.3)) await host.ask(() => {})
        taken.begun = true
        taken.values.push(record.value!.toString())
        taken.bookmarks.push(transaction.bookmarkAfter(record))
      }
    }
    taken.begun = true
    taken.finished = true
    taken.incomplete = transaction.incomplete
    this.world.counters.handedOver++
    this.world.note(() => `${host.name} has s${taken.sequence} ${taken.sourceId} [${taken.values}]`)
    await host.ask(() => {})
  }

  /** The entry of the user's books: of a transaction that was broken off, the one begun. */
  private open(transaction: ConsumedTransaction): HandedOver {
    const { sequence, epoch, sourceId, bookmark, gapsBefore, firstRecord } = transaction
    const last = this.handedOver.at(-1)
    if (firstRecord > 0 && last?.sequence === sequence) return last
    const gaps = gapsBefore.length
    const taken: HandedOver = {
      sequence,
      epoch,
      sourceId: idOf(sourceId),
      values: [],
      begun: false,
      finished: false,
      incomplete: false,
      gaps,
      bookmark,
      bookmarks: []
    }
    this.handedOver.push(taken)
    return taken
  }
}

function fromOf(from: ReaderOptions['from']): From {
  if (typeof from === 'string') return { type: from }
  if ('bookmark' in from) return { type: 'bookmark', bookmark: parseBookmark(from.bookmark) }
  return 'offset' in from ? { type: 'offset', offset: from.offset } : { type: 'time', timeMs: from.timeMs }
}

function isBookmark(from: ReaderOptions['from']): from is { bookmark: string } {
  return typeof from === 'object' && 'bookmark' in from
}

async function notEmpty(host: Host, log: CommitStreamLog): Promise<void> {
  for (;;) {
    const { start, end } = await log.bounds()
    if (end > start) return
    await host.delay(100)
  }
}
