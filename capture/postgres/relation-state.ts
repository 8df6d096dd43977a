import { Row } from '@tidemark/schemas/row.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import { UNCHANGED_LENGTH, type Tuple } from '@tidemark/schemas/tuple.ts'
import type { OldTupleKind, RelationMessage } from './pgoutput.ts'

/** One version of a table with its row views, made once and seen through the decoder's two tuples. */
export class RelationState {
  readonly table: Table
  /** Whether the receiver has been given this version. */
  announced = false
  private readonly identity: readonly number[]
  private after: Row | null = null
  private beforeFull: Row | null = null
  private beforeKey: Row | null = null

  private readonly keyOnly: boolean

  /** `keyOnly`: old rows have the identity's columns only, also those marked as whole. */
  constructor(table: Table, relation: RelationMessage, keyOnly: boolean) {
    this.table = table
    this.keyOnly = keyOnly
    this.identity = relation.columns.flatMap((column, index) => (column.identity ? [index] : []))
  }

  /** What an old row marked as `kind` tells. */
  kindOf(kind: OldTupleKind): OldTupleKind {
    return this.keyOnly && kind === 'full' ? 'key' : kind
  }

  rowAfter(tuple: Tuple): Row {
    if (this.after === null || this.after.tuple !== tuple) this.after = new Row(this.table, tuple)
    return this.after
  }

  /** A row before; null where the server told nothing of it. With the key alone it has no other columns. */
  rowBefore(tuple: Tuple, kind: OldTupleKind): Row | null {
    if (kind === 'none') return null
    if (kind === 'full') {
      if (this.beforeFull === null || this.beforeFull.tuple !== tuple) this.beforeFull = new Row(this.table, tuple)
      return this.beforeFull
    }
    if (this.beforeKey === null || this.beforeKey.tuple !== tuple) {
      this.beforeKey = new Row(this.table, tuple, { only: this.identity })
    }
    return this.beforeKey
  }
}

/** Whether two definitions are the same but for their version. */
export function sameDefinition(one: Table, other: Table): boolean {
  return JSON.stringify({ ...one, version: 0 }) === JSON.stringify({ ...other, version: 0 })
}

/** Values left out as unchanged are taken from the whole row before, which lies in the same frame. */
export function fillUnchanged(row: Tuple, old: Tuple): void {
  for (let index = 0; index < row.count; index++) {
    if (row.lengths[index] !== UNCHANGED_LENGTH) continue
    row.starts[index] = old.starts[index]!
    row.lengths[index] = old.lengths[index]!
  }
}
