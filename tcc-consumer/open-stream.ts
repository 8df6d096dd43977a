import type { LogReader } from '@tidemark/kafka/log-reader.ts'
import { isTidemarkError, TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { CommitStreamLog } from './commit-stream-log.ts'
import type { ConsumerSettings } from './consumer-options.ts'
import { findStart, type From } from './start-rules.ts'
import type { StartPoint } from './start-point.ts'
import { TransactionReader } from './transaction-reader.ts'

/** Between two looks at a commit stream that lacks what to start from. */
const lookAgainMs = 250

/**
 * Waits for the commit stream, and for the transaction of a bookmark that is not named yet, at most `startAfterMs`; gives a
 * reader that stands where to start. Throws TOPIC_MISSING, STREAM_EMPTY, and what `findStart` throws.
 */
export async function openStream(
  reader: LogReader,
  settings: ConsumerSettings,
  from: From,
  signal: AbortSignal
): Promise<TransactionReader> {
  const log = new CommitStreamLog(reader, settings.commitStream, signal)
  const deadlineMs = settings.clock.steadyMs() + settings.startAfterMs
  await awaitStream(log, settings, deadlineMs, signal)
  const start = await awaitStart(log, settings, from, deadlineMs, signal)
  return new TransactionReader({ ...settings, reader }, start, log, signal)
}

async function awaitStream(
  log: CommitStreamLog,
  { clock }: ConsumerSettings,
  deadlineMs: number,
  signal: AbortSignal
): Promise<void> {
  for (;;) {
    const problem = await streamProblem(log)
    if (problem === null) return
    const left = deadlineMs - clock.steadyMs()
    if (left <= 0) throw problem
    await clock.delay(Math.min(left, lookAgainMs), signal)
  }
}

/** Where to start from; the transaction of a bookmark made before it was named is waited for until `deadlineMs`. */
export async function awaitStart(
  log: CommitStreamLog,
  { clock, mirrored }: Pick<ConsumerSettings, 'clock' | 'mirrored'>,
  from: From,
  deadlineMs: number,
  signal: AbortSignal
): Promise<StartPoint> {
  for (;;) {
    try {
      return await findStart(log, from, mirrored)
    } catch (error) {
      const left = deadlineMs - clock.steadyMs()
      if (!isTidemarkError(error, 'BOOKMARK_UNNAMED') || left <= 0) throw error
      await clock.delay(Math.min(left, lookAgainMs), signal)
    }
  }
}

async function streamProblem(log: CommitStreamLog): Promise<TidemarkError | null> {
  try {
    const { start, end } = await log.bounds()
    if (end > start) return null
    return new TidemarkError('STREAM_EMPTY', { message: 'the commit stream is empty', place: log.topic })
  } catch (error) {
    if (isTidemarkError(error, 'TOPIC_MISSING')) return error
    throw error
  }
}
