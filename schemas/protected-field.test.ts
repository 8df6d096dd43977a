import assert from 'node:assert/strict'
import { createHmac, createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { aessiv } from '@noble/ciphers/aes.js'
import { fieldOpener } from './field-opener.ts'
import { openJson } from './opened-json.ts'
import {
  AES_GCM,
  AES_SIV,
  keyBound,
  parseProtectedField,
  placeBound,
  readerKeyId,
  RSA_OAEP,
  secretKeys
} from './protected-field.ts'
import { typeOfText, typeText } from './protection-headers.ts'
import { ReaderKeys } from './reader-keys.ts'

interface Vectors {
  topic: string
  table: string
  keys: Record<string, string>
  headers: Record<string, string>
  fields: { column: string; algorithm: string; text: string; associatedData: string; field: string; value: unknown }[]
  tokens: { text: string; token: string }[]
}

const vectors = JSON.parse(readFileSync(new URL('vectors/protected-fields.json', import.meta.url), 'utf8')) as Vectors
const { topic, table, headers, fields } = vectors
const codes: Record<string, number> = { A256GCM: AES_GCM, 'RSA-OAEP-256': RSA_OAEP, A256SIV: AES_SIV }

test('every field of the vectors opens to its value', () => {
  const keys = new ReaderKeys({ privateKeys: [vectors.keys['privateKey']!], secretKeys: [vectors.keys['secret']!] })
  const opener = fieldOpener(topic, headers, keys)!
  assert.equal(opener.table, table)
  for (const { column, field, value } of fields) assert.deepEqual(opener.open(column, field), { value }, column)
})

test('keys and associated data are made as the vectors say', () => {
  const { secret, publicKey, readerKeyId: reader, ...keys } = vectors.keys
  const spki = createPublicKey(publicKey!).export({ type: 'spki', format: 'der' })
  assert.equal(readerKeyId(spki).toString('hex'), reader)
  const derived = secretKeys(Buffer.from(secret!, 'base64'))
  const hex = [derived.id, derived.deterministic, derived.token].map(bytes => bytes.toString('hex'))
  assert.deepEqual(hex, [keys['secretKeyId'], keys['deterministicKey'], keys['tokenKey']])
  for (const { column, algorithm, field, associatedData } of fields) {
    const { keyId } = parseProtectedField(field)!
    const code = codes[algorithm]!
    const bound = code === AES_SIV ? keyBound(code, keyId) : placeBound(code, keyId, { topic, table, column })
    assert.equal(bound.toString('hex'), associatedData, column)
  }
  for (const { text, token } of vectors.tokens) {
    assert.equal(createHmac('sha256', derived.token).update(text).digest('base64url'), token)
  }
})

test('AES-SIV is that of RFC 5297 (appendix A.1)', () => {
  const hex = (text: string) => Buffer.from(text, 'hex')
  const key = hex('fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff')
  const associated = hex('101112131415161718191a1b1c1d1e1f2021222324252627')
  const sealed = aessiv(key, associated).encrypt(hex('112233445566778899aabbccddee'))
  assert.equal(Buffer.from(sealed).toString('hex'), '85632d07c6e8f37f950acd320a2ecc9340c02b9690c4dc04daef7f6afe5c')
})

test('without the key, or of another version, a field stays as it is and says why', () => {
  const none = fieldOpener(topic, headers, new ReaderKeys({}))!
  for (const { column, field } of fields) assert.deepEqual(none.open(column, field), { sealed: 'no-key' })
  assert.deepEqual(none.open('ssn', 'plain text'), { sealed: 'not-known' })
  assert.deepEqual(none.open('nothing', fields[0]!.field), { sealed: 'not-known' })
  const later = Buffer.from(fields[0]!.field, 'base64')
  later[0] = 2
  assert.deepEqual(none.open('ssn', later.toString('base64')), { sealed: 'not-known' })
  assert.equal(fieldOpener(topic, { ...headers, 'tidemark.enc.v': '2' }, new ReaderKeys({})), null)
  assert.equal(fieldOpener(topic, {}, new ReaderKeys({})), null)
  assert.equal(fieldOpener(topic, { ...headers, 'tidemark.enc.fields': '{' }, new ReaderKeys({})), null)
})

test('a private key that is none is refused', () => {
  for (const key of ['', 'x', vectors.keys['publicKey']!]) {
    assert.throws(() => new ReaderKeys({ privateKeys: [key] }), { code: 'KEY_INVALID' })
  }
})

test('fields are opened wherever a format of JSON keeps a row, and nowhere else', () => {
  const keys = new ReaderKeys({ privateKeys: [vectors.keys['privateKey']!] })
  const opener = fieldOpener(topic, headers, keys)
  const { field } = fields[0]!
  const open = (value: unknown) => openJson(JSON.stringify(value), opener)
  assert.deepEqual(open({ ssn: field, id: 1 }), { value: { ssn: '4711-08', id: 1 }, sealed: {} })
  assert.deepEqual(open({ before: { ssn: field }, after: null }).value, { before: { ssn: '4711-08' }, after: null })
  const inPayload = { payload: { after: { ssn: field }, ssn: null }, schema: {} }
  assert.deepEqual(open(inPayload).value, { payload: { after: { ssn: '4711-08' }, ssn: null }, schema: {} })
  assert.deepEqual(open({ data: { ssn: field } }).value, { data: { ssn: field } })
  assert.deepEqual(open({ afterImage: { ssn: 'x' } }).sealed, { 'afterImage.ssn': 'not-known' })
  assert.deepEqual(openJson(null, opener), { value: null, sealed: {} })
  assert.deepEqual(openJson('{"ssn":"x"}', null), { value: { ssn: 'x' }, sealed: {} })
})

test('types are named and found again', () => {
  for (const text of ['int8', 'text[]', 'timestamptz', 'box', 'box[]', 'other']) {
    assert.equal(typeText(typeOfText(text)), text)
  }
})
