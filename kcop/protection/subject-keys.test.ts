import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fieldOpener, type RecordHeaders } from '@tidemark/schemas/field-opener.ts'
import { ReaderKeys } from '@tidemark/schemas/reader-keys.ts'
import { subjectHandle, subjectKeyOf, wrappedKeyOf, type SubjectKey } from '@tidemark/schemas/subject-key.ts'
import type { Operation } from '@tidemark/schemas/operation.ts'
import { defineProcessor } from '../index.ts'
import { Producer } from '../producer.ts'
import { allColumns, tableRule, type TableRule } from '../rules.ts'
import { insert, remove, table, transaction, update } from '../testing/operations.ts'
import { RecordingSink, type RecordedRecord } from '../testing/recording-sink.ts'
import { readerKey } from './key-files.ts'
import { SubjectKeys } from './subject-keys.ts'

const { publicKey, privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' }
})
const key = {
  name: 'pii',
  readers: [readerKey(publicKey, 'pii.pem')],
  secret: null,
  rotateAfterValues: 1e6,
  rotateAfterMs: 60_000
}
const visits = table('visit', { id: 'int8', person: 'int4', note: 'text' }, { replicaIdentity: 'full' })
const bySubject = { kind: 'encrypt-subject', key: 'pii', subject: 'person' } as const
const keysTopic = 'clinic.subject-keys'

function clinic(given: Partial<TableRule> = {}, more: { key?: Partial<typeof key>; now?: () => number } = {}) {
  const columns = { ...allColumns, protected: [{ column: 'note', protection: bySubject }] }
  const rules = {
    tables: [tableRule('public.visit', 'clinic', { columns, ...given })],
    outbox: { tables: [], messages: [] },
    subjectKeysTopic: keysTopic
  }
  const sink = new RecordingSink()
  const keys = new Map([['pii', { ...key, ...more.key }]])
  const producer = new Producer({ rules, sink, keys, now: more.now ?? (() => 0) })
  producer.begin(transaction)
  return (...operations: Operation[]) => {
    for (const operation of operations) producer.process(operation)
    return sink.take()
  }
}

function storedKeys(records: readonly RecordedRecord[]): Map<string, SubjectKey> {
  return new Map(
    records
      .filter(({ topic }) => topic === keysTopic)
      .map(({ key: at, value }) => {
        const { handle, keyId } = subjectKeyOf(at!)!
        return [keyId, { handle, wrapped: wrappedKeyOf(value!)! }]
      })
  )
}

function notesOf(records: readonly RecordedRecord[], stored: ReadonlyMap<string, SubjectKey>): unknown[] {
  const keys = new ReaderKeys({ privateKeys: [privateKey], subjectKeys: { find: id => stored.get(id) ?? null } })
  return records
    .filter(({ topic, value }) => topic !== keysTopic && value !== null)
    .map(({ topic, value, headers }) => {
      const row = JSON.parse(value!) as { note: string | null }
      return row.note === null ? null : fieldOpener(topic, headers as RecordHeaders, keys)!.open('note', row.note)
    })
}

test('each subject has a data key of its own, stored once, with the rows it protects', () => {
  const send = clinic()
  const records = send(
    insert(visits, ['1', '7', 'flu']),
    insert(visits, ['2', '8', 'cold']),
    insert(visits, ['3', '7', 'well']),
    insert(visits, ['4', '9', null])
  )
  assert.deepEqual(
    records.map(({ topic }) => topic.replace('clinic.', '')),
    ['subject-keys', 'public.visit', 'subject-keys', 'public.visit', 'public.visit', 'public.visit']
  )
  const stored = storedKeys(records)
  assert.deepEqual(notesOf(records, stored), [{ value: 'flu' }, { value: 'cold' }, { value: 'well' }, null])
  for (const [id, { handle }] of stored) if (handle === subjectHandle('pii', '7')) stored.delete(id)
  assert.deepEqual(notesOf(records, stored), [{ sealed: 'shredded' }, { value: 'cold' }, { sealed: 'shredded' }, null])
  assert.doesNotMatch(JSON.stringify(records), /flu|cold|well/)
})

test('images before and contents of deleted rows are under the key of their own subject', () => {
  const send = clinic({ format: 'audit' })
  const records = send(update(visits, ['1', '7', 'old'], ['1', '8', 'new']), remove(visits, ['1', '8', 'new']))
  const stored = storedKeys(records)
  assert.deepEqual(notesOf(records, stored), [{ value: 'old' }, { value: 'new' }, { value: 'new' }])
  for (const [id, { handle }] of stored) if (handle === subjectHandle('pii', '7')) stored.delete(id)
  assert.deepEqual(notesOf(records, stored), [{ sealed: 'shredded' }, { value: 'new' }, { value: 'new' }])
})

test('a key serves so many values and so long, then the subject gets a further one', () => {
  let time = 0
  const send = clinic({}, { key: { rotateAfterValues: 2 }, now: () => time })
  const row = (id: number) => insert(visits, [String(id), '7', 'x'])
  assert.equal(storedKeys(send(row(1), row(2))).size, 1)
  assert.equal(storedKeys(send(row(3))).size, 1)
  time = 60_000
  assert.equal(storedKeys(send(row(4))).size, 1)
  assert.equal(storedKeys(send(row(5))).size, 0)
})

test('keys held in memory are bounded: who was held longest without use goes first', () => {
  const sink = new RecordingSink()
  const random = (length: number) => Buffer.alloc(length, sink.records.length + 1)
  const keys = new SubjectKeys({ key, now: () => 0, randomBytes: random, sink, topic: keysTopic, heldMax: 2 })
  for (const subject of ['a', 'b', 'a', 'c', 'a', 'b']) keys.use(subject)
  assert.deepEqual(
    sink.take().map(record => subjectKeyOf(record.key!)!.handle),
    ['a', 'b', 'c', 'b'].map(subject => subjectHandle('pii', subject))
  )
})

test('the key of an operation that is set aside stays: the next of its subject may use it', () => {
  const columns = { ...allColumns, protected: [{ column: 'note', protection: bySubject }] }
  const rule = tableRule('public.visit', 'clinic', { columns, processor: 'p.ts', onFailure: 'park' })
  const rules = {
    tables: [rule],
    outbox: { tables: [], messages: [] },
    subjectKeysTopic: keysTopic,
    deadLetters: 'clinic.letters'
  }
  const sink = new RecordingSink()
  const processor = defineProcessor({
    name: 'first fails',
    process(operation, out) {
      if (operation.kind === 'insert' && operation.after.number('id') === 1) throw new Error('no')
      out.default(operation)
    }
  })
  const producer = new Producer({
    rules,
    sink,
    keys: new Map([['pii', key]]),
    processors: new Map([['p.ts', processor]])
  })
  producer.begin(transaction)
  producer.process(insert(visits, ['1', '7', 'flu']))
  producer.process(insert(visits, ['2', '7', 'well']))
  const records = sink.take()
  assert.deepEqual(records.map(({ topic }) => topic.replace('clinic.', '')).sort(), [
    'letters',
    'public.visit',
    'subject-keys'
  ])
  const rows = records.filter(({ topic }) => topic === 'clinic.public.visit')
  assert.deepEqual(notesOf(rows, storedKeys(records)), [{ value: 'well' }])
  const letter = records.find(({ topic }) => topic === 'clinic.letters')!
  assert.doesNotMatch(letter.value!, /flu/)
})

test('a value without a subject stops, and what cannot be a subject is refused', () => {
  assert.throws(() => clinic()(insert(visits, ['1', null, 'flu'])), {
    code: 'ROW_UNSUITABLE',
    message: /column person of public.visit, the subject of note, is null/
  })
  const other = { ...bySubject, subject: 'nobody' }
  const columns = { ...allColumns, protected: [{ column: 'note', protection: other }] }
  assert.throws(() => clinic({ columns })(insert(visits, ['1', '7', 'x'])), {
    code: 'COLUMN_UNKNOWN',
    message: /column nobody, the subject of note/
  })
  assert.throws(() => clinic({ key: ['note'] })(insert(visits, ['1', '7', 'x'])), { code: 'CONFIG_INVALID' })
})

test('a subject may itself be dropped or protected: its key goes by what it is', () => {
  const columns = { ...allColumns, dropped: ['person'], protected: [{ column: 'note', protection: bySubject }] }
  const records = clinic({ columns })(insert(visits, ['1', '7', 'flu']))
  assert.deepEqual(notesOf(records, storedKeys(records)), [{ value: 'flu' }])
  assert.ok(!records.at(-1)!.value!.includes('person'))
})

test('the agent writes the fields of the published vectors', () => {
  const read = (name: string) =>
    JSON.parse(readFileSync(new URL(`../../schemas/vectors/${name}.json`, import.meta.url), 'utf8')) as unknown
  const { keys } = read('protected-fields') as { keys: Record<string, string> }
  const { subject, fields, dataKey, dataKeyId, iv, keyRecord, headers } = read('subject-fields') as {
    subject: string
    dataKey: string
    dataKeyId: string
    iv: string
    keyRecord: { key: string }
    headers: Record<string, string>
    fields: { column: string; text: string; field: string }[]
  }
  const customer = table('customer', { id: 'int8', ssn: 'text', balance: 'int4', note: 'text' })
  const protection = { kind: 'encrypt-subject', key: 'pii', subject: 'id' } as const
  const columns = { ...allColumns, protected: fields.map(({ column }) => ({ column, protection })) }
  const sink = new RecordingSink()
  const random: Record<number, string> = { 32: dataKey, 8: dataKeyId }
  new Producer({
    rules: {
      tables: [tableRule('public.customer', 'bank', { columns })],
      outbox: { tables: [], messages: [] },
      subjectKeysTopic: 'bank.subject-keys'
    },
    sink,
    keys: new Map([['pii', { ...key, readers: [readerKey(keys['publicKey']!, 'v')] }]]),
    now: () => 0,
    randomBytes: length => Buffer.from(random[length] ?? iv.repeat(length / 12), 'hex')
  }).process(insert(customer, [subject, ...fields.map(({ text }) => text)]))
  const [stored, record] = sink.take()
  assert.equal(stored!.key, keyRecord.key)
  assert.deepEqual(record!.headers, headers)
  const row = JSON.parse(record!.value!) as Record<string, string>
  for (const { column, field } of fields) assert.equal(row[column], field)
})
