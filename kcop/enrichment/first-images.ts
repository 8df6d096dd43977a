import type { Operation } from '@tidemark/schemas/operation.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import type { Tuple } from '@tidemark/schemas/tuple.ts'
import type { LookupTableRule } from '../rules.ts'
import { tooLarge, type FollowedRows } from './followed-rows.ts'
import { KeyedColumns } from './keyed-columns.ts'
import { heldBytes, type HeldRow } from './lookup-table.ts'

/**
 * What the log after a position says of the rows at that position: for each key the first thing that happened to it. Its
 * first old image is its row there; a key that was inserted first had none. Keys that are not here were not touched, so
 * that a later look at the table shows them as they were. Which of the transactions that look shows does not matter.
 */
export class FirstImages {
  readonly rule: LookupTableRule
  private readonly images = new Map<string, HeldRow | null>()
  private places: KeyedColumns | null = null
  private truncated = false
  private bytes = 0

  constructor(rule: LookupTableRule) {
    this.rule = rule
  }

  /** An operation on the table, in the order of the log. Throws LOOKUP_UNTOLD, LOOKUP_TOO_LARGE. */
  see(operation: Operation, table: Table): void {
    // What a truncate took away nobody can tell; what comes after it says nothing of before.
    if (this.truncated) return
    if (operation.kind === 'truncate') {
      this.truncated = true
      return
    }
    const places = this.placesIn(table)
    if (operation.kind !== 'insert') this.note(places.key(places.before(operation)), places, places.before(operation))
    if (operation.newTuple !== null) this.note(places.key(operation.newTuple), places, null)
  }

  /** Makes of the rows seen after the operations those before the first of them. Throws LOOKUP_TOO_LARGE. */
  takeBack(rows: FollowedRows): void {
    if (this.truncated) rows.beginUntold()
    for (const [key, row] of this.images) rows.begin(key, row)
  }

  /** `before`: the old image; null: the key was not there. */
  private note(key: string, places: KeyedColumns, before: Tuple | null): void {
    if (this.images.has(key)) return
    const row = before === null ? null : places.row(before)
    this.images.set(key, row)
    this.bytes += heldBytes(key, row ?? [])
    const { bytesMax, name, table } = this.rule
    if (this.bytes > bytesMax) throw tooLarge(name, table, bytesMax)
  }

  private placesIn(table: Table): KeyedColumns {
    if (this.places?.table !== table) this.places = new KeyedColumns(table, this.rule)
    return this.places
  }
}
