import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { KafkaConnection } from '@tidemark/kafka/connection-options.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { ExitCode, Invocation } from './invocation.ts'
import { stopSignals } from './stop-signals.ts'

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
  signal: AbortSignal
}

/** `tidemark read`: whole transactions from the commit stream. */
export async function read(invocation: Invocation): Promise<ExitCode> {
  const limit = limitOf(invocation.options['limit'])
  const from = placeOf(String(invocation.options['from']))
  const configuration = invocation.subscription()
  if (configuration === null) return 1
  const topics = invocation.options['topics'] as string[] | undefined
  const stop = stopSignals(process)
  const code = await readTransactions({
    kafka: configuration.kafka,
    commitStream: configuration.commitStream,
    from,
    topics: topics ?? null,
    limit,
    json: invocation.json,
    signal: stop.signal
  })
  stop.forget()
  return code
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

/**
 * Runs the consumer package's own terminal program: capture does not import it, so that a consumer installs no agent and an
 * agent no consumer. Resolves with its exit code.
 */
async function readTransactions(request: ReadRequest): Promise<ExitCode> {
  const program = consumerProgram()
  const child = spawn(process.execPath, [program], { stdio: ['pipe', 'inherit', 'inherit'] })
  const { kafka, commitStream, from, topics, limit, json } = request
  const options = { ...kafka, commitStream, from, ...(topics === null ? {} : { topics }) }
  child.stdin.write(`${JSON.stringify({ options, limit, json })}\n`)
  const stop = (): void => void child.kill('SIGTERM')
  request.signal.addEventListener('abort', stop)
  const [code] = (await once(child, 'exit')) as [number | null]
  request.signal.removeEventListener('abort', stop)
  return code === 0 ? 0 : 1
}

function consumerProgram(): string {
  try {
    return fileURLToPath(import.meta.resolve('@tidemark/tcc-consumer/terminal/main.ts'))
  } catch (error) {
    throw new TidemarkError('NOT_AVAILABLE', {
      message: '`tidemark read` is part of the consumer package, which is not installed',
      cure: 'npm install @tidemark/tcc-consumer',
      cause: error
    })
  }
}
