import type { Figures } from './main.ts'
import type { Measured } from './measured.ts'

const number = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })

/** The figures as a person reads them: ratios first. */
export function table(figures: Figures): string {
  const drain = best(figures.drain)
  const read = best(figures.read)
  const kafkajs = best(figures.kafkajs)
  const lines = [
    '',
    `drain / PostgreSQL's own decoding   ${(rate(drain) / figures.decode).toFixed(2)}`,
    `TCC read / kafkajs read             ${(rate(read) / rate(kafkajs)).toFixed(2)}`,
    ...debeziumRatios(figures, drain),
    '',
    `                              per second        CPU us each   peak MB`,
    `PostgreSQL decoding  rows     ${number.format(figures.decode).padStart(10)}`,
    line('agent drain          rows   ', drain),
    line('TCC read             records', read),
    line('kafkajs read         records', kafkajs),
    ...(figures.debezium
      ? [
          line('Debezium             rows   ', figures.debezium.plain),
          line('Debezium, transactions rows ', figures.debezium.transactions)
        ]
      : []),
    '',
    `${number.format(figures.transactions)} transactions, ${number.format(figures.rows)} rows; best of ${figures.drain.length} rounds`,
    `${figures.machine}; ${figures.date}`,
    ''
  ]
  return lines.join('\n')
}

function debeziumRatios({ debezium }: Figures, drain: Measured): string[] {
  if (debezium === null) return []
  const { plain } = debezium
  const memory = (plain.peakMegabytes / drain.peakMegabytes).toFixed(1)
  const cpu = (plain.cpuSeconds / plain.count / (drain.cpuSeconds / drain.count)).toFixed(1)
  return [
    `drain / tuned Debezium              ${(rate(drain) / rate(plain)).toFixed(1)}, with 1/${cpu} of its CPU time a row and 1/${memory} of its memory`
  ]
}

function line(name: string, measured: Measured): string {
  const each = ((measured.cpuSeconds / measured.count) * 1e6).toFixed(2)
  return `${name}  ${number.format(rate(measured)).padStart(11)}   ${each.padStart(14)}   ${String(measured.peakMegabytes).padStart(7)}`
}

function best(rounds: readonly Measured[]): Measured {
  return rounds.reduce((best, next) => (rate(next) > rate(best) ? next : best))
}

function rate(measured: Measured): number {
  return measured.count / measured.seconds
}
