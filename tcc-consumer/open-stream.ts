import type { LogReader } from '@tidemark/kafka/log-reader.ts'
import { isTidemarkError, TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { CommitStreamLog } from './commit-stream-log.ts'
import type { ConsumerSettings } from './consumer-options.ts'
import { findStart, type From } from './start-rules.ts'
import { TransactionReader } from './transaction-reader.ts'

/** Between two looks at a commit stream that is not there yet. */
const lookAgainMs = 250

/**
 * Waits for the commit stream, at most `startAfterMs`, finds where to start and gives a reader that stands there.
 * Throws TOPIC_MISSING, STREAM_EMPTY, and what `findStart` throws.
 */
export async function openStream(
  reader: LogReader,
  settings: ConsumerSettings,
  from: From,
  signal: AbortSignal
): Promise<TransactionReader> {
  const log = new CommitStreamLog(reader, settings.commitStream, signal)
  await awaitStream(log, settings, signal)
  const start = await findStart(log, from, settings.mirrored)
  return new TransactionReader({ ...settings, reader }, start, log, signal)
}

async function awaitStream(
  log: CommitStreamLog,
  { clock, startAfterMs }: ConsumerSettings,
  signal: AbortSignal
): Promise<void> {
  const deadline = clock.steadyMs() + startAfterMs
  for (;;) {
    const problem = await streamProblem(log)
    if (problem === null) return
    const left = deadline - clock.steadyMs()
    if (left <= 0) throw problem
    await clock.delay(Math.min(left, lookAgainMs), signal)
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
