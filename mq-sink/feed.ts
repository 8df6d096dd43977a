import type { Place } from './sink-state.ts'

/** A record as the sink needs it. */
export interface SinkRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Milliseconds since the Unix epoch. */
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly (readonly [string, Buffer | null])[]
}

/** What is put as one: a transaction of a commit stream, or records of plain topics that came together. */
export interface SinkTransaction {
  /** Stays the same when it comes again. */
  readonly name: string
  /** Microseconds since the Unix epoch. */
  readonly commitTime: number
  /** null: not known before they are read. */
  readonly size: number | null
  records(): Iterable<SinkRecord> | AsyncIterable<SinkRecord>
  /** Where to go on after it, or after one of its records. */
  placeAfter(record: SinkRecord | null): Place
}

/** Where the sink's transactions come from, in their order, each once. */
export interface Feed {
  /** null: the feed was closed. Only one call at a time. */
  next(): Promise<SinkTransaction | null>
  /** How far it is behind, as far as is known. */
  lag(): { records: number; ms: number }
  close(): Promise<void>
}
