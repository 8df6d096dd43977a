import { defineProcessor, type Processor } from '@tidemark/kcop/processor.ts'
import { Producer } from '@tidemark/kcop/producer.ts'
import { tableRule } from '@tidemark/kcop/rules.ts'
import { insert, table, transaction } from '@tidemark/kcop/testing/operations.ts'
import { RecordingSink } from '@tidemark/kcop/testing/recording-sink.ts'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { strayFailures } from '../stray-failures.ts'
import { Watchdog } from '../watchdog.ts'

/** Runs operations through a processor that misbehaves as told, under a watchdog, as an agent does. */
const file = '/bank/processors/transfers.ts'
const kept: unknown[] = []

const processors: Record<string, Processor['process']> = {
  'is well': (operation, out) => out.default(operation as never),
  throws: () => {
    throw new Error('secret')
  },
  rejects: (() => Promise.reject(new Error('secret'))) as unknown as Processor['process'],
  'is slow'() {
    const until = performance.now() + 60
    while (performance.now() < until);
  },
  'loops for ever'() {
    for (;;);
  },
  'allocates without end'() {
    for (;;) kept.push(Array.from({ length: 10_000 }, (_, index) => ({ index })))
  },
  'takes buffers without end'() {
    for (;;) kept.push(Buffer.alloc(1_000_000, 1))
  },
  'sends without end'(_operation, out) {
    for (;;) out.send({ topic: 'a', key: null, value: 'x'.repeat(10_000) })
  },
  'sends without end and catches all'(_operation, out) {
    for (;;) {
      try {
        out.send({ topic: 'a', key: null, value: 'x'.repeat(10_000) })
      } catch {}
    }
  },
  'keeps promises going'() {
    const again = (): Promise<void> => Promise.resolve().then(again)
    void again()
  },
  'leaves a timer that throws'() {
    setTimeout(() => {
      throw Object.assign(new Error('secret'), { stack: `Error: secret\n    at later (file://${file}:7:3)` })
    }, 1)
  },
  'leaves a promise that rejects'() {
    void Promise.reject(Object.assign(new Error('secret'), { stack: `Error: secret\n    at f (file://${file}:8:3)` }))
  }
}

const [, , how = ''] = process.argv
const log = { format: 'json', level: 'info', subscription: 'bank', secrets: [], color: false } as const
const limits: { callMsMax: number; memoryBytesMax: number } =
  how.includes('takes') || how.includes('allocates')
    ? { callMsMax: 60_000, memoryBytesMax: 150_000_000 }
    : { callMsMax: 700, memoryBytesMax: 4_000_000_000 }
const watchdog = new Watchdog({ ...limits, log })
const stray = strayFailures(process, [file])
const producer = new Producer({
  rules: {
    tables: [tableRule('public.transfer', 'bank', { processor: file })],
    outbox: { tables: [], messages: [] }
  },
  sink: new RecordingSink(),
  processors: new Map([[file, defineProcessor({ name: 'transfers', process: processors[how]! })]]),
  calls: watchdog
})
const transfer = table('transfer', { id: 'int8' })
let turns = 0
const timer = setInterval(() => turns++, 10)

async function work(): Promise<void> {
  producer.begin(transaction)
  for (let count = 0; count < 30; count++) {
    producer.process(insert(transfer, [String(count)]))
    if (producer.wait !== null) await producer.wait
  }
  const turned = turns
  await new Promise(resolve => setTimeout(resolve, 100))
  process.stdout.write(`done, the loop ${turned > 0 ? 'turned' : 'stood'}\n`)
}

try {
  await Promise.race([work(), stray.failed])
} catch (error) {
  process.stdout.write(`${isTidemarkError(error) ? error.format() : String(error)}\n`)
}
clearInterval(timer)
stray.forget()
await watchdog.close()
