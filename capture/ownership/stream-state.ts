import {
  noExtensions,
  type Commits,
  type CommitStreamRecord,
  type Extensions,
  type Known,
  type StateEntry,
  type TransactionEntry
} from '@tidemark/schemas/commit-stream.ts'
import { namedEpoch } from '@tidemark/schemas/named-epoch.ts'
import type { PositionBytes } from '@tidemark/schemas/position.ts'
import { EpochFold } from '@tidemark/schemas/stream-fold.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { CommitStreamLog, PlacedRecord } from './commit-stream-log.ts'

/** Whether present rows are still to be copied: `wanted` by genesis, `running` in an unfinished copy. */
export type RefreshState = 'none' | 'wanted' | 'running'

/** Name of the extension that genesis and State entries carry while the first copy is wanted or running. */
export const refreshExtension = 'refresh'

/** What a commit stream says of its subscription, up to `end`. */
export interface StreamState {
  stream: number
  system: string
  /** null while nobody has claimed. */
  timeline: number | null
  agent: string | null
  /** Running maximum of claim epochs; 0 before the first claim. */
  epoch: number
  /** Offset of the claim that made `epoch` current. */
  claim: number
  sequence: number
  /** The epoch under which `sequence` was named; null: not known. */
  named: number | null
  /** All transactions at or before it have been named. */
  position: PositionBytes
  refresh: RefreshState
  /** Extensions of the current claim, of genesis before the first. */
  claimed: Extensions
  /** Offset up to which the stream was read. */
  end: number
  /** The latest of the records read, ms. */
  timestamp: number
}

/** The fold of section 5.5: the last entry of the last valid Commits, and the current epoch. Pure. */
export class StateFold {
  private readonly epochs: EpochFold
  claim: number
  last: Pick<StreamState, 'sequence' | 'named' | 'position' | 'refresh'> | null = null
  timestamp = 0

  constructor(known: Known) {
    this.epochs = new EpochFold(known)
    this.claim = known.claim
  }

  get epoch(): number {
    return this.epochs.epoch
  }

  visit({ offset, timestamp, record }: PlacedRecord): void {
    this.timestamp = Math.max(this.timestamp, timestamp)
    if (record.type === 'claim' && this.epochs.claim(record)) this.claim = offset
    if (record.type === 'commits' && this.epochs.commits(record.epoch) === 'valid') this.state(record)
  }

  private state({ epoch, entries }: Commits): void {
    for (const entry of entries) {
      if (entry.type !== 'transaction' && entry.type !== 'state') continue
      const running = entry.type === 'transaction' ? entry.kind === 'refresh' : entry.extensions.has(refreshExtension)
      const { sequence, position } = entry
      this.last = { sequence, named: this.namedBy(entry, epoch), position, refresh: running ? 'running' : 'none' }
    }
  }

  private namedBy(entry: TransactionEntry | StateEntry, epoch: number): number | null {
    if (entry.type === 'transaction') return epoch
    const inherited = this.last?.sequence === entry.sequence ? this.last.named : null
    return namedEpoch(entry.extensions) ?? inherited
  }
}

/**
 * Reads the state at the end of the commit stream without reading all of it: back along `known`, then forward.
 * Throws STREAM_EMPTY, STREAM_TRIMMED when its beginning is removed meanwhile, STREAM_TRUNCATED, CLAIM_MISSING, COMMIT_STREAM_INVALID.
 */
export async function readStreamState(log: CommitStreamLog): Promise<StreamState> {
  const { start, end } = await log.bounds()
  if (start === end)
    throw new TidemarkError('STREAM_EMPTY', { message: 'the commit stream is empty', place: log.topic })
  const first = await log.at(start)
  const identity = identityOf(first.record, log.topic)
  let from = (await log.at(end - 1)).record.known
  for (;;) {
    const begin = Math.max(start, from.offset)
    const fold = new StateFold(from)
    let earlier: Known | undefined
    await log.scan(begin, end, placed => {
      earlier ??= placed.record.known
      fold.visit(placed)
    })
    if (fold.last || begin === start) return stateOf(log, identity, first, fold, end)
    from = earlier && earlier.offset < begin ? earlier : { offset: start, epoch: 0, claim: 0 }
  }
}

/** The state after `records` read from `state.end` up to `end`. */
export function advanceState(state: StreamState, records: readonly PlacedRecord[], end: number): StreamState {
  const fold = new StateFold({ offset: state.end, epoch: state.epoch, claim: state.claim })
  fold.timestamp = state.timestamp
  for (const placed of records) fold.visit(placed)
  return { ...state, ...fold.last, epoch: fold.epoch, claim: fold.claim, timestamp: fold.timestamp, end }
}

function identityOf(record: CommitStreamRecord, topic: string): { stream: number; system: string } {
  if (record.type === 'genesis' || record.type === 'claim') return record
  throw new TidemarkError('STREAM_TRUNCATED', {
    message: 'the commit stream begins with neither genesis nor a claim',
    place: topic
  })
}

async function stateOf(
  log: CommitStreamLog,
  identity: { stream: number; system: string },
  first: PlacedRecord,
  fold: StateFold,
  end: number
): Promise<StreamState> {
  const last = fold.last ?? genesisState(first.record, log.topic)
  const owner = fold.epoch === 0 ? null : (await log.at(fold.claim)).record
  if (owner && (owner.type !== 'claim' || owner.epoch !== fold.epoch)) {
    throw new TidemarkError('CLAIM_MISSING', {
      message: `the claim of epoch ${fold.epoch} is not at offset ${fold.claim}`,
      place: log.topic
    })
  }
  return {
    stream: identity.stream,
    system: owner?.type === 'claim' ? owner.system : identity.system,
    timeline: owner?.type === 'claim' ? owner.timeline : null,
    agent: owner?.type === 'claim' ? owner.agent : null,
    epoch: fold.epoch,
    claim: fold.claim,
    ...last,
    claimed: owner?.extensions ?? (first.record.type === 'genesis' ? first.record.extensions : noExtensions),
    end,
    timestamp: fold.timestamp
  }
}

function genesisState(record: CommitStreamRecord, topic: string): NonNullable<StateFold['last']> {
  if (record.type !== 'genesis') {
    throw new TidemarkError('STREAM_TRUNCATED', {
      message: 'the commit stream holds no valid state and no genesis',
      place: topic
    })
  }
  const refresh = record.extensions.has(refreshExtension) ? 'wanted' : 'none'
  return { sequence: 0, named: 0, position: record.position, refresh }
}
