import type { LogReader } from '@tidemark/kafka/log-reader.ts'
import { lsnToBytes } from '@tidemark/schemas/position.ts'
import type { AgentOptions } from '../agent.ts'
import { CommitStreamLog } from '../ownership/commit-stream-log.ts'
import type { StreamState } from '../ownership/stream-state.ts'
import { takeOver, type Ownership } from '../ownership/take-over.ts'
import { SnapshotCopy } from '../postgres/snapshot-copy.ts'
import type { CreatedSlot } from '../postgres/slot.ts'
import type { SessionOptions } from '../postgres/session.ts'
import type { SourceIdentity } from '../source.ts'
import { systemSourceClock } from '../system-surroundings.ts'
import { Tenure } from '../tenure.ts'
import { RefreshReceiver } from './refresh-receiver.ts'

export interface FirstCopyOptions {
  /** As the agent of this subscription has them. */
  agent: Pick<
    AgentOptions,
    | 'subscription'
    | 'agent'
    | 'commitStream'
    | 'openSession'
    | 'topics'
    | 'processorFor'
    | 'surroundings'
    | 'budgetBytes'
    | 'batchBytesMax'
    | 'onReached'
    | 'lookups'
  >
  reader: LogReader
  session: SessionOptions
  publication: string
  /** Its snapshot must not have been released. */
  slot: CreatedSlot
  identity: SourceIdentity
  /** Which of the published tables, by `schema.name`. */
  tables: ReadonlySet<string>
  signal: AbortSignal
  onProgress(rows: number, table: string): void
}

const progressMs = 2_000

/**
 * Copies present rows as the new slot's snapshot shows them, as transactions at the slot's position: nothing lies between
 * them and the log. Resolves with the number of rows when all are named. Rejects with what stopped it; the commit stream
 * then says that the copy is unfinished.
 */
export async function firstCopy(options: FirstCopyOptions): Promise<number> {
  const { session, publication, slot, tables } = options
  const copy = await SnapshotCopy.open({
    ...session,
    clock: systemSourceClock,
    publication,
    snapshot: slot.snapshot,
    position: slot.consistentPoint,
    only: tables
  })
  const ending = new AbortController()
  try {
    const ownership = await own(options, ending.signal)
    await options.agent.lookups?.load(lsnToBytes(slot.consistentPoint), options.signal)
    return await copyAll(options, copy, ownership)
  } finally {
    ending.abort()
    await copy.close()
  }
}

function own(options: FirstCopyOptions, signal: AbortSignal): Promise<Ownership> {
  const { subscription, agent, commitStream, openSession, surroundings, lookups } = options.agent
  return takeOver({
    subscription,
    agent,
    log: new CommitStreamLog(commitStream, options.reader),
    source: {
      identity: options.identity,
      confirmed: () => Promise.resolve(lsnToBytes(options.slot.consistentPoint))
    },
    openSession,
    signal,
    now: surroundings.now,
    randomBytes: surroundings.randomBytes,
    extensions: lookups && ((before: StreamState) => lookups.claim(before)),
    refreshing: true
  })
}

async function copyAll(options: FirstCopyOptions, copy: SnapshotCopy, ownership: Ownership): Promise<number> {
  const { agent, slot, signal, onProgress } = options
  const tenure = new Tenure({
    ...agent,
    ownership,
    now: agent.surroundings.now,
    schedule: agent.surroundings.schedule,
    refreshing: true,
    onPressure: high => (high ? copy.pause() : copy.resume()),
    onSettled: () => {}
  })
  const receiver = new RefreshReceiver(tenure, lsnToBytes(slot.consistentPoint), agent.surroundings.now() * 1000)
  const stopProgress = agent.surroundings.every(progressMs, () => onProgress(receiver.rows, receiver.tableName))
  const stop = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
  })
  stop.catch(() => {})
  try {
    const copying = copy.run(receiver)
    copying.catch(() => {})
    await Promise.race([copying, tenure.failed, stop])
    receiver.finish()
    tenure.finishRefresh(lsnToBytes(slot.consistentPoint))
    await Promise.race([tenure.drain(), tenure.failed, stop])
    return receiver.rows
  } finally {
    stopProgress()
    tenure.delivery.abandon()
  }
}
