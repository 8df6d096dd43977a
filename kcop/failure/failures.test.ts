import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { Operation } from '@tidemark/schemas/operation.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { Notice } from '../notice.ts'
import { defineProcessor, type Processor } from '../processor.ts'
import { Producer } from '../producer.ts'
import type { Topic } from '../record-sink.ts'
import { alsoRule, tableRule, type OnFailure, type TableRule } from '../rules.ts'
import { insert, remove, table, transaction, truncate, update } from '../testing/operations.ts'
import { RecordingSink } from '../testing/recording-sink.ts'

const file = '/bank/processors/transfers.ts'
const transfer = table('transfer', { id: 'int8', amount: 'numeric', note: 'text' })
const [small, large] = [insert(transfer, ['1', '5', 'rent']), insert(transfer, ['2', '700', 'car'])]
const whole = (operation: Operation): string => `{"id":${operation.after!.text('id')}`

/** Sends half of a large transfer, then fails. */
const failsOnLarge: Processor['process'] = (operation, out) => {
  if (operation.kind !== 'insert') throw new RangeError('secret')
  out.default(operation as unknown as Operation)
  out.annotate(`seen.${operation.after.text('id')}`, operation.after.text('id')!)
  if (operation.after.number('amount')! > 500) throw new RangeError(`secret ${operation.after.text('note')}`)
  out.send({ topic: 'bank.small', key: null, value: 'x' })
}

interface Setting {
  process?: Processor['process']
  given?: Partial<TableRule>
  sink?: RecordingSink
}

function producerWith(
  onFailure: OnFailure,
  { process = failsOnLarge, given = {}, sink = new RecordingSink() }: Setting = {}
) {
  const notices: Notice[] = []
  const outcomes: string[] = []
  const main = tableRule('public.transfer', 'bank', { processor: file, onFailure, ...given })
  const producer = new Producer({
    rules: { tables: [main], outbox: { tables: [], messages: [] }, deadLetters: 'bank.dead' },
    sink,
    processors: new Map([[file, defineProcessor({ name: 'transfers', process })]]),
    notify: notice => notices.push({ ...notice }),
    onFailed: outcome => outcomes.push(outcome)
  })
  producer.begin(transaction)
  return { producer, sink, notices, outcomes }
}

/** A sink that takes no record with more bytes than given, and knows its topics when told. */
class PickySink extends RecordingSink {
  private readonly bytesMax: number
  private readonly waits: PromiseWithResolvers<void> | null

  constructor(bytesMax: number, waits: PromiseWithResolvers<void> | null = null) {
    super()
    this.bytesMax = bytesMax
    this.waits = waits
  }
  known(): Promise<void> | null {
    return this.waits === null ? null : this.waits.promise
  }
  admit(topic: Topic, _partition: number, bytes: number): void {
    if (bytes > this.bytesMax) throw new TidemarkError('RECORD_TOO_LARGE', { message: `for ${topic.name}` })
  }
}

test('by default the first failure stops, and nothing it wrote stands for a whole operation', () => {
  const { producer, sink } = producerWith('stop')
  producer.process(small)
  assert.throws(() => producer.process(large), { code: 'PROCESSOR_FAILED' })
  assert.deepEqual(sink.parked, [])
})

test('a failed operation is withdrawn whole and parked: a letter, and an entry for readers', () => {
  const { producer, sink, notices, outcomes } = producerWith('park')
  for (const operation of [small, large, small]) producer.process(operation)
  assert.equal(producer.wait, null)
  const records = sink.take()
  assert.deepEqual(
    records.map(({ topic, key }) => [topic, key]),
    [
      ['bank.public.transfer', '{"id":1}'],
      ['bank.small', null],
      ['bank.dead', 'public.transfer'],
      ['bank.public.transfer', '{"id":1}'],
      ['bank.small', null]
    ]
  )
  assert.deepEqual(sink.annotations, { 'seen.1': '1' })
  assert.deepEqual(sink.parked, [{ operation: 3, table: 'public.transfer', reason: 'PROCESSOR_FAILED' }])
  assert.deepEqual(outcomes, ['parked'])
  assert.equal(notices.length, 1)
  assert.match(notices[0]!.message, /operations on public\.transfer were parked in bank\.dead; .*RangeError/)
  assert.doesNotMatch(notices[0]!.message, /secret|car/)
})

test('a letter says where the operation is and shows its row as the table would', () => {
  const { producer, sink } = producerWith('park')
  producer.process(large)
  producer.process(update(transfer, ['2', '1', 'a'], ['3', '2', 'b']))
  producer.process(remove(transfer, ['2', null, null], true))
  const [inserted, updated, removed] = sink.take().map(({ value }) => JSON.parse(value!) as Record<string, unknown>)
  const { at, ...letter } = inserted!
  assert.match(String(at), /transfers\.ts/)
  assert.deepEqual(letter, {
    reason: 'PROCESSOR_FAILED',
    table: 'public.transfer',
    operation: 'insert',
    ordinal: 3,
    transaction: '757',
    kind: 'mirror',
    commitTime: letter['commitTime'],
    position: letter['position'],
    topic: 'bank.public.transfer',
    key: { id: 2 },
    after: { id: 2, amount: '700', note: 'car' }
  })
  assert.deepEqual(
    [updated!['before'], updated!['after']],
    [
      { id: 2, amount: '1', note: 'a' },
      { id: 3, amount: '2', note: 'b' }
    ]
  )
  assert.deepEqual([removed!['key'], removed!['before'], removed!['after']], [{ id: 2 }, { id: 2 }, undefined])
})

test('a skipped operation is withdrawn, counted and told', () => {
  const { producer, sink, notices, outcomes } = producerWith('skip')
  for (const operation of [large, small, large]) producer.process(operation)
  assert.deepEqual(
    sink.take().map(({ topic }) => topic),
    ['bank.public.transfer', 'bank.small']
  )
  assert.deepEqual(sink.parked, [])
  assert.deepEqual(outcomes, ['skipped', 'skipped'])
  assert.deepEqual(
    notices.map(({ count }) => count),
    [1, 2]
  )
})

test('rules that fail on a row are treated as processors are, all outputs together', () => {
  const day = table('day', { id: 'int8', at: 'text' })
  const sink = new PickySink(600)
  const main = tableRule('public.day', 'bank', { onFailure: 'park' })
  const also = [alsoRule(main, { topic: 'bank.also' })]
  const producer = new Producer({
    rules: { tables: [{ ...main, also }], outbox: { tables: [], messages: [] }, deadLetters: 'bank.dead' },
    sink
  })
  producer.begin(transaction)
  for (const at of ['a', 'b'.repeat(600), 'c']) producer.process(insert(day, ['1', at]))
  const records = sink.take()
  assert.deepEqual(
    records.map(({ topic }) => topic),
    ['bank.public.day', 'bank.also', 'bank.dead', 'bank.public.day', 'bank.also']
  )
  const letter = JSON.parse(records[2]!.value!) as Record<string, unknown>
  assert.deepEqual(
    [letter['reason'], letter['rowLeftOut'], letter['key'], letter['after']],
    ['RECORD_TOO_LARGE', 'too-large', { id: 1 }, undefined]
  )
})

test('a letter that fits nowhere stops', () => {
  const { producer } = producerWith('park', { sink: new PickySink(60) })
  assert.throws(() => producer.process(large), { code: 'RECORD_TOO_LARGE', place: 'bank.dead' })
})

test('an operation waits for topics that are not known yet, and is judged when they are', async () => {
  const waits = Promise.withResolvers<void>()
  const sink = new PickySink(400, waits)
  const process: Processor['process'] = (operation, out) =>
    out.send({ topic: 'bank.new', key: null, value: operation.after!.text('note') })
  const { producer } = producerWith('park', { process, sink })
  const long = insert(transfer, ['2', '700', 'n'.repeat(500)])
  producer.process(long)
  const { wait } = producer
  assert.ok(wait !== null)
  await turn()
  assert.deepEqual(sink.take(), [])
  waits.resolve()
  await wait
  assert.equal(producer.wait, null)
  assert.deepEqual(
    sink.take().map(({ topic }) => topic),
    ['bank.dead']
  )
})

test('what is no fault of the operation stops whatever is declared', () => {
  const fenced = new RecordingSink()
  fenced.append = () => {
    throw new TidemarkError('PRODUCER_FENCED', { message: 'fenced' })
  }
  const cases: [Setting, Operation, string][] = [
    [{ sink: fenced }, small, 'PRODUCER_FENCED'],
    [{ process: (async () => {}) as unknown as Processor['process'] }, small, 'PROCESSOR_ASYNC'],
    [{ given: { filter: 'gone = 1' } }, small, 'COLUMN_UNKNOWN']
  ]
  for (const [setting, operation, code] of cases) {
    const { producer, sink } = producerWith('park', setting)
    assert.throws(() => producer.process(operation), { code })
    assert.deepEqual(sink.parked, [])
  }
})

test('hooks are not operations: their failures stop', () => {
  const sink = new RecordingSink()
  const fail = () => {
    throw new Error('x')
  }
  const processor = defineProcessor({ name: 'p', process: () => {}, commit: fail, truncate: fail })
  const producer = new Producer({
    rules: {
      tables: [tableRule('public.transfer', 'bank', { processor: file, onFailure: 'park' })],
      outbox: { tables: [], messages: [] },
      deadLetters: 'bank.dead'
    },
    sink,
    processors: new Map([[file, processor]])
  })
  producer.begin(transaction)
  assert.throws(() => producer.process(truncate(transfer)), { code: 'PROCESSOR_FAILED' })
  assert.throws(() => producer.commit(transaction), { code: 'PROCESSOR_FAILED' })
})

test('a processor that writes without end is stopped, whether it catches that or not', () => {
  const value = 'x'.repeat(1_000_000)
  for (const caught of [false, true]) {
    const process: Processor['process'] = (_operation, out) => {
      for (let count = 0; count < 1_000; count++) {
        try {
          out.send({ topic: 'bank.flood', key: null, value })
        } catch (error) {
          if (!caught) throw error
        }
      }
    }
    const { producer, sink } = producerWith('park', { process })
    producer.process(small)
    assert.deepEqual(sink.parked, [{ operation: 3, table: 'public.transfer', reason: 'OUTPUT_TOO_LARGE' }])
    const stopping = producerWith('stop', { process, sink: new PickySink(0) })
    assert.throws(() => stopping.producer.process(small), { code: 'OUTPUT_TOO_LARGE', place: file })
  }
})

test('nothing is parked without a topic for it', () => {
  const rules = {
    tables: [tableRule('public.transfer', 'bank', { onFailure: 'park' })],
    outbox: { tables: [], messages: [] }
  }
  assert.throws(() => new Producer({ rules, sink: new RecordingSink() }), { code: 'CONFIG_INVALID' })
})

test('rows outside the filter of the table are not shown in a letter', () => {
  const full = table('transfer', { id: 'int8', amount: 'numeric', note: 'text' }, { replicaIdentity: 'full' })
  const sink = new PickySink(500)
  const main = tableRule('public.transfer', 'bank', { onFailure: 'park', filter: 'amount > 500' })
  const also = [alsoRule(main, { topic: 'bank.all', filter: null })]
  const producer = new Producer({
    rules: { tables: [{ ...main, also }], outbox: { tables: [], messages: [] }, deadLetters: 'bank.dead' },
    sink
  })
  producer.begin(transaction)
  const operation = insert(full, ['1', '5', 'n'.repeat(600)])
  producer.process(operation)
  const [record] = sink.take()
  const letter = JSON.parse(record!.value!) as Record<string, unknown>
  assert.deepEqual([letter['rowLeftOut'], letter['key'], letter['after']], ['filtered', undefined, undefined])
  assert.ok(!record!.value!.includes(whole(operation)))
})
