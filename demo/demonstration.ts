import { TransactionConsumer, type ConsumedTransaction } from '@tidemark/tcc-consumer'
import type { AgentProcess } from './agent-process.ts'
import { Teller, totalBalance } from './bank.ts'
import { groups } from './groups.ts'
import type { OrderFigures, Orders } from './orders.ts'
import { Latency } from './latency.ts'
import { Ledger } from './ledger.ts'
import type { DemoOptions } from './options.ts'
import { View, type Figures } from './view.ts'

const groupMost = 200
const drawMs = { terminal: 500, pipe: 2_000 }
const chaosMs = { least: 2_000, most: 6_000 }
const catchUpMs = 20_000

export type Cleanup = () => Promise<void> | void

/** The figures of the whole run, as `--json` writes them. */
export interface Summary {
  transactions: number
  operations: number
  rowsPerSecond: number
  /** From the commit in the bank to the commit in the books. */
  latencyMs: { p50: number; p99: number }
  duplicatesDropped: number
  agentRestarts: number
  invariantViolations: number
  /** With --mq. */
  orders?: Omit<OrderFigures, 'violations'>
}

export interface DemoParts {
  bankUrl: string
  brokers: string[]
  commitStream: string
  agent: AgentProcess
  /** null: none. */
  orders: Orders | null
}

/** The bank at work, the ledger behind it, and the figures of both. */
export class Demonstration {
  private readonly options: DemoOptions
  private readonly parts: DemoParts
  private readonly agent: AgentProcess
  private readonly tellers: Teller[]
  private readonly ledger: Ledger
  private readonly cleanups: Cleanup[]
  private readonly latency = new Latency()
  private readonly recent = new Latency(5_000)
  private consumer: TransactionConsumer | null = null
  private last = { at: performance.now(), transactions: 0, operations: 0 }
  private readonly began = performance.now()

  /** What is opened on the way is added to `cleanups`. */
  constructor(options: DemoOptions, parts: DemoParts, cleanups: Cleanup[]) {
    this.options = options
    this.parts = parts
    this.agent = parts.agent
    this.cleanups = cleanups
    this.ledger = new Ledger(parts.bankUrl)
    this.tellers = Array.from({ length: options.tellers }, () => new Teller(parts.bankUrl, Math.random))
  }

  async watch(stop: AbortSignal): Promise<Summary> {
    const keeping = this.keepBooks()
    // Its failure is met by the races below.
    keeping.catch(() => {})
    await this.agent.ready()
    for (const teller of this.tellers) await teller.start(0)
    const view = new View(process.stdout, hint(this.options))
    const drawing = setInterval(() => view.show(this.figures()), process.stdout.isTTY ? drawMs.terminal : drawMs.pipe)
    const chaos = this.options.chaos ? this.chaos() : (): void => {}
    try {
      await Promise.race([keeping, ...this.failures, this.untilOver(stop)])
    } finally {
      chaos()
      for (const teller of this.tellers) await teller.stop()
      if (!stop.aborted) await Promise.race([this.caughtUp(), ...this.failures, keeping])
      if (!stop.aborted) await Promise.race([this.parts.orders?.finish(), ...this.failures])
      clearInterval(drawing)
    }
    view.show(this.figures())
    return this.summary(await this.ledger.writtenBalance())
  }

  private get failures(): Promise<never>[] {
    const { orders } = this.parts
    return orders === null ? [this.agent.failed] : [this.agent.failed, orders.failed]
  }

  private async keepBooks(): Promise<void> {
    const from = (await this.ledger.open()) ?? 'earliest'
    this.cleanups.push(() => this.ledger.close())
    const { brokers, commitStream } = this.parts
    const consumer = new TransactionConsumer({ brokers, commitStream, from })
    this.consumer = consumer
    this.cleanups.push(() => consumer.close())
    for await (const group of groups(consumer, groupMost)) {
      await this.ledger.enter(group)
      this.timeGroup(group)
    }
  }

  private timeGroup(group: readonly ConsumedTransaction[]): void {
    const now = Date.now()
    for (const transaction of group) {
      if (transaction.kind !== 'mirror') continue
      const milliseconds = now - transaction.commitTime / 1000
      this.latency.add(milliseconds)
      this.recent.add(milliseconds)
    }
  }

  /** Bank and orders by turns, so that a short run harms both. */
  private chaos(): () => void {
    let timer: NodeJS.Timeout
    let bankIsNext = true
    const next = (): void => {
      timer = setTimeout(
        () => {
          if (this.parts.orders === null || bankIsNext) this.agent.kill()
          else this.parts.orders.kill(Math.random)
          bankIsNext = !bankIsNext
          next()
        },
        chaosMs.least + Math.random() * (chaosMs.most - chaosMs.least)
      )
    }
    next()
    return () => clearTimeout(timer)
  }

  private untilOver(stop: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      const timer = this.options.seconds === null ? null : setTimeout(resolve, this.options.seconds * 1000)
      stop.addEventListener('abort', () => {
        if (timer) clearTimeout(timer)
        resolve()
      })
      if (stop.aborted) resolve()
    })
  }

  /** Until every transfer made is in the books, or too long. */
  private async caughtUp(): Promise<void> {
    const deadline = performance.now() + catchUpMs
    while (this.behind() > 0 && performance.now() < deadline) await new Promise(resolve => setTimeout(resolve, 50))
  }

  private behind(): number {
    return this.tellers.reduce((sum, teller) => sum + teller.transfers, 0) - this.ledger.transactions
  }

  /** Records written again after a crash: those of an owner that did not live to name them, and those met twice. */
  private dropped(): number {
    const statistics = this.consumer?.statistics()
    return statistics === undefined ? 0 : statistics.duplicatesDropped + statistics.voidRecords
  }

  private figures(): Figures {
    const now = performance.now()
    const seconds = (now - this.last.at) / 1000
    const { transactions, operations, violations, balance } = this.ledger
    const rate = (now: number, before: number): number => Math.round((now - before) / Math.max(seconds, 0.001))
    const [p50 = 0, p95 = 0, p99 = 0] = this.recent.percentiles([0.5, 0.95, 0.99])
    const figures = {
      seconds: (now - this.began) / 1000,
      transactions,
      transactionsPerSecond: rate(transactions, this.last.transactions),
      rowsPerSecond: rate(operations, this.last.operations),
      behind: Math.max(0, this.behind()),
      latencyMs: { p50, p95, p99 },
      duplicatesDropped: this.dropped(),
      agentRestarts: this.agent.restarts,
      balance,
      expected: totalBalance,
      violations,
      orders: this.parts.orders?.figures ?? null
    }
    this.last = { at: now, transactions, operations }
    return figures
  }

  private summary(balance: bigint): Summary {
    const [p50 = 0, p99 = 0] = this.latency.percentiles([0.5, 0.99])
    const { transactions, operations, violations } = this.ledger
    const orders = this.parts.orders?.figures ?? null
    return {
      transactions,
      operations,
      rowsPerSecond: Math.round(operations / ((performance.now() - this.began) / 1000)),
      latencyMs: { p50, p99 },
      duplicatesDropped: this.dropped(),
      agentRestarts: this.agent.restarts,
      invariantViolations: violations + (balance === totalBalance ? 0 : 1) + (orders?.violations ?? 0),
      ...(orders === null ? {} : { orders: withoutViolations(orders) })
    }
  }
}

function withoutViolations({ put, rebuilt, replied, restarts }: OrderFigures): Omit<OrderFigures, 'violations'> {
  return { put, rebuilt, replied, restarts }
}

function hint(options: DemoOptions): string {
  const chaos = options.chaos ? 'the agent is killed (-9) every few seconds' : 'try: npm start -- --chaos'
  return `${chaos}; Ctrl-C ends and cleans up`
}
