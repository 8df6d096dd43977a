import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import pg from 'pg'
import { TransactionConsumer, type ConsumedTransaction } from '@tidemark/tcc-consumer'
import { startProgram, type Child, type ChildEnd } from '../support/child.ts'
import { useKafka } from '../support/kafka.ts'
import { usePostgres } from '../support/postgres.ts'

const examples = join(import.meta.dirname, '../../examples')
const agent = join(import.meta.dirname, '../../capture/main.ts')

/** An example of examples/ on a database, a subscription and topics of its own. */
export interface Example {
  name: string
  brokers: string[]
  /** Runs a command of the agent on its configuration to its end. */
  tidemark(...args: string[]): Promise<ChildEnd & { output: string }>
  /** `run --apply`, until it owns the subscription. */
  run(): Promise<Child>
  /** `run` until it is killed at a fault point, `<point>:<how often it is passed>`. */
  killAt(point: string): Promise<void>
  /** Starts a program of the example. */
  program(file: string): Child
  /** Runs an SQL file of the example. */
  sql(file: string): Promise<void>
  query(text: string): Promise<void>
  /** The next `count` mirrored transactions that have records, from the beginning or a bookmark. */
  transactions(count: number, from?: string): Promise<ConsumedTransaction[]>
}

/** `schema.sql` was run; nothing is applied yet. `environment`: variables of the configuration besides the usual ones. */
export async function useExample(
  t: TestContext,
  folder: string,
  { environment = {}, brokers }: { environment?: Record<string, string>; brokers?: string[] } = {}
): Promise<Example> {
  const { url } = await (await usePostgres(t)).createDatabase()
  const kafka = await useKafka(t)
  const reached = brokers ?? kafka.brokers
  const name = kafka.topicName('example').replaceAll(/\W/g, '_').toLowerCase()
  const cwd = join(examples, folder)
  const options = {
    cwd,
    environment: { DATABASE_URL: url, KAFKA: reached[0]!, SUBSCRIPTION: name, ...environment }
  }
  const client = new pg.Client(url)
  await client.connect()
  t.after(() => client.end())
  const sql = async (file: string): Promise<void> => void (await client.query(readFileSync(join(cwd, file), 'utf8')))
  await sql('schema.sql')
  return {
    name,
    brokers: reached,
    sql,
    query: async text => void (await client.query(text)),
    killAt: async point => {
      const faulty = { ...options, environment: { ...options.environment, TIDEMARK_FAULT_POINT: point } }
      const { signal } = await startProgram(t, agent, { ...faulty, args: ['run', '--log-format', 'json'] }).ended
      assert.equal(signal, 'SIGKILL', point)
    },
    program: file => startProgram(t, join(cwd, file), options),
    tidemark: async (...args) => {
      const command = startProgram(t, agent, { ...options, args })
      const end = await command.ended
      return { ...end, output: command.output }
    },
    run: async () => {
      const started = startProgram(t, agent, { ...options, args: ['run', '--apply', '--log-format', 'json'] })
      await started.line(/agent\.owner/)
      return started
    },
    transactions: (count, from) => read(reached, `${name}.commits`, count, from)
  }
}

async function read(
  brokers: string[],
  commitStream: string,
  count: number,
  from = 'earliest'
): Promise<ConsumedTransaction[]> {
  const consumer = new TransactionConsumer({ brokers, commitStream, from, startAfterMs: 1_000 })
  const transactions: ConsumedTransaction[] = []
  try {
    for await (const transaction of consumer) {
      if (transaction.kind === 'mirror') transactions.push(transaction)
      if (transactions.length === count) return transactions
    }
    return transactions
  } finally {
    await consumer.close()
  }
}
