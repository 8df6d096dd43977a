import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { ConsumedTransaction } from '../consumed-transaction.ts'
import type { ConsumerOptions } from '../consumer-options.ts'
import { TransactionConsumer } from '../transaction-consumer.ts'
import { jsonLines, readable, type TransactionText } from './transaction-text.ts'

/**
 * A TCC consumer in the terminal, as a process of its own (`tidemark read` starts it): the first line of standard input
 * says what to read as a JSON object, so that no secret stands in the process list. Ends after `limit` transactions, when
 * told to, and with standard input: it does not outlive who started it.
 */
interface Request {
  options: ConsumerOptions
  /** null: follow. */
  limit: number | null
  json: boolean
}

const input = createInterface({ input: process.stdin })
const [line] = (await once(input, 'line')) as [string]
const request = JSON.parse(line) as Request
const consumer = new TransactionConsumer(request.options)
let stopping = false
input.on('close', () => process.exit(1))
process.stdout.on('error', error => {
  // Whoever read our output has gone away (`| head`): nothing is left to do.
  if ((error as NodeJS.ErrnoException).code === 'EPIPE') process.exit(0)
  throw error
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (stopping) process.exit(1)
    stopping = true
    void consumer.close()
  })
}
try {
  await print(consumer, request)
} catch (error) {
  if (!stopping) {
    process.stderr.write(`${isTidemarkError(error) ? error.format() : String(error)}\n`)
    process.exitCode = 1
  }
} finally {
  await consumer.close()
  process.exit()
}

async function print(consumer: TransactionConsumer, { limit, json }: Request): Promise<void> {
  const form = json ? jsonLines : readable
  let count = 0
  for await (const transaction of consumer) {
    await write(form, transaction)
    if (++count === limit) return
  }
}

async function write(form: TransactionText, transaction: ConsumedTransaction): Promise<void> {
  let first = true
  await out(form.begin(transaction))
  for await (const record of transaction.stream()) {
    await out(form.record(record, first))
    first = false
  }
  await out(form.end(transaction))
}

/** Waits while the reader of our output is slower. */
async function out(piece: string): Promise<void> {
  if (!process.stdout.write(piece)) await once(process.stdout, 'drain')
}
