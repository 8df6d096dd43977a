import type { PositionBytes } from './position.ts'

/** An offset up to which the writer had read or verified the commit stream, and the current epoch there. */
export interface Known {
  offset: number
  epoch: number
  /** Offset of the claim that made `epoch` current: an owner finds system and timeline there without a scan. 0 with epoch 0. */
  claim: number
}

export type Extensions = ReadonlyMap<string, Uint8Array>

/** Written once by `apply`, after the slot exists; `position` is the slot's creation point. */
export interface Genesis {
  type: 'genesis'
  stream: number
  subscription: string
  system: string
  position: PositionBytes
  known: Known
  extensions: Extensions
}

/** Taking ownership. Valid iff its epoch raises the running maximum of claim epochs. */
export interface Claim {
  type: 'claim'
  stream: number
  epoch: number
  nonce: Uint8Array
  agent: string
  system: string
  timeline: number
  sequence: number
  position: PositionBytes
  known: Known
  extensions: Extensions
}

/** Valid iff its epoch equals the current epoch at its offset. At most `commitsEntriesMax` entries. */
export interface Commits {
  type: 'commits'
  epoch: number
  parts: readonly Part[]
  entries: readonly Entry[]
  known: Known
  extensions: Extensions
}

export type CommitStreamRecord = Genesis | Claim | Commits

/** A partition used by entries of one Commits; `firstOffset` is a hint, where its first record of this Commits is. */
export interface Part {
  topic: string
  partition: number
  firstOffset: number
}

export interface PartCount {
  /** Index into the Commits' `parts`. */
  part: number
  /** Records of the transaction in that partition, at least 1. */
  records: number
}

export interface ParkedOperation {
  /** 0-based ordinal of the operation in the source transaction. */
  operation: number
  table: string
  reason: string
}

export interface TransactionEntry {
  type: 'transaction'
  sequence: number
  position: PositionBytes
  /** The source's own id: PostgreSQL's xid as decimal text, an MQ unit of work, or `refresh:<table>:<n>`. */
  sourceId: string
  /** Microseconds since the Unix epoch, by the source's clock. */
  commitTime: number
  kind: 'mirror' | 'refresh'
  operations: number
  records: number
  counts: readonly PartCount[]
  parked: readonly ParkedOperation[]
  annotations: ReadonlyMap<string, Uint8Array>
  extensions: Extensions
}

/** All transactions at or before `position` have been named. With a reason: an accepted gap. */
export interface StateEntry {
  type: 'state'
  sequence: number
  position: PositionBytes
  /** Microseconds since the Unix epoch, by the agent's clock. */
  time: number
  reason: string | null
  acceptedBy: string | null
  extensions: Extensions
}

/** An operator's leave to read past transactions whose records are gone. */
export interface LossEntry {
  type: 'loss'
  /** Inclusive. */
  firstSequence: number
  /** Inclusive. */
  lastSequence: number
  reason: string
  acceptedBy: string
  extensions: Extensions
}

/** Room to grow: a reader skips an unknown optional one and stops by name at a mandatory one. */
export interface ExtensionEntry {
  type: 'extension'
  kind: string
  mandatory: boolean
  body: Uint8Array
  extensions: Extensions
}

export type Entry = TransactionEntry | StateEntry | LossEntry | ExtensionEntry

export const commitsEntriesMax = 64
export const commitsBytesMax = 16_384
/** A transaction of more records than this stands alone in its Commits. */
export const commitsSharedRecordsMax = 10_000

export const noExtensions: Extensions = new Map()
export const noAnnotations: ReadonlyMap<string, Uint8Array> = new Map()
