import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { fieldOpener, type RecordHeaders } from '@tidemark/schemas/field-opener.ts'
import { openJson } from '@tidemark/schemas/opened-json.ts'
import { ReaderKeys } from '@tidemark/schemas/reader-keys.ts'
import type { Operation } from '@tidemark/schemas/operation.ts'
import { configuredFormats } from '../configured-formats.ts'
import { Producer } from '../producer.ts'
import { allColumns, tableRule, type ColumnProtection, type TableRule } from '../rules.ts'
import { insert, remove, table, UNCHANGED, update } from '../testing/operations.ts'
import { RecordingSink, type RecordedRecord } from '../testing/recording-sink.ts'
import { readerKey, secretKey } from './key-files.ts'
import type { ProtectionKey } from './protection-keys.ts'

function pair() {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' }
  })
  return { publicKey, privateKey }
}

const support = pair()
const fraud = pair()
const secret = randomBytes(32).toString('base64')

function key(publicKeys: string[], more: Partial<ProtectionKey> = {}): ProtectionKey {
  const readers = publicKeys.map(text => readerKey(text, 'x.pem'))
  return {
    name: 'pii',
    readers,
    secret: secretKey(secret, 'x.key'),
    rotateAfterValues: 1e6,
    rotateAfterMs: 1e9,
    ...more
  }
}

const customer = table(
  'customer',
  { id: 'int8', name: 'text', ssn: 'text', born: 'date', balance: 'int4', tags: 'text[]' },
  { replicaIdentity: 'full' }
)
const ann = ['1', 'Ann "A" Ähre', '4711-08', '1970-01-31', '-42', '{a,NULL}']
const open = ['ssn', 'born', 'balance', 'tags', 'name']

function protect(protection: ColumnProtection, columns = open): Partial<TableRule> {
  return { columns: { ...allColumns, protected: columns.map(column => ({ column, protection })) } }
}

interface Setting {
  keys?: ProtectionKey
  now?: () => number
}

function producerOf(given: Partial<TableRule>, { keys = key([support.publicKey]), now = () => 0 }: Setting = {}) {
  const sink = new RecordingSink()
  const rules = { tables: [tableRule('public.customer', 'bank', given)], outbox: { tables: [], messages: [] } }
  return { sink, producer: new Producer({ rules, sink, formats, keys: new Map([['pii', keys]]), now }) }
}

function records(given: Partial<TableRule>, setting: Setting, ...operations: Operation[]): RecordedRecord[] {
  const { sink, producer } = producerOf(given, setting)
  for (const operation of operations) producer.process(operation)
  return sink.take()
}

const supportKeys = new ReaderKeys({ privateKeys: [support.privateKey], secretKeys: [secret] })

function opened(record: RecordedRecord, keys = supportKeys, topic = record.topic) {
  return openJson(record.value, fieldOpener(topic, record.headers as RecordHeaders, keys))
}

const plain = { id: 1, name: 'Ann "A" Ähre', ssn: '4711-08', born: '1970-01-31', balance: -42, tags: ['a', null] }

test('encrypted columns are nowhere to be read, and come back with their types', () => {
  for (const kind of ['encrypt', 'rsa', 'deterministic'] as const) {
    const [record] = records(protect({ kind, key: 'pii' }), {}, insert(customer, ann))
    for (const text of ['Ann', '4711', '1970', '-42']) assert.ok(!JSON.stringify(record).includes(text), kind)
    assert.deepEqual(opened(record!), { value: plain, sealed: {} })
  }
})

test('every reader opens with a key of its own; one without stays with the ciphertext, told so', () => {
  const keys = key([support.publicKey, fraud.publicKey])
  const [record] = records(protect({ kind: 'encrypt', key: 'pii' }, ['ssn']), { keys }, insert(customer, ann))
  for (const { privateKey } of [support, fraud]) {
    assert.deepEqual(opened(record!, new ReaderKeys({ privateKeys: [privateKey] })).value, plain)
  }
  const other = opened(record!, new ReaderKeys({ privateKeys: [pair().privateKey] }))
  assert.deepEqual(other.sealed, { ssn: 'no-key' })
  assert.equal((other.value as typeof plain).ssn, JSON.parse(record!.value!).ssn)
  assert.equal((other.value as typeof plain).name, plain.name)
})

const formats = configuredFormats({
  subscription: 'bank',
  topicPrefix: 'bank',
  database: 'bank',
  version: '1',
  decimals: 'precise',
  registry: { schemas: { entry: (subject, schema) => ({ subject, schema, id: 1, ready: null }) }, subjects: 'topic' },
  now: () => 0
})

test('no image of any format, and no content of a deleted row, has a protected value', () => {
  const bea = ['1', 'Bea', '4712', '1971-01-31', '-43', null]
  for (const format of ['json', 'audit', 'audit-single', 'csv', 'csv-journal', 'cloudevents', 'debezium', 'avro']) {
    const given = { ...protect({ kind: 'encrypt', key: 'pii' }), format, deletes: 'both' as const }
    const sent = records(given, {}, insert(customer, ann), update(customer, ann, bea), remove(customer, bea))
    assert.ok(sent.length >= 3, format)
    for (const text of ['Ann', 'Bea', '471', '197', '-42', '-43']) {
      for (const { value, headers } of sent) {
        assert.ok(value === null || !withoutCiphertext(value).includes(text), `${format} ${text}`)
        assert.ok(!withoutCiphertext(JSON.stringify(headers)).includes(text), `${format} ${text}`)
      }
    }
  }
})

/** Base64 of 40 characters and more, and ids of keys, may hold any three of them. */
function withoutCiphertext(value: string): string {
  return value.replaceAll(/[A-Za-z0-9+/=]{40,}|[0-9a-f]{16}/g, '')
}

test('images before and after of an audit record open alike', () => {
  const given = { ...protect({ kind: 'encrypt', key: 'pii' }), format: 'audit-single' }
  const [record] = records(given, {}, update(customer, ann, ['1', 'Bea', '4712', '1971-01-31', '-43', null]))
  const { value, sealed } = opened(record!)
  const images = value as { beforeImage: typeof plain; afterImage: typeof plain }
  assert.deepEqual(sealed, {})
  assert.deepEqual(images.beforeImage, plain)
  assert.deepEqual([images.afterImage.name, images.afterImage.tags], ['Bea', null])
})

test('null stays null, and a column not sent stays away', () => {
  const given = protect({ kind: 'encrypt', key: 'pii' })
  const [record] = records(given, {}, insert(customer, ['1', null, UNCHANGED, null, null, null]))
  assert.equal(record!.value, '{"id":1,"name":null,"born":null,"balance":null,"tags":null}')
  assert.equal(record!.headers['tidemark.unchanged'], '["ssn"]')
})

test('a field copied to another topic, table or column does not open', () => {
  const [record] = records(protect({ kind: 'encrypt', key: 'pii' }, ['ssn', 'name']), {}, insert(customer, ann))
  assert.deepEqual(opened(record!, supportKeys, 'bank.other').sealed, { ssn: 'not-genuine', name: 'not-genuine' })
  const swapped = JSON.parse(record!.value!)
  ;[swapped.ssn, swapped.name] = [swapped.name, swapped.ssn]
  const changed = { ...record!, value: JSON.stringify(swapped) }
  assert.deepEqual(opened(changed).sealed, { ssn: 'not-genuine', name: 'not-genuine' })
  const fields = record!.headers['tidemark.enc.fields']!.replace('public.customer', 'public.others')
  const elsewhere = { ...record!, headers: { ...record!.headers, 'tidemark.enc.fields': fields } }
  assert.deepEqual(Object.keys(opened(elsewhere).sealed).sort(), ['name', 'ssn'])
})

test('a field changed in any bit does not open', () => {
  const [record] = records(protect({ kind: 'encrypt', key: 'pii' }, ['ssn']), {}, insert(customer, ann))
  const opener = fieldOpener(record!.topic, record!.headers as RecordHeaders, supportKeys)!
  const bytes = Buffer.from(JSON.parse(record!.value!).ssn, 'base64')
  fc.assert(
    fc.property(fc.integer({ min: 0, max: bytes.length * 8 - 1 }), bit => {
      const altered = Buffer.from(bytes)
      altered[bit >> 3]! ^= 1 << (bit & 7)
      return 'sealed' in opener.open('ssn', altered.toString('base64'))
    })
  )
})

test('a data key changes after so many values and after so long, between operations only', () => {
  const ids = (keys: ProtectionKey, times: number[]) => {
    const { sink, producer } = producerOf(protect({ kind: 'encrypt', key: 'pii' }, ['ssn', 'name']), {
      keys,
      now: () => times.shift()!
    })
    while (times.length > 0) producer.process(insert(customer, ann))
    return sink.take().map(record => Object.keys(JSON.parse(record.headers['tidemark.enc.keys']!)).join())
  }
  const byCount = ids(key([support.publicKey], { rotateAfterValues: 3 }), [0, 0, 0, 0])
  assert.equal(byCount[0], byCount[1])
  assert.equal(byCount[2], byCount[3])
  assert.notEqual(byCount[1], byCount[2])
  const byTime = ids(key([support.publicKey], { rotateAfterMs: 10 }), [0, 9, 10, 19])
  assert.equal(byTime[0], byTime[1])
  assert.equal(byTime[2], byTime[3])
  assert.notEqual(byTime[1], byTime[2])
})

test('records before and after a change of the data key are both opened', () => {
  const keys = key([support.publicKey], { rotateAfterValues: 1 })
  const given = protect({ kind: 'encrypt', key: 'pii' }, ['ssn'])
  const sent = records(given, { keys }, insert(customer, ann), insert(customer, ann))
  assert.notEqual(sent[0]!.headers['tidemark.enc.keys'], sent[1]!.headers['tidemark.enc.keys'])
  for (const record of sent) assert.deepEqual(opened(record).value, plain)
})

test('equal values differ under encrypt and rsa, and are equal under deterministic, tokenise and hash', () => {
  const values = (protection: ColumnProtection) => {
    const sent = records(protect(protection, ['ssn']), {}, insert(customer, ann), insert(customer, ann))
    return sent.map(record => JSON.parse(record.value!).ssn as string)
  }
  for (const kind of ['encrypt', 'rsa'] as const) assert.equal(new Set(values({ kind, key: 'pii' })).size, 2)
  for (const kind of ['deterministic', 'tokenise'] as const) assert.equal(new Set(values({ kind, key: 'pii' })).size, 1)
  const [hashed] = values({ kind: 'hash', salt: 'pepper' })
  assert.match(hashed!, /^[0-9a-f]{64}$/)
  assert.match(values({ kind: 'tokenise', key: 'pii' })[0]!, /^[A-Za-z0-9_-]{43}$/)
})

test('a key column may be deterministic, tokenised or hashed, and its tombstone has the same key', () => {
  for (const kind of ['deterministic', 'tokenise'] as const) {
    const given = { ...protect({ kind, key: 'pii' }, ['id']) }
    const [row, tombstone] = records(given, {}, insert(customer, ann), remove(customer, ann))
    assert.equal(row!.key, tombstone!.key)
    assert.ok(!row!.key!.includes('{"id":1}'))
    assert.equal(tombstone!.value, null)
  }
  const given = protect({ kind: 'deterministic', key: 'pii' }, ['id'])
  const [, tombstone] = records(given, {}, insert(customer, ann), remove(customer, ann))
  const opener = fieldOpener(tombstone!.topic, tombstone!.headers as RecordHeaders, supportKeys)
  assert.deepEqual(openJson(tombstone!.key, opener).value, { id: 1 })
})

test('a key column never gets a random form, is never masked, and is never dropped', () => {
  const refused: ColumnProtection[] = [
    { kind: 'encrypt', key: 'pii' },
    { kind: 'rsa', key: 'pii' },
    { kind: 'mask', keepLast: 1, character: '*' }
  ]
  for (const protection of refused) {
    const message = new RegExp(`column id is in the record key .*${protection.kind}`)
    assert.throws(() => records(protect(protection, ['id']), {}, insert(customer, ann)), {
      code: 'CONFIG_INVALID',
      message
    })
    const byName = { ...protect(protection, ['name']), key: ['name'] }
    assert.throws(() => records(byName, {}, insert(customer, ann)), { code: 'CONFIG_INVALID' })
  }
})

test('a mask keeps the last characters, and nothing of a value that is not longer', () => {
  const masked = (value: string, keepLast = 4) => {
    const given = protect({ kind: 'mask', keepLast, character: '•' }, ['ssn'])
    return JSON.parse(records(given, {}, insert(customer, ['1', 'x', value, null, null, null]))[0]!.value!).ssn
  }
  assert.equal(masked('4711-0815'), '•••••0815')
  assert.equal(masked('0815'), '••••')
  assert.equal(masked('äöüß€', 2), '•••ß€')
  assert.equal(masked(''), '')
  assert.equal(masked('abc', 0), '•••')
})

test('protections without a key to open them add no headers', () => {
  const given = protect({ kind: 'mask', keepLast: 2, character: '*' }, ['ssn'])
  assert.deepEqual(records(given, {}, insert(customer, ann))[0]!.headers, {})
})

test('headers of one’s own hold a protected column in its protected form', () => {
  const given = {
    ...protect({ kind: 'tokenise', key: 'pii' }, ['ssn']),
    headers: [{ name: 'ssn', from: { column: 'ssn' } }]
  }
  const [record] = records(given, {}, insert(customer, ann))
  assert.equal(record!.headers.ssn, JSON.parse(record!.value!).ssn)
})

test('a value too long for direct RSA stops, named and not shown', () => {
  const long = 'secret '.repeat(100)
  assert.throws(
    () =>
      records(protect({ kind: 'rsa', key: 'pii' }, ['ssn']), {}, insert(customer, ['1', 'x', long, null, null, null])),
    { code: 'ROW_UNSUITABLE', message: /column ssn of public\.customer is longer than the 190 bytes/ }
  )
})

test('a key that is not there, or not fit for what it is to do, stops before any record', () => {
  const refuse = (protection: ColumnProtection, keys: ProtectionKey, message: RegExp) => {
    const { sink, producer } = producerOf(protect(protection, ['ssn']), { keys })
    assert.throws(() => producer.schema(customer), { code: 'KEY_INVALID', message })
    assert.deepEqual(sink.take(), [])
  }
  const both = key([support.publicKey, fraud.publicKey])
  refuse({ kind: 'encrypt', key: 'pi' }, both, /no key pi/)
  refuse({ kind: 'rsa', key: 'pii' }, both, /has 2 public keys/)
  refuse({ kind: 'encrypt', key: 'pii' }, key([]), /has no public key/)
  refuse({ kind: 'tokenise', key: 'pii' }, key([], { secret: null }), /has no secret key/)
})

test('key files are refused by what is wrong with them', () => {
  const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ type: 'spki', format: 'pem' })
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'pem' })
  const wrong: [string, RegExp][] = [
    ['hello', /does not hold a public key/],
    [support.privateKey, /holds a private key/],
    [String(small), /RSA key of 1024 bits/],
    [String(ec), /key of type ec/]
  ]
  for (const [text, message] of wrong) {
    assert.throws(() => readerKey(text, 'pii.pem'), { code: 'KEY_INVALID', message, place: 'pii.pem' })
  }
  assert.throws(() => secretKey('c2hvcnQ=', 'pii.key'), { code: 'KEY_INVALID', message: /secret of 5 bytes/ })
  assert.throws(() => secretKey('not base64!', 'pii.key'), { code: 'KEY_INVALID', message: /base64/ })
})

test('any text comes back through every protection that opens', () => {
  const kinds = ['encrypt', 'rsa', 'deterministic'] as const
  const texts = fc
    .string({ unit: 'grapheme', maxLength: 40 })
    .filter(text => !text.includes('\0') && text.isWellFormed())
  const producers = kinds.map(kind => producerOf(protect({ kind, key: 'pii' }, ['ssn'])))
  fc.assert(
    fc.property(texts, fc.integer({ min: 0, max: 2 }), (text, which) => {
      const { sink, producer } = producers[which]!
      producer.process(insert(customer, ['1', 'x', text, null, null, null]))
      assert.equal((opened(sink.take()[0]!).value as typeof plain).ssn, text)
    }),
    { numRuns: 200 }
  )
})

test('a dead letter shows protected values in their protected form, or none, and readers can open them', () => {
  const file = '/p.ts'
  const sink = new RecordingSink()
  const encrypt = protect({ kind: 'encrypt', key: 'pii' })
  const rules = {
    tables: [tableRule('public.customer', 'bank', { ...encrypt, processor: file, onFailure: 'park' as const })],
    outbox: { tables: [], messages: [] },
    deadLetters: 'bank.dead'
  }
  const processor = {
    name: 'p',
    process: () => {
      throw new Error('x')
    }
  }
  const keys = new Map([['pii', key([support.publicKey])]])
  const producer = new Producer({ rules, sink, keys, processors: new Map([[file, processor]]) })
  producer.process(update(customer, ann, ann))
  const [letter] = sink.take()
  for (const secretText of ['4711', '1970', 'Ähre', '-42']) assert.ok(!letter!.value!.includes(secretText), secretText)
  const { topic } = JSON.parse(letter!.value!) as { topic: string }
  const readers = new ReaderKeys({ privateKeys: [support.privateKey] })
  const { value, sealed } = openJson(letter!.value, fieldOpener(topic, letter!.headers as RecordHeaders, readers))
  assert.deepEqual(sealed, {})
  const { before, after } = value as { before: object; after: object }
  assert.deepEqual(before, after)
  assert.deepEqual(after, {
    id: 1,
    name: 'Ann "A" Ähre',
    ssn: '4711-08',
    born: '1970-01-31',
    balance: -42,
    tags: ['a', null]
  })
})

test('a value that cannot be protected is in no letter', () => {
  const sink = new RecordingSink()
  const rsa = protect({ kind: 'rsa', key: 'pii' }, ['ssn'])
  const rules = {
    tables: [tableRule('public.customer', 'bank', { ...rsa, onFailure: 'park' as const })],
    outbox: { tables: [], messages: [] },
    deadLetters: 'bank.dead'
  }
  const producer = new Producer({ rules, sink, keys: new Map([['pii', key([support.publicKey])]]) })
  producer.process(insert(customer, ['1', 'Ann', '4711'.repeat(100), null, null, null]))
  const [letter] = sink.take()
  assert.equal(letter!.topic, 'bank.dead')
  assert.doesNotMatch(letter!.value!, /4711|Ann/)
  assert.equal((JSON.parse(letter!.value!) as { rowLeftOut: string }).rowLeftOut, 'unreadable')
})

test('a column encrypted to another form each time cannot choose the partition', () => {
  const partition = { column: 'ssn' }
  const sent = (protection: ColumnProtection) =>
    records({ ...protect(protection, ['ssn']), partition }, {}, insert(customer, ann))
  for (const kind of ['encrypt', 'rsa'] as const) {
    assert.throws(() => sent({ kind, key: 'pii' }), { code: 'CONFIG_INVALID', message: /ssn chooses the partition/ })
  }
  assert.equal(sent({ kind: 'tokenise', key: 'pii' }).length, 1)
})
