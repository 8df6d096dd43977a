import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Operation } from '@tidemark/schemas/operation.ts'
import { Producer } from '../producer.ts'
import { secretKey } from '../protection/key-files.ts'
import {
  allColumns,
  outboxMessageRule,
  outboxTableRule,
  type ColumnRules,
  type OnFailure,
  type OutboxMessageRule,
  type OutboxTableRule
} from '../rules.ts'
import { insert, message, table, transaction, update } from '../testing/operations.ts'
import { RecordingSink } from '../testing/recording-sink.ts'

const key = {
  name: 'pii',
  readers: [],
  secret: secretKey(Buffer.alloc(32, 9).toString('base64'), 'pii.key'),
  rotateAfterValues: 1e6,
  rotateAfterMs: 1e9
}
const tokenised = (column: string): ColumnRules => ({
  ...allColumns,
  protected: [{ column, protection: { kind: 'tokenise', key: 'pii' } }]
})

const outbox = table('outbox', {
  id: 'text',
  aggregatetype: 'text',
  aggregateid: 'text',
  payload: 'json',
  remark: 'text'
})
const [sound, failing] = [
  insert(outbox, ['e1', 'order', 'ann@example.com', '{"a":1}', 'dear']),
  insert(outbox, ['e2', null, 'ann@example.com', '{"a":2}', 'dear'])
]
const event = (aggregatetype: string | null, more: object = {}): Operation =>
  message('orders', JSON.stringify({ id: 'm', aggregatetype, aggregateid: 'ann@example.com', payload: 'p', ...more }))

interface Given {
  tables?: Partial<OutboxTableRule>
  messages?: Partial<OutboxMessageRule>
}

function outcomeOf(onFailure: OnFailure, operations: readonly Operation[], { tables = {}, messages = {} }: Given = {}) {
  const sink = new RecordingSink()
  const outcomes: string[] = []
  const producer = new Producer({
    rules: {
      tables: [],
      outbox: {
        tables: [outboxTableRule('public.outbox', { onFailure, ...tables })],
        messages: [outboxMessageRule('orders', { onFailure, ...messages })]
      },
      deadLetters: 'dead'
    },
    sink,
    keys: new Map([['pii', key]]),
    onFailed: outcome => outcomes.push(outcome)
  })
  producer.begin(transaction)
  operations.forEach((operation, ordinal) => producer.process({ ...operation, ordinal }))
  const records = sink.take()
  const letters = records
    .filter(({ topic }) => topic === 'dead')
    .map(({ value }) => JSON.parse(value!) as Record<string, unknown>)
  return {
    outcomes,
    parked: sink.parked,
    letters,
    topics: records.map(({ topic }) => topic),
    text: JSON.stringify(records)
  }
}

const contentOf = (letter: Record<string, unknown> | undefined): string =>
  Buffer.from(letter!['content'] as string, 'base64').toString()

test('by default an event that cannot be made stops', () => {
  for (const operation of [failing, event(null)]) {
    assert.throws(() => outcomeOf('stop', [operation]), { code: 'ROW_UNSUITABLE' })
  }
})

test('a row of an outbox that makes no event is parked with its place, and those around it go on', () => {
  const { outcomes, parked, letters, topics } = outcomeOf('park', [sound, failing, sound])
  assert.deepEqual(topics, ['outbox.event.order', 'dead', 'outbox.event.order'])
  assert.deepEqual(
    [outcomes, parked],
    [['parked'], [{ operation: 1, table: 'public.outbox', reason: 'ROW_UNSUITABLE' }]]
  )
  const [{ reason, table: from, ordinal, after }] = letters as [Record<string, unknown>]
  assert.deepEqual(
    [reason, from, ordinal, after],
    [
      'ROW_UNSUITABLE',
      'public.outbox',
      1,
      { id: 'e2', aggregatetype: null, aggregateid: 'ann@example.com', payload: { a: 2 }, remark: 'dear' }
    ]
  )
})

test('an update that breaks the convention is parked where it would stop', () => {
  const row = ['e1', 'order', 'x', '{}', '']
  const change = update({ ...outbox, replicaIdentity: 'full' }, row, row)
  const { outcomes, letters } = outcomeOf('park', [change], { tables: { onUpdate: 'fatal' } })
  assert.deepEqual([outcomes, letters[0]!['operation']], [['parked'], 'update'])
})

test('a logical message that makes no event is parked whole, since the log has it no longer', () => {
  const operations = [event('order'), event(null), message('orders', 'no JSON'), event('order')]
  const { parked, letters, topics } = outcomeOf('park', operations)
  assert.deepEqual(topics, ['outbox.event.order', 'dead', 'dead', 'outbox.event.order'])
  assert.deepEqual(
    parked.map(({ operation, table: from }) => [operation, from]),
    [
      [1, 'orders'],
      [2, 'orders']
    ]
  )
  assert.equal(letters[0]!['message'], 'orders')
  assert.deepEqual(letters.map(contentOf), [Buffer.from(operations[1]!.message!.bytes).toString(), 'no JSON'])
})

test('letters show protected columns protected, and then no others than those of the event', () => {
  const rules = { columns: tokenised('aggregateid') }
  const { letters, text } = outcomeOf('park', [failing, event(null, { remark: 'dear' })], {
    tables: rules,
    messages: rules
  })
  assert.equal(letters.length, 2)
  assert.doesNotMatch(text, /ann@example/)
  const after = letters[0]!['after'] as Record<string, string>
  const shown = JSON.parse(contentOf(letters[1])) as Record<string, string>
  assert.match(after['aggregateid']!, /^[\w-]{43}$/)
  assert.equal(shown['aggregateid']!.length, 43)
  for (const members of [after, shown]) {
    assert.deepEqual(Object.keys(members).sort(), ['aggregateid', 'aggregatetype', 'id', 'payload'])
  }
})

test('a message in which what is to be protected cannot be found is not shown', () => {
  const rules = { messages: { columns: tokenised('email') } }
  for (const content of [event('order', { mail: 'ann@example.com' }), message('orders', 'ann@example.com')]) {
    const { letters, text } = outcomeOf('park', [content], rules)
    assert.equal(letters[0]!['rowLeftOut'], 'unreadable')
    assert.ok(!('content' in letters[0]!))
    assert.doesNotMatch(text, /ann@example/)
  }
})

test('skipped events are left out and told', () => {
  const { outcomes, topics, parked } = outcomeOf('skip', [failing, sound, event(null), event('order')])
  assert.deepEqual([outcomes, parked], [['skipped', 'skipped'], []])
  assert.deepEqual(topics, ['outbox.event.order', 'outbox.event.order'])
})
