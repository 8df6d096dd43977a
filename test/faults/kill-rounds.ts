import { once } from 'node:events'
import { spawn, type ChildProcess } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { TransactionConsumer } from '@tidemark/tcc-consumer'
import { forgetProcess, makeScratchDirectory, watchProcess } from '../../services/scratch.ts'
import { BankBooks } from '../e2e/bank-books.ts'
import { openBank, openingBalance, work } from '../e2e/bank-writers.ts'
import { SourceOracle } from '../e2e/source-oracle.ts'

export interface KillRoundsOptions {
  postgresUrl: string
  brokers: readonly string[]
  /** Subscription name, topic prefix. */
  name: string
  rounds: number
  writers: number
  transactionsPerRound: number
  random: () => number
  say: (text: string) => void
}

export interface KillRoundsResult {
  transactions: number
  rows: number
  kills: Record<string, number>
  duplicatesDropped: number
  voidRecords: number
  /** What the books found wrong, and where they differ from the source. Empty when all is well. */
  faults: string[]
}

const program = fileURLToPath(new URL('../../capture/main.ts', import.meta.url))
const points = ['data-stored', 'commit-next', 'commit-stored', 'settle-next', 'any'] as const
const accounts = 200
const catchUpMs = 60_000

/**
 * Writers at work, the agent killed (-9) at a named fault point or at any moment, again and again; a consumer keeps
 * books all the while. At the end its transactions must be the source's, in commit order, each once and whole.
 */
export async function killRounds(options: KillRoundsOptions): Promise<KillRoundsResult> {
  await openBank(options.postgresUrl, accounts)
  const config = writeConfig(options)
  await tidemark(['apply', '--yes', '-c', config])
  const oracle = await SourceOracle.open(options.postgresUrl)
  const books = new BankBooks(BigInt(accounts) * openingBalance)
  const reader = new Bookkeeper(options, books)
  try {
    const kills: Record<string, number> = {}
    for (let round = 0; round < options.rounds; round++) {
      const point = points[round % points.length]!
      kills[point] = (kills[point] ?? 0) + 1
      await killRound(options, config, point)
      options.say(
        `round ${round + 1} of ${options.rounds}: killed at ${point}; ${books.transactions.length} transactions in the books`
      )
    }
    const expected = await finish(options, config, oracle, books)
    const { duplicatesDropped, voidRecords } = reader.consumer.statistics()
    return {
      transactions: expected.length,
      rows: expected.reduce((sum, { rows }) => sum + rows, 0),
      kills,
      duplicatesDropped,
      voidRecords,
      faults: [...reader.faults, ...books.faults, ...differences(expected, books.transactions)].slice(0, 20)
    }
  } finally {
    await reader.close()
    await oracle.close()
  }
}

/** The consumer at its work beside the rounds. */
class Bookkeeper {
  readonly consumer: TransactionConsumer
  readonly faults: string[] = []
  private readonly done: Promise<void>

  constructor({ brokers, name }: KillRoundsOptions, books: BankBooks) {
    this.consumer = new TransactionConsumer({
      brokers: [...brokers],
      commitStream: `${name}.commits`,
      from: 'earliest'
    })
    this.done = this.keep(books)
  }

  async close(): Promise<void> {
    await this.consumer.close()
    await this.done
  }

  private async keep(books: BankBooks): Promise<void> {
    try {
      for await (const transaction of this.consumer) books.enter(transaction)
    } catch (error) {
      this.faults.push(`the reader stopped: ${String(error)}`)
    }
  }
}

async function killRound(options: KillRoundsOptions, config: string, point: (typeof points)[number]): Promise<void> {
  const occurrence = 1 + Math.floor(options.random() * 20)
  const agent = startAgent(config, point === 'any' ? null : `${point}:${occurrence}`)
  const ended = once(agent, 'exit')
  const { writers, transactionsPerRound, random } = options
  const writing = work(options.postgresUrl, {
    accounts,
    writers,
    transactions: Math.ceil(transactionsPerRound / writers),
    random
  })
  const alarm = setTimeout(() => agent.kill('SIGKILL'), point === 'any' ? 300 + random() * 1_500 : 5_000)
  await Promise.all([ended, writing])
  clearTimeout(alarm)
  if (agent.signalCode !== 'SIGKILL')
    throw new Error(`the agent ended by itself with ${agent.exitCode}: ${complaints.get(agent)}`)
}

/** The agent once more, until the books have everything; then it drains on SIGTERM. */
async function finish(
  options: KillRoundsOptions,
  config: string,
  oracle: SourceOracle,
  books: BankBooks
): Promise<{ sourceId: string; rows: number }[]> {
  const expected = await oracle.transactions()
  const agent = startAgent(config, null)
  const ended = once(agent, 'exit')
  const deadline = performance.now() + catchUpMs
  while (books.transactions.length < expected.length && performance.now() < deadline && agent.exitCode === null) {
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  // It heeds SIGTERM from its first line on: before, the signal would end it as any other process.
  while (!(complaints.get(agent) ?? '').includes('agent.owner') && performance.now() < deadline) {
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  agent.kill('SIGTERM')
  const [code] = (await ended) as [number | null]
  if (code !== 0) throw new Error(`the agent ended with ${code} on SIGTERM: ${complaints.get(agent)}`)
  options.say(`caught up: ${books.transactions.length} of ${expected.length} transactions`)
  return expected
}

function differences(expected: readonly object[], found: readonly object[]): string[] {
  const faults = []
  if (expected.length !== found.length)
    faults.push(`${found.length} transactions handed over, the source has ${expected.length}`)
  for (let index = 0; index < Math.min(expected.length, found.length); index++) {
    const [wanted, got] = [JSON.stringify(expected[index]), JSON.stringify(found[index])]
    if (wanted === got) continue
    faults.push(`transaction ${index}: ${got} where the source has ${wanted}`)
    break
  }
  return faults
}

const complaints = new Map<ChildProcess, string>()

function startAgent(config: string, fault: string | null): ChildProcess {
  const env = { ...process.env, ...(fault === null ? {} : { TIDEMARK_FAULT_POINT: fault }) }
  const agent = spawn(process.execPath, [program, 'run', '-c', config], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  for (const stream of [agent.stdout, agent.stderr]) {
    stream.on('data', (chunk: Buffer) =>
      complaints.set(agent, ((complaints.get(agent) ?? '') + chunk.toString()).slice(-3000))
    )
  }
  const { pid } = agent
  if (pid !== undefined) {
    watchProcess(pid, 'SIGKILL')
    agent.once('exit', () => forgetProcess(pid))
  }
  return agent
}

async function tidemark(args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (out += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`tidemark ${args[0]} ended with ${code}:\n${out}`)
}

function writeConfig({ postgresUrl, brokers, name }: KillRoundsOptions): string {
  const file = join(makeScratchDirectory('faults'), 'tidemark.yaml')
  writeFileSync(
    file,
    `subscription: ${name}
postgres: {url: '${postgresUrl}', publication: ${name}, slot: ${name}}
kafka: {brokers: [${brokers.join(', ')}]}
topics: {partitions: 3, replication: 1, prefix: ${name}}
tables: {public.account: {}, public.transfer: {}, public.written: {}}
`
  )
  return file
}
