import {
  array,
  boolean,
  constantFrom,
  dictionary,
  integer,
  maxSafeInteger,
  oneof,
  option,
  record,
  string,
  tuple,
  uint8Array,
  uniqueArray,
  type Arbitrary
} from 'fast-check'
import type {
  Claim,
  Commits,
  CommitStreamRecord,
  Entry,
  Genesis,
  TransactionEntry
} from '@tidemark/schemas/commit-stream.ts'

/** The avsc library refuses 2^53-1 itself, so it is left to the vectors. */
const longMax = Number.MAX_SAFE_INTEGER - 1
const anyLong = oneof(
  integer({ min: 0, max: 300 }),
  integer({ min: 0 }),
  maxSafeInteger().map(value => Math.min(Math.abs(value), longMax))
)
const anyInt = integer({ min: 0, max: 0x7fff_ffff })
const anyStream = integer({ min: 0, max: 0xffff_ffff })
const anyText = string({ unit: 'grapheme', maxLength: 60, size: 'max' })
const anyBytes = uint8Array({ maxLength: 40, size: 'max' }).map(bytes => Buffer.from(bytes))
const anyMap = dictionary(anyText, anyBytes, { maxKeys: 3, noNullPrototype: true })
  .map(object => new Map(Object.entries(object)))
  // The avsc library keeps maps in plain objects: it would put integer-like keys first and lose __proto__.
  .filter(map => ![...map.keys()].some(key => key === '__proto__' || /^\d+$/.test(key)))
const usual = { noNullPrototype: true } as const
const known = record({ offset: anyLong, epoch: anyLong, claim: anyLong }, usual)

const anyGenesis: Arbitrary<Genesis> = record({
  stream: anyStream,
  subscription: anyText,
  system: anyText,
  position: anyBytes,
  known,
  extensions: anyMap
}).map(fields => ({ type: 'genesis', ...fields }))

const anyClaim: Arbitrary<Claim> = record({
  stream: anyStream,
  epoch: anyLong,
  nonce: uint8Array({ minLength: 16, maxLength: 16 }).map(bytes => Buffer.from(bytes)),
  agent: anyText,
  system: anyText,
  timeline: anyLong,
  sequence: anyLong,
  position: anyBytes,
  known,
  extensions: anyMap
}).map(fields => ({ type: 'claim', ...fields }))

function anyTransaction(parts: number): Arbitrary<TransactionEntry> {
  const count = record(
    {
      part: integer({ min: 0, max: Math.max(0, parts - 1) }),
      records: integer({ min: 1, max: 2 ** 40 })
    },
    usual
  )
  const counts =
    parts === 0 ? array(count, { maxLength: 0 }) : uniqueArray(count, { selector: one => one.part, maxLength: parts })
  return record({
    sequence: anyLong,
    position: anyBytes,
    sourceId: anyText,
    commitTime: anyLong,
    kind: constantFrom('mirror', 'refresh'),
    operations: anyLong,
    counts,
    parked: array(record({ operation: anyLong, table: anyText, reason: anyText }, usual), { maxLength: 2 }),
    annotations: anyMap,
    extensions: anyMap
  }).map(fields => ({
    type: 'transaction',
    ...fields,
    records: fields.counts.reduce((sum, { records }) => sum + records, 0)
  }))
}

/** Any entry of a Commits with so many parts. */
export function anyEntry(parts: number): Arbitrary<Entry> {
  const anyNullable = option(anyText)
  return oneof(
    { weight: 3, arbitrary: anyTransaction(parts) },
    record({
      sequence: anyLong,
      position: anyBytes,
      time: anyLong,
      reason: anyNullable,
      acceptedBy: anyNullable,
      extensions: anyMap
    }).map((fields): Entry => ({ type: 'state', ...fields })),
    tuple(anyLong, anyLong, anyText, anyText, anyMap).map(([one, other, reason, acceptedBy, extensions]): Entry => ({
      type: 'loss',
      firstSequence: Math.min(one, other),
      lastSequence: Math.max(one, other),
      reason,
      acceptedBy,
      extensions
    })),
    record({ kind: anyText, mandatory: boolean(), body: anyBytes, extensions: anyMap }).map((fields): Entry => ({
      type: 'extension',
      ...fields
    }))
  )
}

const anyCommits: Arbitrary<Commits> = array(
  record({ topic: anyText, partition: anyInt, firstOffset: anyLong }, usual),
  {
    maxLength: 4
  }
).chain(parts =>
  record({ epoch: anyLong, entries: array(anyEntry(parts.length), { maxLength: 5 }), known, extensions: anyMap }).map(
    fields => ({
      type: 'commits',
      parts,
      ...fields
    })
  )
)

export const anyRecord: Arbitrary<CommitStreamRecord> = oneof(anyGenesis, anyClaim, {
  weight: 3,
  arbitrary: anyCommits
})

const branches = {
  transaction: 'tidemark.Transaction',
  state: 'tidemark.State',
  loss: 'tidemark.Loss',
  extension: 'tidemark.Extension'
}

/** The record as the avsc library takes it with `wrapUnions`. */
export function toAvro(value: unknown): unknown {
  if (value instanceof Uint8Array) return value
  if (value instanceof Map) return Object.fromEntries(value)
  if (Array.isArray(value)) return value.map(toAvro)
  if (typeof value !== 'object' || value === null) return value
  const { type, ...fields } = value as { type?: string }
  const object = Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, avroField(name, field, type)]))
  return type !== undefined && type in branches ? { [branches[type as keyof typeof branches]]: object } : object
}

function avroField(name: string, field: unknown, type: string | undefined): unknown {
  const nullable = type === 'state' && (name === 'reason' || name === 'acceptedBy')
  return nullable && field !== null ? { string: field } : toAvro(field)
}
