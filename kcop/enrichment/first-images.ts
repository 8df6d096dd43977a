import type { Operation } from '@tidemark/schemas/operation.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import type { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { Tuple } from '@tidemark/schemas/tuple.ts'
import type { LookupTableRule } from '../rules.ts'
import { tooLarge, type FollowedRows } from './followed-rows.ts'
import { KeyedColumns, untold } from './keyed-columns.ts'
import { heldBytes, HeldRows, type HeldRow } from './lookup-table.ts'

/**
 * What the log after a position says of the rows at that position: for each key the first thing that happened to it. Its
 * first old image is its row there; a key that was inserted first had none. Keys that are not here were not touched, so
 * that a later look at the table shows them as they were. Which of the transactions that look shows does not matter.
 * What is told of a key must fit what was told of it before: else it was not unique for a while.
 */
export class FirstImages {
  readonly rule: LookupTableRule
  readonly tableId: number | null
  private readonly images = new Map<string, HeldRow | null>()
  private places: KeyedColumns | null = null
  private truncated = false
  private bytes = 0
  /** The rows of those keys after what was seen. */
  private readonly latest: HeldRows

  /** `tableId`: as of a follower. */
  constructor(rule: LookupTableRule, tableId: number | null = null) {
    this.rule = rule
    this.tableId = tableId
    this.latest = new HeldRows(rule.columns)
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
    if (operation.kind !== 'insert') this.leave(places, places.before(operation))
    if (operation.newTuple !== null) this.come(places, operation.newTuple)
  }

  /** Makes of the rows seen after the operations those before the first of them. Throws LOOKUP_TOO_LARGE. */
  takeBack(rows: FollowedRows): void {
    if (this.truncated) rows.beginUntold()
    for (const [key, row] of this.images) rows.begin(key, row)
  }

  private leave(places: KeyedColumns, image: Tuple): void {
    const key = places.key(image)
    const row = places.row(image)
    if (!this.images.has(key)) return this.note(key, row)
    const latest = this.latest.get(key)
    if (latest === undefined || row.some((value, index) => value !== latest[index])) throw notUnique(this.rule)
    this.latest.delete(key)
  }

  private come(places: KeyedColumns, image: Tuple): void {
    const key = places.key(image)
    if (this.latest.has(key)) throw notUnique(this.rule)
    if (!this.images.has(key)) this.note(key, null)
    this.latest.set(key, places.row(image))
    this.bound(this.latest.bytes)
  }

  /** `row`: of the first old image; null: the key was not there. */
  private note(key: string, row: HeldRow | null): void {
    this.images.set(key, row)
    this.bytes += heldBytes(key, row ?? [])
    this.bound(this.bytes)
  }

  private bound(bytes: number): void {
    const { bytesMax, name, table } = this.rule
    if (bytes > bytesMax) throw tooLarge(name, table, bytesMax)
  }

  private placesIn(table: Table): KeyedColumns {
    if (this.places?.table !== table) this.places = new KeyedColumns(table, this.rule)
    return this.places
  }
}

function notUnique({ table, key }: LookupTableRule): TidemarkError {
  return untold(
    `the log tells of two rows of one key of ${table}, which lookups read: ${key} was not unique for a while`,
    'retire and apply anew'
  )
}
