import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { fieldOpener, type RecordHeaders } from '@tidemark/schemas/field-opener.ts'
import { ReaderKeys } from '@tidemark/schemas/reader-keys.ts'
import { Producer } from '../producer.ts'
import { readerKey, secretKey } from '../protection/key-files.ts'
import {
  allColumns,
  outboxMessageRule,
  outboxTableRule,
  type ColumnProtection,
  type OutboxMessageRule,
  type OutboxTableRule
} from '../rules.ts'
import { insert, message, table } from '../testing/operations.ts'
import { RecordingSink } from '../testing/recording-sink.ts'

const { publicKey, privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' }
})
const key = {
  name: 'pii',
  readers: [readerKey(publicKey, 'pii.pem')],
  secret: secretKey(Buffer.alloc(32, 9).toString('base64'), 'pii.key'),
  rotateAfterValues: 1e6,
  rotateAfterMs: 1e9
}
const columns = { id: 'uuid', aggregatetype: 'text', aggregateid: 'text', payload: 'json' }
const outbox = table('outbox', columns)
const event = insert(outbox, ['e1', 'order', 'ann@example.com', '{"secret":4711}'])

const encrypt = { kind: 'encrypt', key: 'pii' } as const
const token = { kind: 'tokenise', key: 'pii' } as const

function send(protections: Record<string, ColumnProtection>, given: Partial<OutboxTableRule> = {}) {
  const guarded = Object.entries(protections).map(([column, protection]) => ({ column, protection }))
  const rule = outboxTableRule('public.outbox', { columns: { ...allColumns, protected: guarded }, ...given })
  const sink = new RecordingSink()
  const rules = { tables: [], outbox: { tables: [rule], messages: [] } }
  new Producer({ rules, sink, keys: new Map([['pii', key]]) }).process(event)
  return sink.take()
}

test('an event’s payload is encrypted and its key tokenised before the event is made', () => {
  const [record] = send({ payload: encrypt, aggregateid: token }, { topic: 'orders' })
  assert.match(record!.key!, /^[\w-]{43}$/)
  assert.ok(!JSON.stringify(record).includes('4711'))
  assert.equal(record!.headers.id, 'e1')
  const keys = new ReaderKeys({ privateKeys: [privateKey] })
  const opener = fieldOpener('orders', record!.headers as RecordHeaders, keys)!
  assert.deepEqual(opener.open('payload', record!.value!), { value: { secret: 4711 } })
})

test('what routes is not protected, what is bound to a topic needs one, and a key stays a key', () => {
  const refuse = (protections: Record<string, ColumnProtection>, message: RegExp) =>
    assert.throws(() => send(protections), { code: 'CONFIG_INVALID', message })
  refuse({ aggregatetype: { kind: 'hash', salt: 'x' } }, /names the topic/)
  refuse({ payload: { kind: 'encrypt', key: 'pii' } }, /each event chooses its own/)
  refuse({ aggregateid: { kind: 'encrypt', key: 'pii' } }, /in the record key/)
  const [record] = send({ payload: { kind: 'deterministic', key: 'pii' } })
  assert.equal(record!.topic, 'outbox.event.order')
})

function emit(content: object, protections: Record<string, ColumnProtection>, given: Partial<OutboxMessageRule> = {}) {
  const guarded = Object.entries(protections).map(([column, protection]) => ({ column, protection }))
  const rule = outboxMessageRule('orders', { columns: { ...allColumns, protected: guarded }, ...given })
  const sink = new RecordingSink()
  const rules = { tables: [], outbox: { tables: [], messages: [rule] } }
  new Producer({ rules, sink, keys: new Map([['pii', key]]) }).process(message('orders', JSON.stringify(content)))
  return sink.take()
}
const order = { id: 'e1', aggregatetype: 'order', aggregateid: 'ann@example.com', payload: { secret: 4711 } }

test('the fields of a logical message are protected as the columns of an outbox table are', () => {
  const [record] = emit(order, { payload: encrypt, aggregateid: token }, { topic: 'orders' })
  assert.match(record!.key!, /^[\w-]{43}$/)
  assert.ok(!JSON.stringify(record).includes('4711'))
  const opener = fieldOpener('orders', record!.headers as RecordHeaders, new ReaderKeys({ privateKeys: [privateKey] }))!
  assert.equal(opener.table, 'orders')
  assert.deepEqual(opener.open('payload', record!.value!), { value: { secret: 4711 } })
  const [text] = emit({ ...order, payload: 'plain 4711' }, { payload: encrypt }, { topic: 'orders' })
  const reader = fieldOpener('orders', text!.headers as RecordHeaders, new ReaderKeys({ privateKeys: [privateKey] }))!
  assert.deepEqual(reader.open('payload', text!.value!), { value: 'plain 4711' })
})

test('a message without a field that is to be protected is refused: the field may have another name now', () => {
  const { payload: _, ...renamed } = { ...order, body: order.payload }
  const refuse = () => emit({ ...renamed, payload: null }, { body: encrypt, note: encrypt }, { topic: 'orders' })
  assert.throws(refuse, { code: 'ROW_UNSUITABLE', message: /no field note, which is to be protected/ })
})

test('rules for messages that cannot hold are refused before there is a message', () => {
  const refuse = (protections: Record<string, ColumnProtection>, message: RegExp) =>
    assert.throws(() => emit(order, protections), { code: 'CONFIG_INVALID', message })
  refuse({ aggregatetype: { kind: 'hash', salt: 'x' } }, /outbox messages orders: column aggregatetype names the topic/)
  refuse({ payload: encrypt }, /each event chooses its own/)
  refuse({ aggregateid: encrypt }, /in the record key/)
})
