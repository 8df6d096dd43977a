import { defineProcessor } from '@tidemark/kcop/processor.ts'
import { Producer } from '@tidemark/kcop/producer.ts'
import { unwatched, type CallWatch } from '@tidemark/kcop/call-watch.ts'
import { tableRule, type TableRule } from '@tidemark/kcop/rules.ts'
import { insert, table, transaction } from '@tidemark/kcop/testing/operations.ts'
import { Watchdog } from '../capture/watchdog/watchdog.ts'

/** CPU time a row takes in the producer: plain, with operations that may be withdrawn, through a processor, watched. */
const file = '/bench/processor.ts'
const rows = 400_000
const rounds = 7
const transfer = table('transfer', { id: 'int8', amount: 'numeric', note: 'text' })
const row = insert(transfer, ['1', '700.00', 'a note of some length'])
const processor = defineProcessor({ name: 'default', process: (operation, out) => out.default(operation) })
const sink = { topic: (name: string) => ({ name }), append: () => {}, annotate: () => {} }

async function nanosecondsOf(given: Partial<TableRule>, calls: CallWatch): Promise<number> {
  const producer = new Producer({
    rules: {
      tables: [tableRule('public.transfer', 'bench', given)],
      outbox: { tables: [], messages: [] },
      deadLetters: 'bench.dead-letters'
    },
    sink,
    processors: new Map([[file, processor]]),
    calls
  })
  producer.begin(transaction)
  let best = Infinity
  for (let round = 0; round < rounds; round++) {
    const before = process.cpuUsage()
    for (let count = 0; count < rows; count++) {
      producer.process(row)
      if (producer.wait !== null) await producer.wait
    }
    const { user, system } = process.cpuUsage(before)
    best = Math.min(best, ((user + system) * 1_000) / rows)
  }
  return Math.round(best)
}

const watchdog = new Watchdog({
  callMsMax: 10_000,
  memoryBytesMax: 536_870_912,
  log: { format: 'json', level: 'info', subscription: 'bench', secrets: [], color: false }
})
const cases: [name: string, given: Partial<TableRule>, calls: CallWatch][] = [
  ['no processor', {}, unwatched],
  ['no processor, onFailure: park', { onFailure: 'park' }, unwatched],
  ['processor, unwatched', { processor: file }, unwatched],
  ['processor', { processor: file }, watchdog],
  ['processor, onFailure: park', { processor: file, onFailure: 'park' }, watchdog]
]
for (const [name, given, calls] of cases) {
  process.stdout.write(`${name.padEnd(32)}${await nanosecondsOf(given, calls)} ns a row\n`)
}
await watchdog.close()
