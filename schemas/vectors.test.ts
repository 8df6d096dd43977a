import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { compareBookmarks, formatBookmark, parseBookmark, type Bookmark } from './bookmark.ts'
import { decodeCommitStreamRecord, encodeCommitStreamRecord, fingerprints } from './commit-stream-codec.ts'
import type { CommitStreamRecord } from './commit-stream.ts'
import type { ErrorCode } from './error-codes.ts'
import { encodeRecordHeader, headerBytesMax, RecordHeader } from './record-header.ts'
import { EpochFold } from './stream-fold.ts'
import { isTidemarkError } from './tidemark-error.ts'

interface Named {
  name: string
}

function vectors(file: string): unknown {
  return JSON.parse(readFileSync(new URL(`vectors/${file}.json`, import.meta.url), 'utf8'))
}

function refuses(code: ErrorCode, name: string, act: () => unknown): void {
  assert.throws(act, error => isTidemarkError(error, code), name)
}

interface HeaderFields {
  stream: number
  epoch: number
  sequence: number
  record: number
  operation: number
}

const headers = vectors('record-header') as {
  valid: (Named & { hex: string; header: HeaderFields; ignored?: string })[]
  invalid: (Named & { hex: string })[]
}

test('record headers decode and encode as published', () => {
  const decoded = new RecordHeader()
  for (const { name, hex, header, ignored } of headers.valid) {
    const bytes = Buffer.from(hex, 'hex')
    decoded.decode(bytes, 0, bytes.length)
    const { stream, epoch, sequence, record, operation } = decoded
    assert.deepEqual({ stream, epoch, sequence, record, operation }, header, name)
    const target = Buffer.alloc(headerBytesMax)
    const end = encodeRecordHeader(target, 0, stream, epoch, sequence, record, operation)
    assert.equal(target.toString('hex', 0, end) + (ignored ?? ''), hex, name)
  }
})

test('record headers that are published as invalid are refused', () => {
  for (const { name, hex } of headers.invalid) {
    const bytes = Buffer.from(hex, 'hex')
    refuses('HEADER_INVALID', name, () => new RecordHeader().decode(bytes, 0, bytes.length))
  }
})

type Json = null | number | string | boolean | Json[] | { [key: string]: Json }

/** A record with bytes as hex and maps as objects, as the vectors have it. */
function toJson(value: unknown): Json {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (value instanceof Map) return toJson(Object.fromEntries(value))
  if (Array.isArray(value)) return value.map(toJson)
  if (typeof value !== 'object' || value === null) return value as Json
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, toJson(field)]))
}

const bytesFields = new Set(['position', 'nonce', 'body'])
const mapFields = new Set(['extensions', 'annotations'])

function fromJson(value: Json, field = ''): unknown {
  if (bytesFields.has(field)) return Buffer.from(value as string, 'hex')
  if (mapFields.has(field)) {
    return new Map(Object.entries(value as Record<string, string>).map(([key, hex]) => [key, Buffer.from(hex, 'hex')]))
  }
  if (Array.isArray(value)) return value.map(item => fromJson(item))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fromJson(item, key)]))
}

type RecordVector = Named & { hex: string; record: Json }

const commitStream = vectors('commit-stream') as {
  fingerprints: Record<CommitStreamRecord['type'], { crc64Avro: string; firstTenBytes: string }>
  valid: RecordVector[]
  otherEncodings: RecordVector[]
  invalid: (Named & { hex: string })[]
}

test('commit-stream records decode and encode as published', () => {
  for (const { name, hex, record } of [...commitStream.valid, ...commitStream.otherEncodings]) {
    assert.deepEqual(toJson(decodeCommitStreamRecord(Buffer.from(hex, 'hex'))), record, name)
  }
  for (const { name, hex, record } of commitStream.valid) {
    assert.equal(encodeCommitStreamRecord(fromJson(record) as CommitStreamRecord).toString('hex'), hex, name)
  }
})

test('commit-stream records that are published as invalid are refused', () => {
  for (const { name, hex } of commitStream.invalid) {
    refuses('COMMIT_STREAM_INVALID', name, () => decodeCommitStreamRecord(Buffer.from(hex, 'hex')))
  }
})

test('the fingerprints are those published', () => {
  for (const [type, value] of Object.entries(fingerprints)) {
    const { crc64Avro, firstTenBytes } = commitStream.fingerprints[type as CommitStreamRecord['type']]
    const little = Buffer.alloc(8)
    little.writeBigUInt64LE(value)
    assert.equal(crc64Avro, value.toString(16).padStart(16, '0'), type)
    assert.equal(firstTenBytes, `c301${little.toString('hex')}`, type)
  }
})

const bookmarks = vectors('bookmark') as {
  valid: (Named & { text: string; bookmark: Bookmark })[]
  invalid: (Named & { text: string })[]
  order: string[]
  same: [string, string]
  foreign: [string, string]
}

test('bookmarks parse, format and compare as published', () => {
  for (const { name, text, bookmark } of bookmarks.valid) {
    assert.deepEqual(parseBookmark(text), bookmark, name)
    assert.equal(formatBookmark(bookmark), text, name)
  }
  const order = bookmarks.order.map(parseBookmark)
  for (const [left, before] of order.entries()) {
    for (const [right, after] of order.entries()) {
      assert.equal(Math.sign(compareBookmarks(before, after)), Math.sign(left - right), `${left} and ${right}`)
    }
  }
  assert.equal(compareBookmarks(parseBookmark(bookmarks.same[0]), parseBookmark(bookmarks.same[1])), 0)
})

test('bookmarks that are published as invalid or foreign are refused', () => {
  for (const { name, text } of bookmarks.invalid) refuses('BOOKMARK_INVALID', name, () => parseBookmark(text))
  const [left, right] = bookmarks.foreign
  refuses('BOOKMARK_FOREIGN', 'foreign', () => compareBookmarks(parseBookmark(left), parseBookmark(right)))
})

type Judged = { is: string } & ({ claim: number; commits?: undefined } | { commits: number; claim?: undefined })

const folds = vectors('stream-fold') as { streams: (Named & { known?: { epoch: number }; records: Judged[] })[] }

function judge(fold: EpochFold, record: Judged): string {
  if (record.claim !== undefined) return fold.claim({ epoch: record.claim }) ? 'valid' : 'void'
  try {
    return fold.commits(record.commits)
  } catch (error) {
    if (isTidemarkError(error)) return error.code
    throw error
  }
}

test('claims and commits are valid or void as published', () => {
  for (const { name, known, records } of folds.streams) {
    const fold = new EpochFold(known)
    for (const record of records) assert.equal(judge(fold, record), record.is, `${name}: ${JSON.stringify(record)}`)
  }
})
