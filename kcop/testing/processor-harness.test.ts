import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { defineProcessor, type Processor } from '../processor.ts'
import { json } from '../json-value.ts'
import {
  defineTable,
  insert,
  message,
  ProcessorHarness,
  refresh,
  remove,
  transaction,
  transactionOf,
  truncate,
  UNCHANGED,
  update
} from './index.ts'

const account = defineTable(
  'public.account',
  { id: 'bigint', owner: 'text', balance: 'numeric(12,2)', mood: { enum: ['happy', 'sad'] } },
  { key: ['id'] }
)
const whole = defineTable('public.whole', { id: 'bigint', note: 'text' }, { key: ['id'], replicaIdentity: 'full' })
const first = { id: 1, owner: 'Ada', balance: '10.50', mood: 'happy' } as const

/** A processor that sends what it is told of, as one line each. */
function diary(seen: string[]): Processor {
  return defineProcessor({
    name: 'diary',
    process: operation => void seen.push(`${operation.kind} ${operation.table?.qualifiedName ?? ''}`),
    begin: context => void seen.push(`begin ${context.sourceId} ${context.kind}`),
    commit: context => void seen.push(`commit ${context.sourceId}`),
    schema: table => void seen.push(`schema ${table.qualifiedName}`),
    truncate: operation => void seen.push(`truncate ${operation.table!.qualifiedName}`),
    refreshStart: table => void seen.push(`start ${table.qualifiedName}`),
    refreshEnd: table => void seen.push(`end ${table.qualifiedName}`)
  })
}

test('a processor gets rows by their types and its records come back as plain objects', () => {
  const processor = defineProcessor({
    name: 'rich',
    process(operation, out) {
      if (operation.kind === 'insert' && operation.after.number('balance')! > 10) {
        out.send({ topic: 'rich', key: operation.key, value: json(operation.after.pick('owner')), headers: { a: 'b' } })
        out.send({ topic: 'raw', key: null, value: Buffer.from([0xff]), partition: 3 })
      }
      out.default(operation)
    }
  })
  assert.deepEqual(
    new ProcessorHarness({ processor }).run(transaction(insert(account, first), remove(account, first))),
    [
      { topic: 'rich', key: { id: 1 }, value: { owner: 'Ada' }, headers: { a: 'b' } },
      { topic: 'raw', partition: 3, key: null, value: { base64: '/w==' }, headers: {} },
      { topic: 'test.public.account', key: { id: 1 }, value: { ...first }, headers: {} },
      { topic: 'test.public.account', key: { id: 1 }, value: null, headers: {} }
    ]
  )
})

test('without a processor a table is sent as its rules say', () => {
  const harness = new ProcessorHarness({
    prefix: 'bank',
    tables: {
      'public.account': {
        deletes: 'both',
        columns: { only: ['balance'], dropped: [], protected: [] },
        also: [{ topic: 'copy', format: 'csv' }]
      }
    },
    monitors: [{ name: 'rows', topic: 'watch', above: '1' }]
  })
  const records = harness.run(transaction(insert(account, first), insert(account, { id: 2 })))
  assert.deepEqual(
    records.map(({ topic, value }) => [topic, topic === 'watch' ? null : value]),
    [
      ['bank.public.account', { id: 1, balance: '10.50' }],
      ['copy', '1,10.50'],
      ['bank.public.account', { id: 2, balance: null }],
      ['copy', '2,\\N'],
      ['watch', null]
    ]
  )
  assert.deepEqual(
    harness.run(transaction(remove(account, first))).filter(({ topic }) => topic !== 'copy'),
    [
      { topic: 'bank.public.account', key: { id: 1 }, value: { id: 1 }, headers: deleted },
      { topic: 'bank.public.account', key: { id: 1 }, value: null, headers: {} }
    ]
  )
})

const deleted = { 'tidemark.operation': 'delete', 'tidemark.unknown': '["balance"]' }

test('the row before is what the server would send under the replica identity', () => {
  const seen: unknown[] = []
  const processor = defineProcessor({
    name: 'before',
    process: ({ before, changed }) => void seen.push(before === null ? null : { ...before.toObject() }, changed)
  })
  const harness = new ProcessorHarness({ processor })
  harness.run(
    transaction(
      update(whole, { id: 1, note: 'a' }, { note: 'b' }),
      update(account, first, { owner: 'Bea' }),
      update(account, first, { id: 5 }),
      remove(whole, { id: 1, note: 'b' })
    )
  )
  assert.deepEqual(seen, [{ id: 1, note: 'a' }, ['note'], null, null, { id: 1 }, null, { id: 1, note: 'b' }, null])
})

test('hooks are called as the agent calls them', () => {
  const seen: string[] = []
  const harness = new ProcessorHarness({ processor: diary(seen) })
  harness.run(
    refresh(whole, [{ id: 1 }, { id: 2 }, { id: 3 }], 2),
    transaction(truncate(whole), insert(account, first)),
    transactionOf({ id: '757' }, insert(account, { id: 2 }))
  )
  const told = `
    schema public.whole, begin refresh:public.whole:start refresh, start public.whole, commit refresh:public.whole:start,
    begin refresh:public.whole:0 refresh, insert public.whole, insert public.whole, commit refresh:public.whole:0,
    begin refresh:public.whole:1 refresh, insert public.whole, commit refresh:public.whole:1,
    begin refresh:public.whole:end refresh, end public.whole, commit refresh:public.whole:end,
    begin 5 mirror, truncate public.whole, schema public.account, insert public.account, commit 5,
    begin 757 mirror, insert public.account, commit 757`
  assert.deepEqual(seen, told.trim().split(/,\s+/))
})

test('a changed definition is told again', () => {
  const seen: string[] = []
  const harness = new ProcessorHarness({ processor: diary(seen) })
  const wider = defineTable('public.whole', { id: 'bigint', note: 'text', more: 'integer' }, { key: ['id'] })
  harness.run(transaction(insert(whole, { id: 1 })))
  harness.run(transaction(insert(wider, { id: 2, more: 7 })))
  assert.deepEqual(
    seen.filter(line => line.startsWith('schema')),
    ['schema public.whole', 'schema public.whole']
  )
})

test('outbox rows and logical messages become events; truncates and processors annotate', () => {
  const outbox = defineTable(
    'public.outbox',
    { id: 'uuid', aggregatetype: 'text', aggregateid: 'text', type: 'text', payload: 'jsonb' },
    { key: ['id'] }
  )
  const event = { aggregatetype: 'order', aggregateid: '7', type: 'placed', payload: { total: 3 } }
  const harness = new ProcessorHarness({ outbox: { 'public.outbox': {} }, messages: { orders: {} } })
  const id = '4d47e190-0402-4048-bc2c-89dd54343cdc'
  const expected = { topic: 'outbox.event.order', key: '7', value: { total: 3 }, headers: { id } }
  assert.deepEqual(harness.run(transaction(insert(outbox, { id, ...event }), message('orders', { id, ...event }))), [
    expected,
    expected
  ])
  const [truncated] = harness.transactions(transaction(truncate(account)))
  assert.deepEqual(truncated!.annotations, { truncate: '[{"operation":0,"tables":["public.account"]}]' })
})

test('messages of a queue reach the processor with their properties', () => {
  const processor = defineProcessor({
    name: 'queue',
    process(operation, out) {
      if (operation.kind !== 'message') return
      out.send({
        topic: 'q',
        key: String(operation.message.properties.get('mq.MsgId')),
        value: operation.message.bytes
      })
    }
  })
  const harness = new ProcessorHarness({ processor, queues: { 'ORDERS.IN': {} } })
  assert.deepEqual(harness.run(transaction(message('ORDERS.IN', 'hello', { 'mq.MsgId': 'aa' }))), [
    { topic: 'q', key: 'aa', value: 'hello', headers: {} }
  ])
})

test('what a processor throws is thrown as the agent would stop with, its own error as cause', () => {
  const processor = defineProcessor({
    name: 'broken',
    process: operation => {
      throw new RangeError(`too much: ${operation.after!.text('owner')}`)
    }
  })
  const harness = new ProcessorHarness({ processor })
  assert.throws(
    () => harness.run(transaction(insert(account, first))),
    (error: unknown) => {
      assert.ok(isTidemarkError(error, 'PROCESSOR_FAILED'))
      assert.ok(!error.message.includes('Ada'))
      assert.match((error.cause as Error).message, /too much: Ada/)
      return /insert on public\.account, operation 0 of transaction 1/.test(error.message)
    }
  )
})

test('an operation that fails is set aside where its rule says so, and its records are withdrawn', () => {
  const processor = defineProcessor({
    name: 'picky',
    process(operation, out) {
      out.default(operation)
      if (operation.after?.isNull('owner')) throw new Error('no owner')
    }
  })
  const harness = new ProcessorHarness({
    processor,
    tables: { 'public.account': { onFailure: 'park' } },
    deadLetters: 'letters'
  })
  const [only] = harness.transactions(transaction(insert(account, first), insert(account, { id: 2 })))
  assert.deepEqual(
    only!.records.map(({ topic, key }) => [topic, key]),
    [
      ['test.public.account', { id: 1 }],
      ['letters', 'public.account']
    ]
  )
  assert.deepEqual(only!.parked, [{ operation: 1, table: 'public.account', reason: 'PROCESSOR_FAILED' }])
})

test('nothing of a transaction that failed is in the records of the next', () => {
  let fails = true
  const processor = defineProcessor({
    name: 'once',
    process(operation, out) {
      out.default(operation)
      if (fails) throw new Error('once')
    }
  })
  const harness = new ProcessorHarness({ processor })
  assert.throws(() => harness.run(transaction(insert(account, first))))
  fails = false
  assert.equal(harness.run(transaction(insert(account, first))).length, 1)
})

test('a large value that was not sent is told as unchanged', () => {
  const records = new ProcessorHarness({}).run(transaction(update(account, first, { owner: UNCHANGED })))
  assert.deepEqual(records[0]!.headers, { 'tidemark.unchanged': '["owner"]' })
})

test('a row that does not fit its table is refused by column, without its value', () => {
  const wrong: [() => unknown, RegExp][] = [
    [() => insert(account, { id: 1, owners: 'secret' } as never), /no column owners/],
    [() => insert(account, { owner: 'secret' } as never), /no value for key column id/],
    [
      () => insert(account, { id: 1, balance: 'secret' }),
      /column balance of public\.account, of type numeric, takes a/
    ],
    [() => insert(account, { id: 1.5 }), /column id .* whole number/],
    [() => remove(defineTable('public.heap', { a: 'text' }, { key: [] }), { a: 'secret' }), /refuses deletes/],
    [() => defineTable('public.a', { a: 'strange' as 'text' }, { key: [] }), /type "strange"/],
    [() => defineTable('nowhere', {}, { key: [] }), /has no schema/]
  ]
  for (const [attempt, expected] of wrong) {
    assert.throws(attempt, (error: Error) => expected.test(error.message) && !error.message.includes('secret'))
  }
  assert.throws(() => new ProcessorHarness({}).run(transactionOf({ commitTime: 'noon' })), /commitTime is not a time/)
})
