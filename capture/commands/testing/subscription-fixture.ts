import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { KafkaAdmin } from '@tidemark/kafka/admin.ts'
import { Cluster } from '@tidemark/kafka/cluster.ts'
import pg from 'pg'
import { useKafka } from '../../../test/support/kafka.ts'
import { usePostgres } from '../../../test/support/postgres.ts'
import { runProgram } from '../program.ts'
import { captureTerminal } from './capture-terminal.ts'

export interface Answer {
  code: number
  out: string
  err: string
  questions: string[]
}

/** A database and a Kafka cluster of their own for one test, and the command line on them. */
export interface SubscriptionFixture {
  name: string
  url: string
  brokers: string[]
  /** Of topics to be created, as `configure` writes it. */
  replication: number
  admin: KafkaAdmin
  /** As superuser. */
  sql(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>
  /** SQL to be run when the test is over. */
  atEnd(sql: string): void
  /** Writes the configuration: `tables` as YAML, `more` as further top-level lines. */
  configure(tables: string, more?: string, url?: string): void
  /** Runs a verb on the configuration. */
  tidemark(...args: string[]): Promise<Answer>
  /** The same with a person at the terminal who gives `answer` to every question. */
  tidemarkAsked(answer: boolean, ...args: string[]): Promise<Answer>
}

export async function useSubscription(t: TestContext): Promise<SubscriptionFixture> {
  const { url } = await (await usePostgres(t)).createDatabase()
  const brokers = [...(await useKafka(t)).brokers]
  const name = `t${randomBytes(5).toString('hex')}`
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'tidemark.yaml')
  const cluster = new Cluster({ brokers, clientId: 'test' })
  const client = new pg.Client(url)
  await client.connect()
  const parting: string[] = []
  t.after(async () => {
    for (const sql of parting) await client.query(sql)
    await Promise.all([client.end(), cluster.close()])
  })

  const call = async (answer: boolean | undefined, args: string[]): Promise<Answer> => {
    const terminal = captureTerminal(answer)
    const code = await runProgram([...args, '-c', file], { terminal, environment: {} })
    return { code, ...terminal.written, questions: terminal.questions }
  }
  const fixture: SubscriptionFixture = {
    replication: 1,
    name,
    url,
    brokers,
    admin: new KafkaAdmin(cluster),
    sql: async (text, values) => (await client.query<Record<string, unknown>>(text, values)).rows,
    atEnd: sql => void parting.push(sql),
    configure: (tables, more = '', as = url) => writeFileSync(file, configurationText(fixture, tables, more, as)),
    tidemark: (...args) => call(undefined, args),
    tidemarkAsked: (answer, ...args) => call(answer, args)
  }
  return fixture
}

function configurationText(
  { name, brokers, replication }: SubscriptionFixture,
  tables: string,
  more: string,
  url: string
): string {
  const lines = [
    `subscription: ${name}`,
    `postgres: {url: "${url}"}`,
    `kafka: {brokers: [${brokers.join(', ')}]}`,
    `topics: {partitions: 2, replication: ${replication}}`,
    `tables:`,
    ...tables.split('\n').map(line => `  ${line}`),
    more
  ]
  return lines.join('\n')
}

/** What of a subscription exists. */
export async function whatExists(fixture: SubscriptionFixture): Promise<string[]> {
  const { name, sql, admin } = fixture
  const made = await sql(
    `SELECT 'publication' AS what FROM pg_publication WHERE pubname = $1
     UNION ALL SELECT 'slot' FROM pg_replication_slots WHERE slot_name = $1`,
    [`tidemark_${name}`]
  )
  const topics = (await admin.listTopics()).filter(topic => topic.startsWith(`${name}.`))
  return [...made.map(row => String(row['what'])), ...topics.sort()]
}
