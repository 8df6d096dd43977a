// npm run bench:formats: what other formats, further outputs and protected columns cost, against the table's default.
// Every measurement is a process of its own; rounds take turns, so that load of the machine meets all alike.
import { cpus, totalmem } from 'node:os'
import { parseArgs } from 'node:util'
import { ruleNames } from './format-rules.ts'
import { runPart, type Measured } from './measured.ts'

const usage = `npm run bench:formats [-- options]

CPU time a row and rows a second for each rule, and the ratio to JSON of one output, medians over the rounds.
  agent      from the bytes of the replication stream to sealed record batches, without sockets
  producer   from decoded rows to encoded records

  --rounds N   default 5
  --rows N     rows of a measurement (default 600000)
`

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    rows: { type: 'string', default: '600000' },
    help: { type: 'boolean', default: false }
  }
})

const extents = ['agent', 'producer'] as const
/** A row whose columns are encrypted takes so much longer. */
const encryptedShare = 4

if (values.help) process.stdout.write(usage)
else await bench()

async function bench(): Promise<void> {
  process.stdout.write(`${cpus().length} x ${cpus()[0]?.model}, ${Math.round(totalmem() / 2 ** 30)} GiB; `)
  process.stdout.write(`Node ${process.version}; ${new Date().toISOString()}; median of ${values.rounds} rounds\n\n`)
  for (const extent of extents) process.stdout.write(table(extent, await measure(extent)))
}

async function measure(extent: string): Promise<Map<string, Measured[]>> {
  const measured = new Map<string, Measured[]>(ruleNames.map(name => [name, []]))
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const name of ruleNames) {
      const rows = Number(values.rows) / (name.startsWith('encrypted') ? encryptedShare : 1)
      measured.get(name)!.push(await runPart('format-rows', [extent, name, String(rows)]))
    }
  }
  return measured
}

function table(extent: string, measured: ReadonlyMap<string, Measured[]>): string {
  const base = measured.get(ruleNames[0]!)!
  const lines = [...measured].map(([name, rounds]) => {
    const cpu = median(rounds.map(micros))
    const ratios = rounds.map((one, round) => micros(base[round]!) / micros(one)).sort((a, b) => a - b)
    const perSecond = median(rounds.map(({ count, seconds }) => count / seconds))
    const cells = [
      cpu.toFixed(2),
      (1e6 / cpu).toFixed(0),
      perSecond.toFixed(0),
      `${median(ratios).toFixed(2)} (${ratios[0]!.toFixed(2)}-${ratios.at(-1)!.toFixed(2)})`
    ]
    return name.padEnd(22) + cells.map(cell => cell.padStart(18)).join('')
  })
  const heads = ['CPU us a row', 'rows per CPU s', 'rows/s', 'of json (CPU)']
  return `${extent.padEnd(22)}${heads.map(head => head.padStart(18)).join('')}\n${lines.join('\n')}\n\n`
}

function micros({ cpuSeconds, count }: Measured): number {
  return (cpuSeconds / count) * 1e6
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!
}
