import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Operation } from '@tidemark/schemas/operation.ts'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { Notice } from '../notice.ts'
import { Producer } from '../producer.ts'
import { outboxMessageRule, outboxTableRule, type OutboxRule } from '../rules.ts'
import { insert, message, remove, table, truncate, update, type RowTexts } from '../testing/operations.ts'
import { RecordingSink, type RecordedRecord } from '../testing/recording-sink.ts'

const columns = { id: 'uuid', aggregatetype: 'text', aggregateid: 'text', type: 'text', payload: 'json' }
const outbox = table('outbox', columns)
const id = '4d47e190-0402-4048-bc2c-89dd54343cdc'
const order: RowTexts = [id, 'order', '1', 'OrderCreated', '{"id": 1, "total": 12345678901234567890.10}']

interface Sent {
  records: RecordedRecord[]
  values: (Buffer | null)[]
  notices: Notice[]
}

function send(operations: readonly Operation[], given: Partial<OutboxRule> = {}): Sent {
  const sink = new RecordingSink()
  const notices: Notice[] = []
  const rules = {
    tables: [],
    outbox: { tables: [outboxTableRule('public.outbox', given)], messages: [outboxMessageRule('orders')] }
  }
  const producer = new Producer({ rules, sink, notify: notice => notices.push({ ...notice }) })
  for (const operation of operations) producer.process(operation)
  return { values: [...sink.values], records: sink.take(), notices }
}

function one(operation: Operation, given: Partial<OutboxRule> = {}): RecordedRecord {
  const { records } = send([operation], given)
  assert.equal(records.length, 1)
  return records[0]!
}

test('with nothing configured an event goes where the Debezium event router sends it', () => {
  assert.deepEqual(one(insert(outbox, order)), {
    topic: 'outbox.event.order',
    key: '1',
    value: '{"id": 1, "total": 12345678901234567890.10}',
    headers: { id }
  })
})

test('columns may have other names', () => {
  const events = table('outbox', { event: 'uuid', kind: 'text', subject: 'int8', body: 'text' })
  const names = { id: 'event', routeBy: 'kind', key: 'subject', payload: 'body' }
  assert.deepEqual(one(insert(events, [id, 'order', '42', 'plain text']), names), {
    topic: 'outbox.event.order',
    key: '42',
    value: 'plain text',
    headers: { id }
  })
})

test('a column that is missing is named', () => {
  const events = table('outbox', { id: 'uuid', aggregatetype: 'text', aggregateid: 'text' })
  assert.throws(
    () => one(insert(events, [id, 'order', '1'])),
    (error: unknown) => {
      return isTidemarkError(error, 'COLUMN_UNKNOWN') && /public\.outbox has no column payload/.test(error.message)
    }
  )
})

test('the topic is made by pattern and template; a value outside the pattern is the topic', () => {
  const given = { routePattern: '(?<area>[a-z]+)\\.(.*)', topic: 'events.${area}.$2' }
  const topicOf = (value: string) => one(insert(outbox, [id, value, '1', 't', '{}']), given).topic
  assert.equal(topicOf('sales.order'), 'events.sales.order')
  assert.equal(topicOf('Sales'), 'Sales')
  assert.equal(topicOf('Xsales.order'), 'Xsales.order')
})

test('events of different aggregates go to different topics, in turn', () => {
  const { records } = send(['a', 'b', 'a', 'aa'].map(type => insert(outbox, [id, type, '1', 't', '{}'])))
  assert.deepEqual(
    records.map(({ topic }) => topic),
    ['outbox.event.a', 'outbox.event.b', 'outbox.event.a', 'outbox.event.aa']
  )
})

test('a value that makes no legal topic name is refused without quoting it', () => {
  for (const value of ['order 66', 'x'.repeat(240), null]) {
    assert.throws(
      () => one(insert(outbox, [id, value, '1', 't', '{}'])),
      (error: unknown) => {
        return isTidemarkError(error, 'ROW_UNSUITABLE') && !error.message.includes('66')
      }
    )
  }
})

test('a bytea payload is sent as its bytes', () => {
  const events = table('outbox', { ...columns, payload: 'bytea' })
  const { values } = send([insert(events, [id, 'order', '1', 't', '\\x0001feff'])])
  assert.deepEqual(values, [Buffer.from([0, 1, 254, 255])])
  assert.throws(() => send([insert(events, [id, 'order', '1', 't', '\\x0001fg'])]), { code: 'ROW_UNSUITABLE' })
})

test('further columns go to headers, the envelope, or the partition', () => {
  const events = table('outbox', { ...columns, at: 'timestamptz', shard: 'int4', flag: 'boolean' })
  const row = [...order, '2024-02-29 12:00:00+00', '5', 't']
  const additional: OutboxRule['additional'] = [
    { column: 'type', as: 'header', name: 'eventType' },
    { column: 'at', as: 'header', name: 'at' },
    { column: 'flag', as: 'envelope', name: 'is"flag' },
    { column: 'at', as: 'envelope', name: 'time' },
    { column: 'shard', as: 'partition', name: 'shard' }
  ]
  assert.deepEqual(one(insert(events, row), { additional }), {
    topic: 'outbox.event.order',
    partition: 5,
    key: '1',
    value: `{"payload":${JSON.stringify(order[4])},"is\\"flag":true,"time":"2024-02-29T12:00:00Z"}`,
    headers: { id, eventType: 'OrderCreated', at: '2024-02-29T12:00:00Z' }
  })
  const expanded = one(insert(events, row), { additional, expandJson: true }).value
  assert.equal(expanded, `{"payload":${String(order[4])},"is\\"flag":true,"time":"2024-02-29T12:00:00Z"}`)
})

test('a bytea payload is base64 in the envelope, and an array column is JSON in a header', () => {
  const events = table('outbox', { ...columns, payload: 'bytea', tags: 'text[]' })
  const additional: OutboxRule['additional'] = [
    { column: 'type', as: 'envelope', name: 'type' },
    { column: 'tags', as: 'header', name: 'tags' }
  ]
  const write = (tags: string) => one(insert(events, [id, 'o', '1', 't', '\\x00ff', tags]), { additional })
  assert.equal(write('{}').value, '{"payload":"AP8=","type":"t"}')
  assert.equal(write('{a,"b c"}').headers['tags'], '["a","b c"]')
  assert.equal(write('[0:0]={"b c"}').headers['tags'], '"[0:0]={\\"b c\\"}"')
})

test('null further columns are null, and choose no partition', () => {
  const events = table('outbox', { ...columns, extra: 'text', shard: 'int4' })
  const additional: OutboxRule['additional'] = [
    { column: 'extra', as: 'header', name: 'extra' },
    { column: 'extra', as: 'envelope', name: 'extra' },
    { column: 'shard', as: 'partition', name: 'shard' }
  ]
  const record = one(insert(events, [...order.slice(0, 4), null, null, null]), { additional })
  assert.deepEqual(record, {
    topic: 'outbox.event.order',
    key: '1',
    value: '{"payload":null,"extra":null}',
    headers: { id, extra: null }
  })
  const wrong = insert(events, [...order, null, '-1'])
  assert.throws(() => one(wrong, { additional }), { code: 'ROW_UNSUITABLE' })
})

test('a text payload that is not JSON stays a string in the envelope, and is told', () => {
  const events = table('outbox', { ...columns, payload: 'text' })
  const additional: OutboxRule['additional'] = [{ column: 'type', as: 'envelope', name: 'type' }]
  const operations = ['{"a":1}', '{broken', '"only a string"'].map(text => insert(events, [id, 'o', '1', 't', text]))
  const { records, notices } = send(operations, { additional, expandJson: true })
  assert.deepEqual(
    records.map(({ value }) => value),
    [
      '{"payload":{"a":1},"type":"t"}',
      '{"payload":"{broken","type":"t"}',
      '{"payload":"\\"only a string\\"","type":"t"}'
    ]
  )
  assert.deepEqual(
    notices.map(({ level, count }) => [level, count]),
    [
      ['warn', 1],
      ['warn', 2]
    ]
  )
})

test('an empty payload is a tombstone when asked, else an empty value', () => {
  const events = table('outbox', { ...columns, payload: 'text' })
  const valuesOf = (given: Partial<OutboxRule>) => {
    const operations = [
      insert(events, [id, 'o', '1', 't', null]),
      insert(events, [id, 'o', '1', 't', ' \n']),
      insert(outbox, [id, 'o', '1', 't', null])
    ]
    return send(operations, given).records.map(({ value }) => value)
  }
  assert.deepEqual(valuesOf({}), ['', ' \n', 'null'])
  assert.deepEqual(valuesOf({ tombstoneOnEmptyPayload: true }), [null, null, null])
})

test('a null key makes a keyless record', () => {
  assert.equal(one(insert(outbox, [id, 'order', null, 't', '{}'])).key, null)
})

test('time, schema version and trace context become headers when configured', () => {
  const events = table('outbox', { ...columns, at: 'timestamp', v: 'int4', tracingspancontext: 'text' })
  const tracing = '#Fri\ntraceparent=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\ntrace\\:state : a\\=b\n'
  const row = [...order, '2024-02-29 12:00:00', '3', tracing]
  assert.deepEqual(one(insert(events, row), { timestamp: 'at', schemaVersion: 'v' }).headers, {
    id,
    timestamp: '2024-02-29T12:00:00',
    schemaVersion: '3',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    'trace:state': 'a=b'
  })
})

test('deletes and truncates of an outbox are housekeeping', () => {
  assert.deepEqual(send([remove(outbox, [id, null, null, null, null], true), truncate(outbox)]).records, [])
})

test('an update is told, seldom when often, or stops', () => {
  const updated = update(outbox, null, order)
  const { records, notices } = send(Array.from({ length: 9 }, () => updated))
  assert.deepEqual(records, [])
  assert.deepEqual(
    notices.map(({ count }) => count),
    [1, 2, 4, 8]
  )
  assert.deepEqual(new Set(notices.map(({ level }) => level)), new Set(['warn']))
  assert.equal(send([updated], { onUpdate: 'error' }).notices[0]!.level, 'error')
  assert.throws(() => send([updated], { onUpdate: 'fatal' }), { code: 'ROW_UNSUITABLE' })
})

test('a logical message with the fields of an outbox row is the same event', () => {
  const content = `{"id": "${id}", "aggregatetype": "order", "aggregateid": 1, "type": "OrderCreated",
    "payload": {"id": 1, "total": 12345678901234567890.10, "text": "a \\"b\\" } ,"}}`
  assert.deepEqual(one(message('orders', content)), {
    topic: 'outbox.event.order',
    key: '1',
    value: '{"id": 1, "total": 12345678901234567890.10, "text": "a \\"b\\" } ,"}',
    headers: { id }
  })
})

test('a message payload that is a string is sent as its text', () => {
  const content = JSON.stringify({ id, aggregatetype: 'order', aggregateid: 'ä"', payload: 'line\nbreak' })
  const { key, value } = one(message('orders', content))
  assert.deepEqual([key, value], ['ä"', 'line\nbreak'])
})

test('messages with other prefixes are not events', () => {
  assert.deepEqual(send([message('heartbeat', 'x'), message('orders2', '{}')]).records, [])
})

test('a message that is no outbox event is refused by its prefix, not its content', () => {
  for (const content of ['secret', '["secret"]', '{"secret":1}', '']) {
    assert.throws(
      () => send([message('orders', content)]),
      (error: unknown) => {
        return isTidemarkError(error, 'ROW_UNSUITABLE') && /orders/.test(error.message) && !/secret/.test(error.message)
      }
    )
  }
})

test('a pattern that is no regular expression is refused at the start', () => {
  assert.throws(() => send([insert(outbox, order)], { routePattern: '(' }), { code: 'CONFIG_INVALID' })
})
