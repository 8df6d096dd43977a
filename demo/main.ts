import { mkdirSync, writeFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startKafka } from '../services/kafka.ts'
import { startPostgres } from '../services/postgres.ts'
import { AgentProcess, runToEnd } from './agent-process.ts'
import { createBank } from './bank.ts'
import { Demonstration, type Cleanup, type Summary } from './demonstration.ts'
import { openOrderQueues } from './order-queues.ts'
import { Orders } from './orders.ts'
import { parseOptions, usage, type DemoOptions } from './options.ts'

/** Own names each time, so that given servers may be used again and again. */
const subscription = `bank${process.pid}`

const options = readOptions()
if (options === 'help') process.stdout.write(usage)
else process.exitCode = await demonstrate(options)

function readOptions(): DemoOptions | 'help' {
  try {
    return parseOptions(process.argv.slice(2))
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${usage}`)
    process.exit(2)
  }
}

async function demonstrate(options: DemoOptions): Promise<number> {
  const cleanups: Cleanup[] = []
  const stop = new AbortController()
  const interrupt = (): void => stop.abort()
  process.once('SIGINT', interrupt)
  process.once('SIGTERM', interrupt)
  try {
    const summary = await run(options, stop.signal, cleanups)
    if (summary === null) return 0
    if (options.json !== null) writeFileSync(options.json, `${JSON.stringify(summary, null, 2)}\n`)
    say(JSON.stringify(summary))
    return summary.invariantViolations === 0 ? 0 : 1
  } catch (error) {
    if (stop.signal.aborted) return 130
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    return 1
  } finally {
    for (const cleanup of cleanups.reverse()) await cleanup()
  }
}

async function run(options: DemoOptions, stop: AbortSignal, cleanups: Cleanup[]): Promise<Summary | null> {
  const began = performance.now()
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-demo-'))
  cleanups.push(() => rmSync(directory, { recursive: true, force: true }))
  const { url, brokers } = await startServers(options, cleanups)
  if (stop.aborted) return null
  const bank = await createBank(url, `bank_${process.pid}`)
  const config = writeConfig(directory, bank, brokers)
  const logFile = join('.tidemark', 'demo-agent.log')
  mkdirSync('.tidemark', { recursive: true })

  const agent = new AgentProcess(config, logFile)
  say('applying: publication, topics, slot, first copy of the accounts')
  await runToEnd(agent, ['apply', '--yes'])
  agent.start()
  cleanups.push(() => agent.stop())
  say(`running after ${((performance.now() - began) / 1000).toFixed(1)} s; the agent logs to ${logFile}`)
  const commitStream = `${subscription}.commits`
  const orders = options.mq ? await startOrders(directory, brokers, cleanups) : null
  if (stop.aborted) return null
  return new Demonstration(options, { bankUrl: bank, brokers, commitStream, agent, orders }, cleanups).watch(stop)
}

async function startOrders(directory: string, brokers: string[], cleanups: Cleanup[]): Promise<Orders> {
  say('starting the queue manager; applying the capture of orders, and the sink that puts them back')
  const queues = await openOrderQueues(cleanups, say)
  const logFile = join('.tidemark', 'demo-orders.log')
  const orders = new Orders({ queues, brokers, name: `orders${process.pid}`, directory, logFile }, cleanups)
  await orders.start()
  say(`orders flow; their agent and their sink log to ${logFile}`)
  return orders
}

async function startServers(options: DemoOptions, cleanups: Cleanup[]): Promise<{ url: string; brokers: string[] }> {
  const postgres = async (): Promise<string> => {
    if (options.postgresUrl !== null) return options.postgresUrl
    const server = await startPostgres({ settings: { wal_writer_delay: '10ms' } })
    cleanups.push(() => server.stop())
    return server.url
  }
  const kafka = async (): Promise<string[]> => {
    if (options.kafkaBrokers !== null) return options.kafkaBrokers
    const cluster = await startKafka({ say })
    cleanups.push(() => cluster.stop())
    return cluster.brokers
  }
  say('starting PostgreSQL and Kafka')
  const started = await Promise.allSettled([postgres(), kafka()])
  for (const one of started) if (one.status === 'rejected') throw one.reason as Error
  const [url, brokers] = started as [PromiseFulfilledResult<string>, PromiseFulfilledResult<string[]>]
  return { url: url.value, brokers: brokers.value }
}

function writeConfig(directory: string, bank: string, brokers: string[]): string {
  const file = join(directory, 'tidemark.yaml')
  const text = `subscription: ${subscription}
postgres:
  url: ${bank}
kafka:
  brokers: [${brokers.join(', ')}]
topics: {partitions: 4, replication: 1, prefix: ${subscription}}
tables:
  public.account: {}
  public.transfer: {}
outbox:
  public.outbox: {}
`
  writeFileSync(file, text)
  return file
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
