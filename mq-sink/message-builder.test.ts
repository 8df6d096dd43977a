import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseRfh2 } from '@tidemark/capture/mq/rfh2.ts'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import fc from 'fast-check'
import type { SinkRecord, SinkTransaction } from './feed.ts'
import { keyId, MessageBuilder } from './message-builder.ts'
import type { QueueTarget } from './queue-target.ts'
import { propertyName, propertyOf, rfh2Header } from './rfh2-header.ts'
import { plainTarget } from './testing/plain-target.ts'

const transaction = { name: '7', commitTime: 1_700_000_000_000_000 } as SinkTransaction

function recordOf(headers: Record<string, string>, more: Partial<SinkRecord> = {}): SinkRecord {
  return {
    topic: 'orders',
    partition: 2,
    offset: 9,
    timestamp: 1_700_000_000_123,
    key: Buffer.from('k'),
    value: Buffer.from('v'),
    headers: Object.entries(headers).map(([name, value]) => [name, Buffer.from(value)] as const),
    ...more
  }
}

function built(headers: Record<string, string>, target: Partial<QueueTarget> = {}, more: Partial<SinkRecord> = {}) {
  return new MessageBuilder([{ ...plainTarget, name: 'Q', ...target }]).message(recordOf(headers, more), transaction)!
}

test('an MQRFH2 is read back as it was written, whatever names and values are', () => {
  const header = fc.string({ minLength: 1, maxLength: 20, unit: 'binary' })
  const value = fc.oneof(
    fc.uint8Array({ maxLength: 30 }),
    fc.string({ unit: 'binary' }).map(text => Buffer.from(text))
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(header, value), { minLength: 1, maxLength: 5 }), entries => {
      const properties = entries.map(([name, bytes]) => propertyOf(propertyName(name), Buffer.from(bytes), undefined))
      const bytes = rfh2Header(properties, { ccsid: 1208, encoding: 546, format: 'MQSTR' })
      assert.equal(bytes.length % 4, 0)
      const parsed = parseRfh2(bytes, false)!
      assert.deepEqual([parsed.length, parsed.ccsid, parsed.format], [bytes.length, 1208, 'MQSTR'])
      const wanted = properties.map(({ name, type, value: text }) => [
        name,
        type === 'bytes' ? Buffer.from(text, 'hex') : text
      ])
      assert.deepEqual(parsed.properties, wanted)
    })
  )
})

test('names of properties are legal, and never those IBM keeps', () => {
  assert.equal(propertyName('content-type'), 'content_type')
  assert.equal(propertyName('JMSType'), '_JMSType')
  assert.equal(propertyName('mq.X'), '_mq.X')
  assert.equal(propertyName('1st'), '_1st')
  assert.equal(propertyName('a.b'), 'a.b')
  assert.equal(propertyName('not'), '_not')
})

test('a correlation id: 24 bytes written, up to 24 as they are, of more a digest', () => {
  assert.equal(keyId(Buffer.from('ab'.repeat(24))).toString('hex'), 'ab'.repeat(24))
  assert.equal(keyId(Buffer.from('key')).toString('latin1'), `key${'\0'.repeat(21)}`)
  assert.notDeepEqual(keyId(Buffer.from('x'.repeat(30))), keyId(Buffer.from('x'.repeat(31))))
})

test('the options of the queue stand in for what a record does not say, and not the other way', () => {
  const target: Partial<QueueTarget> = {
    format: 'bytes',
    persistence: 'nonpersistent',
    priority: 4,
    expiryMs: 150,
    replyToQueue: 'R',
    replyToQueueManager: 'QM9'
  }
  const plain = built({}, target)
  assert.deepEqual(
    [
      plain.format,
      plain.persistence,
      plain.priority,
      plain.expiry,
      plain.replyToQueue,
      plain.replyToQueueManager,
      plain.type
    ],
    ['', 0, 4, 2, 'R', 'QM9', 1]
  )
  const own = { 'mq.Persistence': '1', 'mq.Priority': '9', 'mq.Expiry': '-1', 'mq.ReplyToQ': 'S', 'mq.MsgType': '2' }
  const told = built(own, target)
  assert.deepEqual([told.persistence, told.priority, told.expiry, told.replyToQueue, told.type], [1, 9, -1, 'S', 2])
  const deaf = built(own, { ...target, headers: 'properties' })
  assert.deepEqual([deaf.persistence, deaf.priority, deaf.expiry, deaf.replyToQueue], [0, 4, 2, 'R'])
})

test('EBCDIC copybook data stays as it is and is called what it was', () => {
  const { format, ccsid, encoding, body } = built({ 'mq.Format': '', 'mq.CodedCharSetId': '500', 'mq.Encoding': '785' })
  assert.deepEqual([format, ccsid, encoding, Buffer.concat(body).toString()], ['', 500, 785, 'v'])
})

test('a reply has the id of the message it answers', () => {
  const headers = { 'mq.MsgId': '41'.repeat(24), 'mq.CorrelId': '42'.repeat(24) }
  assert.equal(built(headers, { correlId: 'msgId' }).correlId.toString(), 'A'.repeat(24))
  assert.equal(built(headers, { correlId: 'header' }).correlId.toString(), 'B'.repeat(24))
  assert.equal(built(headers, { correlId: 'none' }).correlId.toString('hex'), '00'.repeat(24))
  assert.equal(built(headers, { correlId: 'msgId', headers: 'none' }).correlId.toString(), 'A'.repeat(24))
})

test('what a record tells of itself can be properties', () => {
  const facts = ['topic', 'partition', 'offset', 'timestamp', 'key', 'transaction', 'commitTime'] as const
  const { body } = built({}, { properties: new Map(facts.map(fact => [`x_${fact}`, fact])) })
  assert.deepEqual(Object.fromEntries(parseRfh2(body[0]!, false)!.properties), {
    x_topic: 'orders',
    x_partition: 2,
    x_offset: '9',
    x_timestamp: '1700000000123',
    x_key: 'k',
    x_transaction: '7',
    x_commitTime: '1700000000000000'
  })
})

test('a topic leads to its queue, all others to the queue without topics, or nowhere', () => {
  const two = new MessageBuilder([
    { ...plainTarget, name: 'A', topics: ['a'] },
    { ...plainTarget, name: 'B', tombstones: 'skip' }
  ])
  assert.equal(two.message(recordOf({}, { topic: 'a', value: null }), transaction)!.queue, 0)
  assert.equal(two.message(recordOf({}, { topic: 'x' }), transaction)!.queue, 1)
  assert.equal(two.message(recordOf({}, { topic: 'x', value: null }), transaction), null)
  const one = new MessageBuilder([{ ...plainTarget, name: 'A', topics: ['a'] }])
  assert.equal(one.message(recordOf({}, { topic: 'x' }), transaction), null)
})

test('a header that cannot be what its name says stops, by name and place, without its value', () => {
  for (const headers of [
    { 'mq.Priority': '10' },
    { 'mq.Expiry': 'soon' },
    { 'mq.Format': 'TOO-LONG-A-NAME' },
    { 'mq.ReplyToQ': 'Q'.repeat(49) }
  ]) {
    assert.throws(
      () => built(headers),
      (error: unknown) =>
        isTidemarkError(error, 'RECORD_INVALID') &&
        error.place === 'orders partition 2 offset 9' &&
        error.message.includes(Object.keys(headers)[0]!) &&
        !error.message.includes(Object.values(headers)[0]!)
    )
  }
  assert.throws(() => built({ 'mq.CorrelId': 'xyz' }, { correlId: 'header' }), /mq.CorrelId/)
})
