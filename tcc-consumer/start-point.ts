import type { Known } from '@tidemark/schemas/commit-stream.ts'

/** Where reading of the commit stream begins, and what is known of all that stands before. */
export interface StartPoint {
  /** Id of the stream. */
  readonly stream: number
  /** Offset of the first record to read. */
  readonly offset: number
  /** The current epoch there. */
  readonly known: Pick<Known, 'epoch'>
  /** Everything up to it is done; null when it is not known, then the first entry is believed. */
  readonly sequence: number | null
  /** Epoch and record offset of that sequence's entry. */
  readonly sequenceEpoch: number
  readonly sequenceOffset: number
  /** Entries of the record at `offset` that are done. */
  readonly entriesRead: number
  /** Of the first transaction, records below are done; 0 when none is. */
  readonly firstRecord: number
  /** The bookmark's place has been trimmed away: reading begins at the log start. */
  readonly belowLogStart: boolean
  /** From `earliest`: transactions whose records aged out are passed over until one is complete. */
  readonly passesAged: boolean
}
