import { setImmediate } from 'node:timers/promises'
import type { Clock } from '@tidemark/kafka/clock.ts'
import { isTidemarkError, type TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { MemoryLog } from '../../test/support/memory-log.ts'
import type { ConsumedTransaction } from '../consumed-transaction.ts'
import type { ConsumerOptions } from '../consumer-options.ts'
import { TransactionConsumer } from '../transaction-consumer.ts'
import { commitStream } from './scripted-stream.ts'

/** Time that goes on when somebody waits, and at once. */
export class TestClock implements Clock {
  nowMs = 1_000_000
  private readonly onDelay: (delays: number) => void
  private delays = 0

  /** `onDelay` is called at each wait, with their number. */
  constructor(onDelay: (delays: number) => void = () => undefined) {
    this.onDelay = onDelay
  }

  wallMs(): number {
    return this.nowMs
  }

  steadyMs(): number {
    return this.nowMs
  }

  async delay(ms: number, signal?: AbortSignal): Promise<void> {
    await setImmediate()
    signal?.throwIfAborted()
    this.nowMs += ms
    this.onDelay(++this.delays)
  }

  random(): number {
    return 0.5
  }
}

export interface Reading {
  transactions: ConsumedTransaction[]
  /** Values of the records, by transaction. */
  values: string[][]
  error: TidemarkError | null
  consumer: TransactionConsumer
}

/** Fetches without an answer after which a reader has read everything. */
const idleFetchesMax = 12

/** A consumer of `log` that closes itself once nothing more comes. */
export function endingConsumer(log: MemoryLog, options: Partial<ConsumerOptions> = {}): TransactionConsumer {
  const clock = options.clock ?? new TestClock()
  let idle = 0
  let answered = log.fetches
  let before = clock.steadyMs()
  const delay: Clock['delay'] = async (ms, signal) => {
    await clock.delay(ms, signal)
    // Longer waits than a fetch's are of a consumer that looks again.
    const isBusy = log.fetches > answered + 2 || clock.steadyMs() - before > 50
    idle = isBusy ? 0 : idle + 1
    answered = log.fetches
    before = clock.steadyMs()
    if (idle > idleFetchesMax) void consumer.close()
  }
  const defaults = { commitStream, missingAfterMs: 0, startAfterMs: 0, lateAfterMs: 0, fetchWaitMs: 1, clock }
  const consumer = new TransactionConsumer({ ...defaults, reader: log.reader(delay), ...options })
  return consumer
}

/** Reads all there is with a consumer of its own. An error that is not Tidemark's is thrown on. */
export async function readAll(log: MemoryLog, options: Partial<ConsumerOptions> = {}): Promise<Reading> {
  const consumer = endingConsumer(log, options)
  const reading: Reading = { transactions: [], values: [], error: null, consumer }
  try {
    for await (const transaction of consumer) {
      reading.transactions.push(transaction)
      reading.values.push(await valuesOf(transaction))
    }
  } catch (error) {
    if (!isTidemarkError(error)) throw error
    reading.error = error
  }
  await consumer.close()
  return reading
}

export async function valuesOf(transaction: ConsumedTransaction): Promise<string[]> {
  const values: string[] = []
  for await (const record of transaction.stream()) values.push(String(record.value))
  return values
}

export function sequences({ transactions }: Reading): number[] {
  return transactions.map(({ sequence }) => sequence)
}
