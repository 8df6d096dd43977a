import type { KafkaConnection } from '@tidemark/kafka/connection-options.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { ExitCode, Invocation } from './invocation.ts'

/** What a consumer in the terminal is asked for. */
export interface ReadRequest {
  kafka: Readonly<KafkaConnection>
  commitStream: string
  /** `earliest`, `latest`, `{time}` in ms since the Unix epoch, or a bookmark. */
  from: string | { time: number }
  /** null: all. */
  topics: readonly string[] | null
  /** Transactions after which to end; null: follow. */
  limit: number | null
  /** One JSON object a line, else readable text. */
  json: boolean
  out(text: string): void
  signal: AbortSignal
}

/** `tidemark read`: whole transactions from the commit stream. */
export async function read(invocation: Invocation): Promise<ExitCode> {
  const limit = limitOf(invocation.options['limit'])
  const from = placeOf(String(invocation.options['from']))
  const configuration = invocation.configuration()
  if (configuration === null) return 1
  const topics = invocation.options['topics'] as string[] | undefined
  const stop = new AbortController()
  await readTransactions({
    kafka: configuration.kafka,
    commitStream: configuration.commitStream,
    from,
    topics: topics ?? null,
    limit,
    json: invocation.json,
    out: text => invocation.terminal.out(text),
    signal: stop.signal
  })
  return 0
}

function limitOf(value: unknown): number | null {
  if (value === undefined) return null
  const limit = Number(value)
  if (Number.isSafeInteger(limit) && limit > 0) return limit
  throw new TidemarkError('USAGE', { message: '--limit is not a whole number above 0', cure: 'for example --limit 10' })
}

/** ISO times begin with a year; bookmarks and the two words do not. */
function placeOf(from: string): string | { time: number } {
  if (!/^\d{4}-/.test(from)) return from
  const time = Date.parse(from)
  if (!Number.isNaN(time)) return { time }
  throw new TidemarkError('USAGE', { message: '--from is not a time', cure: 'for example --from 2026-11-20T16:00:00Z' })
}

/** Seam: the TCC consumer is put in here; capture itself does not import it. */
async function readTransactions(_request: ReadRequest): Promise<void> {
  throw new TidemarkError('NOT_AVAILABLE', { message: 'the consumer is not connected to the command line yet' })
}
