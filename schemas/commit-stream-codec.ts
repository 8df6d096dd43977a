import { AvroInvalid, AvroReader } from './avro-reader.ts'
import { AvroWriter } from './avro-writer.ts'
import { readClaim, readCommits, readGenesis } from './commit-stream-decoding.ts'
import { writeClaim, writeCommits, writeEntry, writeGenesis } from './commit-stream-encoding.ts'
import type { CommitStreamRecord, Entry } from './commit-stream.ts'
import { TidemarkError } from './tidemark-error.ts'

/*
 * Avro single-object encoding (specification 1.12): C3 01, the CRC-64-AVRO fingerprint of the schema as 8 bytes
 * little-endian, then the record in Avro's binary encoding. Schemas: avro/genesis.avsc, claim.avsc, commits.avsc.
 */
const MARK = 0xc3
const VERSION = 0x01
const BODY = 10

/** CRC-64-AVRO of avro/*.avsc; a test computes them from the files. */
export const fingerprints = {
  genesis: 0x506b0783e459011an,
  claim: 0x0d5fa69af0e8b39bn,
  commits: 0xf5e9ecee76d756abn
} as const satisfies Record<CommitStreamRecord['type'], bigint>

// Encoding and decoding are synchronous and do not call anyone, so one of each serves all.
const writer = new AvroWriter()
const reader = new AvroReader()

/** The value of a commit-stream record. Throws INTERNAL when a number is not an integer in range, or a nonce not 16 bytes. */
export function encodeCommitStreamRecord(record: CommitStreamRecord): Buffer {
  writer.reset()
  writer.bytes[0] = MARK
  writer.bytes[1] = VERSION
  writer.bytes.writeBigUInt64LE(fingerprints[record.type], 2)
  writer.end = BODY
  writeRecord(record)
  return Buffer.from(writer.bytes.subarray(0, writer.end))
}

/** Bytes the entry takes in its Commits, exactly. */
export function encodedEntryBytes(entry: Entry): number {
  writer.reset()
  writeEntry(writer, entry)
  return writer.end
}

/**
 * Reads the value of a commit-stream record. Positions, nonces, bodies and the values of maps are slices of `bytes`.
 * `topic` and `offset` stand in errors. `isReader`: transactions come with empty positions, which readers do not need. Throws COMMIT_STREAM_INVALID.
 */
export function decodeCommitStreamRecord(
  bytes: Uint8Array,
  topic = '',
  offset = -1,
  isReader = false
): CommitStreamRecord {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  try {
    const record = readRecord(buffer, isReader)
    reader.finish()
    return record
  } catch (error) {
    if (!(error instanceof AvroInvalid)) throw error
    throw invalid(error.message, topic, offset)
  }
}

function writeRecord(record: CommitStreamRecord): void {
  switch (record.type) {
    case 'genesis':
      writeGenesis(writer, record)
      break
    case 'claim':
      writeClaim(writer, record)
      break
    case 'commits':
      writeCommits(writer, record)
      break
  }
}

function readRecord(bytes: Buffer, isReader: boolean): CommitStreamRecord {
  if (bytes.length < BODY || bytes[0] !== MARK || bytes[1] !== VERSION) {
    throw new AvroInvalid('is not an Avro single-object encoding')
  }
  reader.reset(bytes, BODY)
  const fingerprint = bytes.readBigUInt64LE(2)
  if (fingerprint === fingerprints.commits) return readCommits(reader, isReader)
  if (fingerprint === fingerprints.claim) return readClaim(reader)
  if (fingerprint === fingerprints.genesis) return readGenesis(reader)
  throw new AvroInvalid(
    `is of a schema this version does not know (fingerprint ${fingerprint.toString(16).padStart(16, '0')})`
  )
}

function invalid(what: string, topic: string, offset: number): TidemarkError {
  const place = offset < 0 ? topic : `${topic} offset ${offset}`
  return new TidemarkError('COMMIT_STREAM_INVALID', {
    message: `a record of the commit stream ${what}`,
    ...(place === '' ? {} : { place })
  })
}
