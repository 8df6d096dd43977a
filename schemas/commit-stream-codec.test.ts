import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import avro from 'avsc'
import { assert as check, integer, nat, property, uint8Array } from 'fast-check'
import { anyEntry, anyRecord, toAvro } from '../test/support/commit-stream-records.ts'
import { crc64Avro, canonicalForm, fingerprint, type AvroSchema } from './avro-fingerprint.ts'
import {
  decodeCommitStreamRecord,
  encodeCommitStreamRecord,
  encodedEntryBytes,
  fingerprints
} from './commit-stream-codec.ts'
import { noExtensions, type Commits, type CommitStreamRecord } from './commit-stream.ts'
import { isTidemarkError } from './tidemark-error.ts'

type RecordType = CommitStreamRecord['type']

function schemaOf(type: RecordType): AvroSchema {
  return JSON.parse(readFileSync(new URL(`avro/${type}.avsc`, import.meta.url), 'utf8')) as AvroSchema
}

const types: readonly RecordType[] = ['genesis', 'claim', 'commits']
const avroTypes = Object.fromEntries(
  types.map(type => [type, avro.Type.forSchema(schemaOf(type) as avro.Schema, { wrapUnions: true })])
) as Record<RecordType, avro.Type>

test('CRC-64-AVRO gives the fingerprints that Avro publishes', () => {
  assert.equal(crc64Avro(Buffer.alloc(0)), 0xc15d213aa4d7a795n)
  const published = {
    null: 0x63dd24e7cc258f8an,
    int: 0x7275d51a3f395c8fn,
    long: 0xd054e14493f41db7n,
    string: 0x8f014872634503c7n
  }
  for (const [name, expected] of Object.entries(published)) assert.equal(fingerprint(name), expected, name)
})

test('the canonical form is the one of Avro: full names, no docs, attributes in order', () => {
  const schema: AvroSchema = {
    type: 'record',
    namespace: 'x.y',
    doc: 'to be dropped',
    name: 'A',
    fields: [
      { name: 'a', doc: 'd', default: 1, type: { type: 'long', logicalType: 'z' } },
      { name: 'b', type: ['null', { size: 4, name: 'F', type: 'fixed', aliases: ['G'] }] },
      { name: 'c', type: { items: 'F', type: 'array' } }
    ]
  }
  assert.equal(
    canonicalForm(schema),
    '{"name":"x.y.A","type":"record","fields":[{"name":"a","type":"long"},' +
      '{"name":"b","type":["null",{"name":"x.y.F","type":"fixed","size":4}]},' +
      '{"name":"c","type":{"type":"array","items":"x.y.F"}}]}'
  )
})

test('the fingerprints in the code are those of the schema files', () => {
  for (const type of types) assert.equal(fingerprints[type], fingerprint(schemaOf(type)), type)
})

test('the avsc library reads what is written here', () => {
  check(
    property(anyRecord, record => {
      const bytes = encodeCommitStreamRecord(record)
      assert.equal(bytes.readUInt16BE(0), 0xc301)
      assert.equal(bytes.readBigUInt64LE(2), fingerprints[record.type])
      assert.deepEqual(plain(avroTypes[record.type].fromBuffer(bytes.subarray(10))), plain(toAvro(record)))
    }),
    { numRuns: 300 }
  )
})

test('what the avsc library writes is read here', () => {
  check(
    property(anyRecord, record => {
      const body = avroTypes[record.type].toBuffer(toAvro(record))
      const bytes = Buffer.concat([encodeCommitStreamRecord(record).subarray(0, 10), body])
      assert.deepEqual(decodeCommitStreamRecord(bytes), record)
    }),
    { numRuns: 300 }
  )
})

test('any record comes back as it was, from a plain Uint8Array too', () => {
  check(
    property(anyRecord, record => {
      const bytes = new Uint8Array(encodeCommitStreamRecord(record))
      assert.deepEqual(decodeCommitStreamRecord(bytes), record)
    })
  )
})

test('a reader gets everything but the positions of transactions, of damaged bytes as well', () => {
  const withoutPositions = (record: CommitStreamRecord): CommitStreamRecord => {
    if (record.type !== 'commits') return record
    const entries = record.entries.map(entry =>
      entry.type === 'transaction' ? { ...entry, position: Buffer.alloc(0) } : entry
    )
    return { ...record, entries }
  }
  const read = (bytes: Buffer, isReader: boolean) => {
    try {
      return withoutPositions(decodeCommitStreamRecord(bytes, '', -1, isReader))
    } catch (error) {
      return String(error)
    }
  }
  check(
    property(anyRecord, nat(), nat(255), (record, at, byte) => {
      const bytes = encodeCommitStreamRecord(record)
      assert.deepEqual(decodeCommitStreamRecord(bytes, '', -1, true), withoutPositions(record))
      bytes[10 + (at % (bytes.length - 10))] = byte
      assert.deepEqual(read(bytes, true), read(bytes, false))
    }),
    { numRuns: 1000 }
  )
})

test('the bytes of an entry are those its Commits grows by', () => {
  const empty: Commits = {
    type: 'commits',
    epoch: 1,
    parts: [],
    entries: [],
    known: { offset: 0, epoch: 0, claim: 0 },
    extensions: noExtensions
  }
  const emptyBytes = encodeCommitStreamRecord(empty).length
  check(
    property(anyEntry(3), entry => {
      const bytes = encodeCommitStreamRecord({ ...empty, entries: [entry] }).length
      // One byte: the count of the block that the array has now.
      assert.equal(bytes - emptyBytes - 1, encodedEntryBytes(entry))
    })
  )
})

test('a record cut anywhere is refused', () => {
  check(
    property(anyRecord, nat(), (record, cut) => {
      const bytes = encodeCommitStreamRecord(record)
      refused(() => decodeCommitStreamRecord(bytes.subarray(0, cut % bytes.length)))
    })
  )
})

test('damaged bytes are refused or read, and never make more than they hold', () => {
  check(
    property(anyRecord, nat(), uint8Array({ minLength: 1, maxLength: 9 }), (record, at, damage) => {
      const bytes = encodeCommitStreamRecord(record)
      bytes.set(damage.subarray(0, bytes.length - (at % bytes.length)), at % bytes.length)
      try {
        decodeCommitStreamRecord(bytes)
      } catch (error) {
        assert.ok(isTidemarkError(error, 'COMMIT_STREAM_INVALID'), String(error))
      }
    }),
    { numRuns: 2000 }
  )
})

test('an error names topic and offset, and an unknown schema its fingerprint', () => {
  const bytes = Buffer.from('c3010807060504030201', 'hex')
  const error = refused(() => decodeCommitStreamRecord(bytes, 'bank.commits', 17))
  assert.match(error.message, /fingerprint 0102030405060708/)
  assert.equal(error.place, 'bank.commits offset 17')
})

test('numbers that the stream cannot hold are never written', () => {
  const genesis = {
    type: 'genesis',
    subscription: 's',
    system: 'x',
    position: Buffer.alloc(0),
    known: { offset: 0, epoch: 0, claim: 0 },
    extensions: noExtensions
  } as const
  for (const stream of [-1, 0.5, 2 ** 53, NaN, Infinity]) {
    assert.throws(
      () => encodeCommitStreamRecord({ ...genesis, stream }),
      error => isTidemarkError(error, 'INTERNAL'),
      String(stream)
    )
  }
})

test('a partition above 2^31-1 and a nonce that is not 16 bytes are never written', () => {
  const known = { offset: 0, epoch: 0, claim: 0 }
  const parts = [{ topic: 't', partition: 2 ** 31, firstOffset: 0 }]
  const claim = { agent: 'a', system: 's', timeline: 1, sequence: 0, position: Buffer.alloc(8), stream: 1, epoch: 1 }
  const wrong: CommitStreamRecord[] = [
    { type: 'commits', epoch: 1, parts, entries: [], known, extensions: noExtensions },
    { type: 'claim', ...claim, nonce: Buffer.alloc(15), known, extensions: noExtensions }
  ]
  for (const record of wrong) {
    assert.throws(
      () => encodeCommitStreamRecord(record),
      error => isTidemarkError(error, 'INTERNAL'),
      record.type
    )
  }
})

test('large records are written after small ones and small ones after large ones', () => {
  check(
    property(integer({ min: 0, max: 3_000_000 }), bytes => {
      const extensions = new Map([['large', Buffer.alloc(bytes, 1)]])
      const record: CommitStreamRecord = {
        type: 'commits',
        epoch: 1,
        parts: [],
        entries: [],
        known: { offset: 0, epoch: 0, claim: 0 },
        extensions
      }
      assert.deepEqual(decodeCommitStreamRecord(encodeCommitStreamRecord(record)), record)
    }),
    { numRuns: 20 }
  )
})

/** Objects of the library have classes of its own. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value))
}

function refused(act: () => unknown): { message: string; place: string | undefined } {
  try {
    act()
  } catch (error) {
    assert.ok(isTidemarkError(error, 'COMMIT_STREAM_INVALID'), String(error))
    return error
  }
  return assert.fail('the bytes were accepted')
}
