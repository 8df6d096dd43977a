import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, release, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startKafka, type KafkaCluster } from '../services/kafka.ts'
import { startPostgres, type PostgresServer } from '../services/postgres.ts'
import { createBank, decodeRate, load, query, rowsPerTransaction } from './bank-load.ts'
import { drainByDebezium } from './debezium.ts'
import { runPart, type Measured } from './measured.ts'
import { table } from './report.ts'

const usage = `npm run bench [-- options]

One run, side by side, ratios first: PostgreSQL's own decoding, the agent's drain of a backlog, the TCC client's read of
it, and kafkajs's read of the same topics without order.

  --transactions N   size of the backlog (default 400000; 3 rows each)
  --partitions N     of each data topic (default 4)
  --rounds N         drains and reads, the best of which counts (default 3)
  --debezium         a tuned Debezium on the same backlog (fetched by Maven)
  --json FILE        everything measured, raw
`

const { values } = parseArgs({
  options: {
    transactions: { type: 'string', default: '400000' },
    partitions: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '3' },
    debezium: { type: 'boolean', default: false },
    json: { type: 'string' },
    help: { type: 'boolean', default: false }
  }
})

if (values.help) process.stdout.write(usage)
else await bench()

async function bench(): Promise<void> {
  const postgres = await startPostgres()
  const kafka = await startKafka({ heapMegabytes: 1024, say })
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-bench-'))
  try {
    const figures = await measure(postgres, kafka, directory)
    process.stdout.write(table(figures))
    if (values.json) writeFileSync(values.json, `${JSON.stringify(figures, null, 2)}\n`)
  } finally {
    rmSync(directory, { recursive: true, force: true })
    await kafka.stop()
    await postgres.stop()
  }
}

export interface Figures {
  machine: string
  date: string
  transactions: number
  rows: number
  loadSeconds: number
  /** Rows a second PostgreSQL decodes, without sending. */
  decode: number
  drain: Measured[]
  read: Measured[]
  kafkajs: Measured[]
  debezium: { plain: Measured; transactions: Measured } | null
}

async function measure(postgres: PostgresServer, kafka: KafkaCluster, directory: string): Promise<Figures> {
  const transactions = Number(values.transactions)
  const rounds = Number(values.rounds)
  const rows = transactions * rowsPerTransaction
  const url = await createBank(postgres.url)
  const brokers = kafka.brokers.join(',')
  const configs: string[] = []
  for (let round = 0; round < rounds; round++) {
    configs.push(await applied(directory, `bench${round}`, url, brokers))
  }
  const slots = ['decode', ...(values.debezium ? ['dbz_plain', 'dbz_transactions'] : [])]
  for (const slot of slots) await query(url, `select pg_create_logical_replication_slot('${slot}', 'pgoutput')`)
  say(`loading ${transactions} transactions`)
  const loadSeconds = await load(url, transactions)

  say('decoding in PostgreSQL')
  let decode = 0
  for (let round = 0; round < rounds; round++)
    decode = Math.max(decode, await decodeRate(url, 'decode', 'bench0', rows))
  const figures: Figures = {
    machine: `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, Node ${process.version}`,
    date: new Date().toISOString(),
    transactions,
    rows,
    loadSeconds,
    decode,
    drain: [],
    read: [],
    kafkajs: [],
    debezium: null
  }
  for (const [round, config] of configs.entries()) {
    say(`round ${round + 1}: drain`)
    figures.drain.push(await runPart('drain', [config, String(transactions), String(rows)]))
  }
  for (let round = 0; round < rounds; round++) {
    const name = `bench${round}`
    say(`round ${round + 1}: read`)
    figures.read.push(await runPart('transactions-read', [brokers, `${name}.commits`, String(transactions)]))
    const topics = `${name}.public.account,${name}.public.transfer`
    figures.kafkajs.push(await runPart('kafkajs-read', [brokers, topics, String(rows)]))
  }
  if (values.debezium) {
    const common = { postgresUrl: url, brokers: kafka.brokers, publication: 'bench0', rows, say }
    say('Debezium')
    const plain = await drainByDebezium({ ...common, slot: 'dbz_plain', transactions: false })
    say('Debezium with its transaction topic')
    const withTransactions = await drainByDebezium({ ...common, slot: 'dbz_transactions', transactions: true })
    figures.debezium = { plain, transactions: withTransactions }
  }
  return figures
}

/** A subscription of its own for each round: publication, slot, topics, genesis, before the load. */
async function applied(directory: string, name: string, url: string, brokers: string): Promise<string> {
  const file = join(directory, `${name}.yaml`)
  const text = `subscription: ${name}
postgres: {url: '${url}', publication: ${name}, slot: ${name}}
kafka: {brokers: [${brokers}]}
topics: {partitions: ${values.partitions}, replication: 1, prefix: ${name}}
tables:
  public.account: {refresh: false}
  public.transfer: {refresh: false}
`
  writeFileSync(file, text)
  await runPart('apply', [file])
  return file
}

function say(text: string): void {
  process.stderr.write(`${text}\n`)
}
