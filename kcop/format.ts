import type { Operation } from '@tidemark/schemas/operation.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import type { Tuple } from '@tidemark/schemas/tuple.ts'
import type { HeaderBlock } from './record-sink.ts'
import type { Scratch } from './scratch.ts'

/**
 * What a record tells of an operation: the row that is there now, or that the old row is gone (a delete, or the old key
 * of a key-changing update).
 */
export type Telling = 'row' | 'removal'

/** A way to write rows. */
export interface Format {
  readonly name: string
  /** Nothing of what it writes depends on the topic: outputs that differ only in the topic may share the bytes. */
  readonly isTopicFree?: boolean
  /**
   * For one version of a table. `key`: indexes of the record key's columns, in key order. `topic`: where the records go.
   * Throws ROW_UNSUITABLE.
   */
  compile(table: Table, key: readonly number[], topic: string): TableFormat
}

/** A format compiled for one version of a table: appends bytes to a scratch and makes no objects per row. */
export interface TableFormat {
  /**
   * The record key of an image. `old`: what is known of the row before, for key columns left out as unchanged.
   * Throws ROW_UNSUITABLE when a key column is not known.
   */
  key(image: Tuple, old: Tuple | null, into: Scratch): void
  /** The record value of an operation; returns the headers that belong to it, valid until the next call, or null. */
  value(operation: Operation, telling: Telling, into: Scratch): HeaderBlock | null
  /** Headers of a tombstone, valid until the next call, when the format wants any. */
  tombstone?(operation: Operation): HeaderBlock | null
  /**
   * A format that needs something from outside before it can write (a schema id from a registry) gives a promise of it;
   * null or absent: ready. Operations are held back in order until then.
   */
  ready?(): Promise<void> | null
}
