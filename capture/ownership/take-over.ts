import { noExtensions, type Claim, type Extensions } from '@tidemark/schemas/commit-stream.ts'
import type { BatchProducer } from './batch-producer.ts'
import type { PositionBytes } from '@tidemark/schemas/position.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { SourceConnection } from '../source.ts'
import { CommitStreamWriter, type CommitStreamLog, type PlacedRecord } from './commit-stream-log.ts'
import { OwnWrites } from './own-writes.ts'
import { refuse } from './refusal.ts'
import { advanceState, readStreamState, type StreamState } from './stream-state.ts'

export interface TakeOverOptions {
  subscription: string
  /** Name of this agent, for people. */
  agent: string
  log: CommitStreamLog
  source: Pick<SourceConnection, 'identity' | 'confirmed'>
  /** Raises the broker's fence: InitProducerId for the stream's transactional id, anew at every call. */
  openSession(stream: number, signal: AbortSignal): Promise<BatchProducer>
  /** Ends the session: retries stop, nothing more is sent. */
  signal: AbortSignal
  /** Milliseconds since the Unix epoch. */
  now(): number
  randomBytes(length: number): Uint8Array
  /** What the claim says besides, by the state before it; refuses by throwing. Default nothing. */
  extensions?: ((before: StreamState) => Promise<Extensions>) | undefined
  /** Whether an unfinished first copy may be taken over: only by the copy itself. */
  refreshing?: boolean
}

/** The right to write to a subscription, until someone claims a higher epoch. */
export interface Ownership {
  epoch: number
  /** Last state named in the stream before this owner. */
  state: StreamState
  session: BatchProducer
  writer: CommitStreamWriter
  own: OwnWrites
}

/** Seconds between the Unix epoch and 2020-01-01 UTC. */
const epochOrigin = 1_577_836_800

/**
 * Section 5 of the specification: check, fence, claim, read to the claim, check again. Throws STREAM_EMPTY, OTHER_SYSTEM,
 * OTHER_TIMELINE, SLOT_AHEAD, REFRESH_INCOMPLETE with nothing written, SUPERSEDED when the claim lost.
 */
export async function takeOver(options: TakeOverOptions): Promise<Ownership> {
  const { log, source } = options
  // The confirmed position is sampled before the state is read: sampled after, a healthy owner may look ahead of it.
  const sampled = await source.confirmed()
  const before = await readStreamState(log)
  refuse(before, source.identity, sampled, options.refreshing ?? false)

  const extensions = (await options.extensions?.(before)) ?? noExtensions
  const session = await options.openSession(before.stream, options.signal)
  return claimWith(options, before, sampled, session, extensions)
}

async function claimWith(
  options: TakeOverOptions,
  before: StreamState,
  sampled: PositionBytes | null,
  session: BatchProducer,
  extensions: Extensions
): Promise<Ownership> {
  const { log, source } = options
  const writer = new CommitStreamWriter(log.topic, options.subscription, session, before.timestamp)
  const claim = makeClaim(options, before, extensions)
  const offset = await writer.append([claim], options.now())
  const state = await readToClaim(log, before, claim, offset)
  writer.follow(state.timestamp)
  refuse(state, source.identity, sampled, options.refreshing ?? false)
  return { epoch: claim.epoch, state, session, writer, own: new OwnWrites(log, claim.epoch, offset) }
}

function makeClaim(options: TakeOverOptions, state: StreamState, extensions: Extensions): Claim {
  // The clock only avoids that an epoch is used again after the stream lost its end.
  const seconds = Math.floor(options.now() / 1000) - epochOrigin
  return {
    type: 'claim',
    stream: state.stream,
    epoch: Math.max(state.epoch + 1, seconds),
    nonce: options.randomBytes(16),
    agent: options.agent,
    system: options.source.identity.system,
    timeline: options.source.identity.timeline,
    sequence: state.sequence,
    position: state.position,
    known: { offset: state.end, epoch: state.epoch, claim: state.claim },
    extensions
  }
}

/** Reads on to the claim just written; it is valid iff it raised the current epoch. */
async function readToClaim(
  log: CommitStreamLog,
  before: StreamState,
  claim: Claim,
  offset: number
): Promise<StreamState> {
  if (offset < before.end) throw truncated(log.topic, before.end, offset)
  const between: PlacedRecord[] = []
  let own: PlacedRecord | undefined
  await log.scan(before.end, offset + 1, placed => {
    if (placed.offset === offset) own = placed
    else between.push(placed)
  })
  if (own?.record.type !== 'claim' || Buffer.compare(own.record.nonce, claim.nonce) !== 0) {
    throw truncated(log.topic, before.end, offset)
  }
  const state = advanceState(before, between, offset)
  if (claim.epoch > state.epoch) return state
  throw new TidemarkError('SUPERSEDED', {
    message: `another agent claimed epoch ${state.epoch} at the same time`,
    place: log.topic
  })
}

function truncated(topic: string, end: number, offset: number): TidemarkError {
  return new TidemarkError('STREAM_TRUNCATED', {
    message: `the stream had reached offset ${end}, the claim was stored at ${offset}`,
    place: topic
  })
}
