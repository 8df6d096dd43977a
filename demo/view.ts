import { styleText } from 'node:util'
import type { OrderFigures } from './orders.ts'

export interface Figures {
  seconds: number
  transactions: number
  transactionsPerSecond: number
  rowsPerSecond: number
  /** Transactions committed in the source and not yet in the books. */
  behind: number
  latencyMs: { p50: number; p95: number; p99: number }
  duplicatesDropped: number
  agentRestarts: number
  balance: bigint
  expected: bigint
  violations: number
  /** null: none. */
  orders: OrderFigures | null
}

const count = new Intl.NumberFormat('en')

/** The live view: redrawn in place on a terminal, a line now and then elsewhere. */
export class View {
  private drawn = 0
  private readonly out: NodeJS.WriteStream
  private readonly hint: string

  constructor(out: NodeJS.WriteStream, hint: string) {
    this.out = out
    this.hint = hint
  }

  show(figures: Figures): void {
    if (this.out.isTTY) this.redraw(figures)
    else this.out.write(`${line(figures)}\n`)
  }

  private redraw(figures: Figures): void {
    const lines = table(figures, this.hint)
    const up = this.drawn > 0 ? `\x1b[${this.drawn}A` : ''
    this.out.write(up + lines.map(text => `\x1b[2K${text}\n`).join(''))
    this.drawn = lines.length
  }
}

function table(figures: Figures, hint: string): string[] {
  const held = figures.balance === figures.expected && figures.violations === 0
  const rows: [string, string][] = [
    ['transactions', `${count.format(figures.transactions)}   ${count.format(figures.transactionsPerSecond)}/s`],
    ['rows', `${count.format(figures.rowsPerSecond)}/s`],
    ['behind', `${count.format(figures.behind)} transactions`],
    ['commit to books', latency(figures)],
    ['duplicates dropped', count.format(figures.duplicatesDropped)],
    ['agent restarts', count.format(figures.agentRestarts)],
    [
      'sum of balances',
      styleText(held ? 'green' : 'red', `${count.format(figures.balance)}  ${held ? 'has never moved' : 'MOVED'}`)
    ],
    ['half transactions', styleText(held ? 'green' : 'red', count.format(figures.violations))],
    ...orderRows(figures.orders)
  ]
  return [
    '',
    `  ${styleText('bold', 'Tidemark')}  PostgreSQL to Kafka to the books, ${Math.round(figures.seconds)} s`,
    '',
    ...rows.map(([name, value]) => `  ${styleText('dim', name.padEnd(20))} ${value}`),
    '',
    `  ${styleText('dim', hint)}`
  ]
}

function orderRows(orders: OrderFigures | null): [string, string][] {
  if (orders === null) return []
  const colour = orders.violations === 0 ? 'green' : 'red'
  return [
    ['orders on queues', ordersText(orders)],
    ['half orders', styleText(colour, count.format(orders.violations))]
  ]
}

function ordersText({ put, rebuilt, replied, restarts }: OrderFigures): string {
  return `${count.format(put)} put, ${count.format(rebuilt)} rebuilt, ${count.format(replied)} put back, ${restarts} restarts`
}

function latency({ latencyMs }: Figures): string {
  return `p50 ${latencyMs.p50} ms   p95 ${latencyMs.p95} ms   p99 ${latencyMs.p99} ms`
}

function line(figures: Figures): string {
  const held = figures.balance === figures.expected ? 'unmoved' : 'MOVED'
  return (
    `${Math.round(figures.seconds)} s: ${figures.transactions} transactions, ${figures.transactionsPerSecond}/s, ` +
    `${figures.rowsPerSecond} rows/s, ${figures.behind} behind, ${latency(figures)}, ` +
    `${figures.duplicatesDropped} duplicates dropped, ${figures.agentRestarts} agent restarts, ` +
    `sum ${figures.balance} ${held}, ${figures.violations} violations` +
    (figures.orders === null ? '' : `; orders ${ordersText(figures.orders)}, ${figures.orders.violations} violations`)
  )
}
