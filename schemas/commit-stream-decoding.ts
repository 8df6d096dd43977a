import { AvroInvalid, type AvroReader } from './avro-reader.ts'
import {
  noAnnotations,
  noExtensions,
  type Claim,
  type Commits,
  type Entry,
  type ExtensionEntry,
  type Genesis,
  type Known,
  type LossEntry,
  type ParkedOperation,
  type Part,
  type PartCount,
  type StateEntry,
  type TransactionEntry
} from './commit-stream.ts'
import { shortLivedArray } from './short-lived.ts'

/* Fields in the order of avro/*.avsc. All throw AvroInvalid. */

const blankCount: PartCount = { part: 0, records: 0 }

const noPosition = Buffer.alloc(0)

const blankTransaction: TransactionEntry = {
  type: 'transaction',
  sequence: 0,
  position: noPosition,
  sourceId: '',
  commitTime: 0,
  kind: 'mirror',
  operations: 0,
  records: 0,
  counts: [],
  parked: [],
  annotations: noAnnotations,
  extensions: noExtensions
}

const blankCommits: Commits = {
  type: 'commits',
  epoch: 0,
  parts: [],
  entries: [],
  known: { offset: 0, epoch: 0, claim: 0 },
  extensions: noExtensions
}

export function readGenesis(bytes: AvroReader): Genesis {
  return {
    type: 'genesis',
    stream: bytes.uint32(),
    subscription: bytes.string(),
    system: bytes.string(),
    position: bytes.byteString(),
    known: readKnown(bytes),
    extensions: bytes.map(noExtensions)
  }
}

export function readClaim(bytes: AvroReader): Claim {
  return {
    type: 'claim',
    stream: bytes.uint32(),
    epoch: bytes.long(),
    nonce: bytes.fixed(16),
    agent: bytes.string(),
    system: bytes.string(),
    timeline: bytes.long(),
    sequence: bytes.long(),
    position: bytes.byteString(),
    known: readKnown(bytes),
    extensions: bytes.map(noExtensions)
  }
}

/** `isReader`: positions of transactions, which only an owner needs, are left empty: no slice is made for each. */
export function readCommits(bytes: AvroReader, isReader: boolean): Commits {
  const epoch = bytes.long()
  const parts = readParts(bytes)
  return {
    ...blankCommits,
    epoch,
    parts,
    entries: readEntries(bytes, parts.length, isReader),
    known: readKnown(bytes),
    extensions: bytes.map(noExtensions)
  }
}

function readKnown(bytes: AvroReader): Known {
  return { offset: bytes.long(), epoch: bytes.long(), claim: bytes.long() }
}

function readParts(bytes: AvroReader): Part[] {
  const parts: Part[] = []
  for (let left = bytes.block(3); left > 0; left = bytes.block(3)) {
    for (; left > 0; left--) {
      parts.push({ topic: bytes.string(), partition: bytes.int(), firstOffset: bytes.long() })
    }
  }
  return parts
}

function readEntries(bytes: AvroReader, parts: number, isReader: boolean): Entry[] {
  let left = bytes.block(4)
  const entries = shortLivedArray<Entry>(left)
  let index = 0
  const seen = new Int32Array(parts)
  for (; left > 0; left = bytes.block(4)) {
    for (; left > 0; left--) entries[index++] = readEntry(bytes, seen, index, isReader)
  }
  return entries
}

/** `seen` holds for each part the number of the last entry that used it; `number` is this entry's, from 1. */
function readEntry(bytes: AvroReader, seen: Int32Array, number: number, isReader: boolean): Entry {
  switch (bytes.branch(4)) {
    case 0:
      return readTransaction(bytes, seen, number, isReader)
    case 1:
      return readState(bytes)
    case 2:
      return readLoss(bytes)
    default:
      return readExtension(bytes)
  }
}

function readTransaction(bytes: AvroReader, seen: Int32Array, number: number, isReader: boolean): TransactionEntry {
  const sequence = bytes.long()
  const position = isReader ? noPosition : bytes.byteString()
  if (isReader) bytes.passBytes()
  const sourceId = bytes.string()
  const commitTime = bytes.long()
  const kind = bytes.branch(2) === 0 ? 'mirror' : 'refresh'
  const operations = bytes.long()
  const records = bytes.long()
  const counts = readCounts(bytes, records, seen, number)
  return {
    ...blankTransaction,
    sequence,
    position,
    sourceId,
    commitTime,
    kind,
    operations,
    records,
    counts,
    parked: readParked(bytes),
    annotations: bytes.map(noAnnotations),
    extensions: bytes.map(noExtensions)
  }
}

/** Parts must be of the Commits, each at most once, and their records must sum up to the transaction's. */
function readCounts(bytes: AvroReader, records: number, seen: Int32Array, number: number): PartCount[] {
  let left = bytes.block(2)
  const counts = shortLivedArray<PartCount>(left)
  let index = 0
  let sum = 0
  for (; left > 0; left = bytes.block(2)) {
    for (; left > 0; left--) {
      const count = { ...blankCount, part: bytes.int(), records: bytes.long() }
      if (count.part >= seen.length) throw new AvroInvalid('counts records of a part it does not list')
      if (seen[count.part] === number) throw new AvroInvalid('counts records of a part twice in one transaction')
      if (count.records === 0) throw new AvroInvalid('counts no records of a part')
      seen[count.part] = number
      sum += count.records
      counts[index++] = count
    }
  }
  if (sum !== records) throw new AvroInvalid('has a transaction whose records are not the sum of its counts')
  return counts
}

function readParked(bytes: AvroReader): readonly ParkedOperation[] {
  let left = bytes.block(3)
  if (left === 0) return nothingParked
  const parked: ParkedOperation[] = []
  for (; left > 0; left = bytes.block(3)) {
    for (; left > 0; left--) {
      parked.push({ operation: bytes.long(), table: bytes.string(), reason: bytes.string() })
    }
  }
  return parked
}

const nothingParked: readonly ParkedOperation[] = []

function readState(bytes: AvroReader): StateEntry {
  return {
    type: 'state',
    sequence: bytes.long(),
    position: bytes.byteString(),
    time: bytes.long(),
    reason: bytes.nullableString(),
    acceptedBy: bytes.nullableString(),
    extensions: bytes.map(noExtensions)
  }
}

function readLoss(bytes: AvroReader): LossEntry {
  const firstSequence = bytes.long()
  const lastSequence = bytes.long()
  if (lastSequence < firstSequence) throw new AvroInvalid('has a loss that ends before it begins')
  return {
    type: 'loss',
    firstSequence,
    lastSequence,
    reason: bytes.string(),
    acceptedBy: bytes.string(),
    extensions: bytes.map(noExtensions)
  }
}

function readExtension(bytes: AvroReader): ExtensionEntry {
  return {
    type: 'extension',
    kind: bytes.string(),
    mandatory: bytes.boolean(),
    body: bytes.byteString(),
    extensions: bytes.map(noExtensions)
  }
}
