import { startKafka } from './kafka.ts'
import { startPostgres } from './postgres.ts'

export interface StackOptions {
  /** With fsync in PostgreSQL, as in production; off is for tests. Default true. */
  durable?: boolean
  /** Told what happens and how long it takes, in one line each. */
  say?: (line: string) => void
}

export interface Stack {
  /** Superuser's URL on the database "postgres". */
  postgresUrl: string
  brokers: string[]
  /** Ends what was started here, not what was given. */
  stop(): Promise<void>
}

/**
 * A PostgreSQL with logical decoding and a Kafka: the ones named by TIDEMARK_POSTGRES_URL and TIDEMARK_KAFKA_BROKERS
 * (host:port, comma between), else started on this machine at the same time. They end with this process.
 */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const say = options.say ?? (() => {})
  const begun = performance.now()
  const parts = await Promise.allSettled([postgresPart(options), kafkaPart(say)])
  const stop = async (): Promise<void> => {
    await Promise.all(parts.flatMap(part => (part.status === 'fulfilled' ? [part.value.stop()] : [])))
  }
  const [postgres, kafka] = parts
  if (postgres.status === 'rejected' || kafka.status === 'rejected') {
    await stop()
    throw postgres.status === 'rejected' ? postgres.reason : (kafka as PromiseRejectedResult).reason
  }
  say(`PostgreSQL and Kafka are there after ${((performance.now() - begun) / 1000).toFixed(1)} s`)
  return { postgresUrl: postgres.value.url, brokers: kafka.value.brokers, stop }
}

async function postgresPart(options: StackOptions): Promise<{ url: string; stop(): Promise<void> }> {
  const url = process.env['TIDEMARK_POSTGRES_URL']
  if (url !== undefined) return { url, stop: async () => {} }
  return startPostgres({ durable: options.durable ?? true })
}

async function kafkaPart(say: (line: string) => void): Promise<{ brokers: string[]; stop(): Promise<void> }> {
  const brokers = process.env['TIDEMARK_KAFKA_BROKERS']?.split(',')
  if (brokers !== undefined) return { brokers, stop: async () => {} }
  return startKafka({ say })
}
