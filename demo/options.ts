import { parseArgs } from 'node:util'

export interface DemoOptions {
  /** Ends by itself after this many seconds; null runs until Ctrl-C. */
  seconds: number | null
  /** Where to write the figures at the end. */
  json: string | null
  chaos: boolean
  /** Orders on queues besides. */
  mq: boolean
  tellers: number
  /** Given servers instead of started ones. */
  postgresUrl: string | null
  kafkaBrokers: string[] | null
}

export const usage = `npm start [-- options]

Runs the whole on real parts: a bank in PostgreSQL, the agent, Kafka, and a ledger that keeps the books in a schema of
its own, in the same database transaction as its bookmark.

  --seconds N     end after N seconds
  --json FILE     write the figures to FILE at the end
  --chaos         kill -9 the agent every few seconds
  --mq            orders on a queue of IBM MQ besides: put in message groups, captured, rebuilt, and put back to a reply
                  queue (a stand-in queue manager, or the one named by MQ_TEST_QMGR and further variables: docs/mq.md)
  --tellers N     concurrent writers (default 4)
  --postgres URL  a PostgreSQL with wal_level=logical instead of starting one (a database is created in it)
  --kafka LIST    brokers (host:port,...) instead of starting one
  --help          this text
`

/** Throws TypeError or RangeError with a message for the user. */
export function parseOptions(args: string[]): DemoOptions | 'help' {
  const { values } = parseArgs({
    args,
    options: {
      seconds: { type: 'string' },
      json: { type: 'string' },
      chaos: { type: 'boolean', default: false },
      mq: { type: 'boolean', default: false },
      tellers: { type: 'string', default: '4' },
      postgres: { type: 'string' },
      kafka: { type: 'string' },
      help: { type: 'boolean', default: false }
    }
  })
  if (values.help) return 'help'
  return {
    seconds: values.seconds === undefined ? null : positive('--seconds', values.seconds),
    json: values.json ?? null,
    chaos: values.chaos,
    mq: values.mq,
    tellers: Math.floor(positive('--tellers', values.tellers)),
    postgresUrl: values.postgres ?? null,
    kafkaBrokers: values.kafka?.split(',') ?? null
  }
}

function positive(name: string, text: string): number {
  const value = Number(text)
  if (!(value > 0 && value < 1e9)) throw new RangeError(`${name} takes a positive number, not ${text}`)
  return value
}
