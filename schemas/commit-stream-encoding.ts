import type { AvroWriter } from './avro-writer.ts'
import type {
  Claim,
  Commits,
  Entry,
  ExtensionEntry,
  Genesis,
  Known,
  LossEntry,
  Part,
  PartCount,
  ParkedOperation,
  StateEntry,
  TransactionEntry
} from './commit-stream.ts'
import { TidemarkError } from './tidemark-error.ts'

/* Fields in the order of avro/*.avsc. */

export function writeGenesis(out: AvroWriter, genesis: Genesis): void {
  out.long(genesis.stream)
  out.string(genesis.subscription)
  out.string(genesis.system)
  out.byteString(genesis.position)
  writeKnown(out, genesis.known)
  out.map(genesis.extensions)
}

export function writeClaim(out: AvroWriter, claim: Claim): void {
  if (claim.nonce.length !== 16) {
    throw new TidemarkError('INTERNAL', { message: `a claim's nonce has 16 bytes, not ${claim.nonce.length}` })
  }
  out.long(claim.stream)
  out.long(claim.epoch)
  out.fixed(claim.nonce)
  out.string(claim.agent)
  out.string(claim.system)
  out.long(claim.timeline)
  out.long(claim.sequence)
  out.byteString(claim.position)
  writeKnown(out, claim.known)
  out.map(claim.extensions)
}

export function writeCommits(out: AvroWriter, commits: Commits): void {
  out.long(commits.epoch)
  writeParts(out, commits.parts)
  writeEntries(out, commits.entries)
  writeKnown(out, commits.known)
  out.map(commits.extensions)
}

/** The entry with the index of its branch before it. */
export function writeEntry(out: AvroWriter, entry: Entry): void {
  switch (entry.type) {
    case 'transaction':
      out.branch(0)
      writeTransaction(out, entry)
      break
    case 'state':
      out.branch(1)
      writeState(out, entry)
      break
    case 'loss':
      out.branch(2)
      writeLoss(out, entry)
      break
    case 'extension':
      out.branch(3)
      writeExtension(out, entry)
      break
  }
}

function writeParts(out: AvroWriter, parts: readonly Part[]): void {
  if (parts.length > 0) out.long(parts.length)
  for (const part of parts) {
    out.string(part.topic)
    out.int(part.partition)
    out.long(part.firstOffset)
  }
  out.long(0)
}

function writeEntries(out: AvroWriter, entries: readonly Entry[]): void {
  if (entries.length > 0) out.long(entries.length)
  for (const entry of entries) writeEntry(out, entry)
  out.long(0)
}

function writeKnown(out: AvroWriter, known: Known): void {
  out.long(known.offset)
  out.long(known.epoch)
  out.long(known.claim)
}

function writeTransaction(out: AvroWriter, entry: TransactionEntry): void {
  out.long(entry.sequence)
  out.byteString(entry.position)
  out.string(entry.sourceId)
  out.long(entry.commitTime)
  out.branch(entry.kind === 'mirror' ? 0 : 1)
  out.long(entry.operations)
  out.long(entry.records)
  writeCounts(out, entry.counts)
  writeParked(out, entry.parked)
  out.map(entry.annotations)
  out.map(entry.extensions)
}

function writeCounts(out: AvroWriter, counts: readonly PartCount[]): void {
  if (counts.length > 0) out.long(counts.length)
  for (const count of counts) {
    out.int(count.part)
    out.long(count.records)
  }
  out.long(0)
}

function writeParked(out: AvroWriter, parked: readonly ParkedOperation[]): void {
  if (parked.length > 0) out.long(parked.length)
  for (const operation of parked) {
    out.long(operation.operation)
    out.string(operation.table)
    out.string(operation.reason)
  }
  out.long(0)
}

function writeState(out: AvroWriter, entry: StateEntry): void {
  out.long(entry.sequence)
  out.byteString(entry.position)
  out.long(entry.time)
  out.nullableString(entry.reason)
  out.nullableString(entry.acceptedBy)
  out.map(entry.extensions)
}

function writeLoss(out: AvroWriter, entry: LossEntry): void {
  out.long(entry.firstSequence)
  out.long(entry.lastSequence)
  out.string(entry.reason)
  out.string(entry.acceptedBy)
  out.map(entry.extensions)
}

function writeExtension(out: AvroWriter, entry: ExtensionEntry): void {
  out.string(entry.kind)
  out.boolean(entry.mandatory)
  out.byteString(entry.body)
  out.map(entry.extensions)
}
