import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MessageContent, Operation } from '@tidemark/schemas/operation.ts'
import { jsonPath } from './content/json-path.ts'
import { Producer } from './producer.ts'
import { defineProcessor } from './processor.ts'
import type { QueueRule } from './queue-rules.ts'
import { RecordingSink } from './testing/recording-sink.ts'

const id = 'a1'.padEnd(48, '0')
const group = 'b2'.padEnd(48, '0')

function recordsOf(rule: Partial<QueueRule>, message: Partial<MessageContent>, processors = new Map()) {
  const sink = new RecordingSink()
  const whole: QueueRule = {
    queue: 'ORDERS.IN',
    topic: 'orders',
    content: 'bytes',
    repeatedElements: [],
    key: 'none',
    headers: 'all',
    processor: null,
    onFailure: 'stop',
    ...rule
  }
  const rules = { tables: [], outbox: { tables: [], messages: [] }, queues: [whole], deadLetters: 'dead' }
  const producer = new Producer({ rules, sink, processors })
  const transaction = { sourceId: id, commitTime: 1, position: new Uint8Array(0), kind: 'mirror' as const }
  const content = { prefix: 'ORDERS.IN', bytes: Buffer.from('x'), properties: new Map(), ...message }
  producer.begin(transaction)
  producer.process({
    kind: 'message',
    table: null,
    ordinal: 0,
    transaction,
    lsnBytes: null,
    lsnStart: 0,
    before: null,
    after: null,
    oldTuple: null,
    newTuple: null,
    beforeIsKeyOnly: false,
    truncated: [],
    message: content
  } satisfies Operation)
  producer.commit(transaction)
  return sink.records.map((record, index) => ({ ...record, bytes: sink.values[index]! }))
}

test('a message goes on byte by byte, whatever is in it', () => {
  const bytes = Buffer.from([0, 255, 0x40, 0xc1, 10])
  const [record] = recordsOf({}, { bytes })
  assert.deepEqual(record!.bytes, bytes)
  assert.equal(record!.key, null)
})

test('the key is one of the identifiers; that of a group stands in for the id of a message outside any', () => {
  const properties = new Map([
    ['mq.MsgId', id],
    ['mq.GroupId', group]
  ])
  const keyBy = (key: QueueRule['key'], given = properties) =>
    recordsOf({ key }, { properties: given })[0]!.key ?? undefined
  assert.equal(keyBy('msgId'), id)
  assert.equal(keyBy('groupId'), group)
  assert.equal(keyBy('correlId'), undefined)
  assert.equal(keyBy('groupId', new Map([['mq.MsgId', id]])), id)
})

test('the key may come from a JSON path, numbers with all their digits', () => {
  const bytes = Buffer.from('{"order": {"id": 12345678901234567890, "name": "a\\u00e9"}}')
  const keyAt = (path: string) => recordsOf({ key: { json: jsonPath(path)! } }, { bytes })[0]!.key
  assert.equal(keyAt('$.order.id'), '12345678901234567890')
  assert.equal(keyAt('$.order.name'), 'aé')
  assert.throws(() => keyAt('$.order.price'), { code: 'ROW_UNSUITABLE' })
  assert.throws(() => recordsOf({ key: { json: ['id'] } }, { bytes: Buffer.from('no JSON') }), {
    code: 'ROW_UNSUITABLE'
  })
})

test('the key may come from what XML becomes, and from an element of an array', () => {
  const bytes = Buffer.from('<order id="7"><line sku="a"/><line sku="b"/></order>')
  const keyAt = (path: string, content: QueueRule['content'] = 'xml') =>
    recordsOf({ key: { json: jsonPath(path)! }, content }, { bytes })[0]!
  assert.equal(keyAt('$.order.@id').key, '7')
  const { key, value } = keyAt('$.order.line[1].@sku')
  assert.deepEqual([key, value], ['b', '{"order":{"@id":"7","line":[{"@sku":"a"},{"@sku":"b"}]}}'])
  assert.throws(() => keyAt('$.order.id'), { code: 'ROW_UNSUITABLE' })
  assert.throws(() => keyAt('$.order.@id', 'json'), { code: 'ROW_UNSUITABLE', message: /`content: json`/ })
})

test('half a surrogate pair is no key, since another half would be the same', () => {
  const bytes = Buffer.from('{"id":"\\ud800"}')
  assert.throws(() => recordsOf({ key: { json: ['id'] } }, { bytes }), { code: 'ROW_UNSUITABLE' })
})

test('descriptor and properties are headers; types that are no strings are told', () => {
  const properties = new Map<string, string | number | boolean | Uint8Array>([
    ['mq.MsgId', id],
    ['colour', 'blue'],
    ['count', 7],
    ['urgent', true],
    ['tidemark', 'not ours']
  ])
  const headersOf = (headers: QueueRule['headers']) => {
    return { ...recordsOf({ headers }, { properties })[0]!.headers }
  }
  assert.deepEqual(headersOf('all'), {
    'mq.MsgId': id,
    colour: 'blue',
    count: '7',
    urgent: 'true',
    'property.tidemark': 'not ours',
    'mq.PropertyTypes': 'count=number urgent=boolean'
  })
  assert.deepEqual(headersOf('descriptor'), { 'mq.MsgId': id })
  assert.deepEqual(headersOf('none'), {})
})

test('a user processor sees each message, and may send what the rule would', () => {
  const processor = defineProcessor({
    name: 'twice',
    process(operation, out) {
      if (operation.kind !== 'message') return
      out.send({ topic: 'copies', key: null, value: operation.message.bytes })
      out.default(operation)
    }
  })
  const records = recordsOf(
    { processor: '/twice.ts' },
    { bytes: Buffer.from('m') },
    new Map([['/twice.ts', processor]])
  )
  assert.deepEqual(
    records.map(({ topic, value }) => [topic, value]),
    [
      ['copies', 'm'],
      ['orders', 'm']
    ]
  )
})

test('a message that is not what its queue holds is parked as it came, or skipped, and the next one goes on', () => {
  const bytes = Buffer.from('<order>')
  const [letter] = recordsOf({ content: 'xml', onFailure: 'park' }, { bytes })
  assert.equal(letter!.topic, 'dead')
  const { reason, content } = JSON.parse(letter!.value!) as Record<string, string>
  assert.equal(reason, 'ROW_UNSUITABLE')
  assert.equal(Buffer.from(content!, 'base64').toString(), '<order>')
  assert.deepEqual(recordsOf({ content: 'xml', onFailure: 'skip' }, { bytes }), [])
})

test('a message that cannot become a record is set aside whole, and only what the queue shows of its properties', () => {
  const properties = new Map<string, string | Uint8Array>([
    ['mq.MsgId', id],
    ['colour', 'red'],
    ['raw', Buffer.from([1, 2])]
  ])
  const rule = { key: { json: ['order'] }, headers: 'properties', onFailure: 'park' } as const
  const [letter] = recordsOf(rule, { bytes: Buffer.from('no json'), properties })
  assert.equal(letter!.topic, 'dead')
  assert.equal(letter!.key, 'ORDERS.IN')
  const { reason, queue, content, properties: shown } = JSON.parse(letter!.value!) as Record<string, unknown>
  assert.deepEqual(
    [reason, queue, Buffer.from(String(content), 'base64').toString()],
    ['ROW_UNSUITABLE', 'ORDERS.IN', 'no json']
  )
  assert.deepEqual(shown, { colour: 'red', raw: { base64: 'AQI=' } })
})
