import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fieldOpener } from './field-opener.ts'
import { ReaderKeys, type StoredSubjectKeys } from './reader-keys.ts'
import { subjectBound, subjectHandle, subjectKeyOf, wrappedKeyOf, type SubjectKey } from './subject-key.ts'

interface Vectors {
  topic: string
  table: string
  keyName: string
  subject: string
  handle: string
  dataKey: string
  dataKeyId: string
  keyRecord: { key: string; value: string }
  headers: Record<string, string>
  fields: { column: string; associatedData: string; field: string; value: unknown }[]
}

function read(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`vectors/${name}.json`, import.meta.url), 'utf8'))
}
const vectors = read('subject-fields') as Vectors
const { privateKey } = (read('protected-fields') as { keys: { privateKey: string } }).keys
const { keyRecord, topic, table, headers, fields, handle } = vectors

function store(): Map<string, SubjectKey> {
  const { keyId } = subjectKeyOf(keyRecord.key)!
  return new Map([[keyId, { handle: subjectKeyOf(keyRecord.key)!.handle, wrapped: wrappedKeyOf(keyRecord.value)! }]])
}

function opener(subjectKeys?: StoredSubjectKeys, at = topic) {
  const keys = new ReaderKeys({ privateKeys: [privateKey], ...(subjectKeys === undefined ? {} : { subjectKeys }) })
  return fieldOpener(at, headers, keys)!
}

test('fields of the vectors open with the key of their subject', () => {
  const stored = store()
  const reader = opener({ find: id => stored.get(id) ?? null })
  for (const { column, field, value } of fields) assert.deepEqual(reader.open(column, field), { value }, column)
})

test('handles and associated data are made as the vectors say', () => {
  const { keyName, subject, dataKeyId } = vectors
  assert.equal(subjectHandle(keyName, subject), handle)
  assert.equal(createHash('sha256').update(`tidemark subject 1\0${keyName}\0${subject}`).digest('hex'), handle)
  for (const { column, associatedData } of fields) {
    const bound = subjectBound(Buffer.from(dataKeyId, 'hex'), { topic, table, column }, handle)
    assert.equal(bound.toString('hex'), associatedData)
  }
})

test('once its key is destroyed a field is shredded, even for a reader that had the key', () => {
  const stored = store()
  const reader = opener({ find: id => stored.get(id) ?? null })
  const [{ column, field }] = fields as [Vectors['fields'][number]]
  assert.ok('value' in reader.open(column, field))
  stored.clear()
  assert.deepEqual(reader.open(column, field), { sealed: 'shredded' })
  assert.deepEqual(opener().open(column, field), { sealed: 'no-key' })
})

test('a field does not open elsewhere, nor as that of another subject', () => {
  const stored = store()
  const [{ column, field }] = fields as [Vectors['fields'][number]]
  const find = (id: string) => stored.get(id) ?? null
  assert.deepEqual(opener({ find }, 'other').open(column, field), { sealed: 'not-genuine' })
  const other = { find: (id: string) => ({ ...find(id)!, handle: subjectHandle('pii', '4712') }) }
  assert.deepEqual(opener(other).open(column, field), { sealed: 'not-genuine' })
})

test('records that hold no key are told apart', () => {
  assert.equal(subjectKeyOf('x'), null)
  assert.equal(subjectKeyOf(`${handle}/01`), null)
  for (const value of ['', 'null', '{}', '{"name":"pii"}', '[]']) assert.equal(wrappedKeyOf(value), null)
})
