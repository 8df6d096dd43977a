import type { Operation } from '@tidemark/schemas/operation.ts'
import type { Column, ColumnType, Table } from '@tidemark/schemas/table.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { Tuple } from '@tidemark/schemas/tuple.ts'
import type { LookupTableRule } from '../rules.ts'
import { KeyedColumns, untold } from './keyed-columns.ts'
import { HeldRows, type CapturedSide, type HeldRow, type LookupTable } from './lookup-table.ts'

/**
 * The rows of a captured table as they are with the operation being processed: begun with the rows at some position, then
 * changed by every operation behind it. What the log says of rows is held against what is known of them, so that rows that
 * are not those of the position stop the agent instead of being told.
 */
export class FollowedRows implements LookupTable {
  readonly columns: readonly string[]
  readonly types: readonly ColumnType[]
  readonly captured: CapturedSide
  readonly rule: LookupTableRule
  readonly tableId: number | null
  private readonly rows: HeldRows
  /** Whether there are no rows but those held; otherwise of keys that are in neither nothing is known. */
  private isWhole = true
  private readonly absent = new Set<string>()
  private places: KeyedColumns | null = null

  /** `table`: a definition, for the types; `tableId`: as of a follower. Throws LOOKUP_INVALID. */
  constructor(rule: LookupTableRule, table: Table, tableId: number | null = null) {
    this.rule = rule
    this.tableId = tableId
    this.columns = rule.columns
    this.types = rule.columns.map(name => typeOf(name, table, rule))
    const { guarded } = rule
    this.captured = {
      table: rule.table,
      keyType: typeOf(rule.key, table, rule),
      hides: column => guarded === 'all' || guarded.includes(column)
    }
    this.rows = new HeldRows(rule.columns)
  }

  get bytes(): number {
    return this.rows.bytes
  }

  get size(): number {
    return this.rows.size
  }

  find(key: string, column: number): string | null | undefined {
    const row = this.rows.get(key)
    if (row !== undefined) return row[column]
    if (this.isWhole || this.absent.has(key)) return undefined
    throw untold(
      `a row of ${this.rule.table} is looked up as it was before the table was truncated, which the log does not tell`,
      'retire and apply anew; empty tables that lookups read by DELETE'
    )
  }

  /** A row at the position begun with; null: there was none of this key. Throws LOOKUP_TOO_LARGE. */
  begin(key: string, row: HeldRow | null): void {
    if (row !== null) this.hold(key, row)
    else {
      this.rows.delete(key)
      if (!this.isWhole) this.absent.add(key)
    }
  }

  /** Of the rows at the position only those are known that `begin` gives from now on. */
  beginUntold(): void {
    this.rows.clear()
    this.absent.clear()
    this.isWhole = false
  }

  /** An operation on the table, in its turn. Throws LOOKUP_UNTOLD, LOOKUP_TOO_LARGE. */
  see(operation: Operation, table: Table): void {
    // A first copy tells rows that were there already.
    if (operation.transaction.kind === 'refresh') return
    switch (operation.kind) {
      case 'insert':
        this.insert(this.placesIn(table), operation.newTuple!)
        return
      case 'update':
        this.update(this.placesIn(table), operation)
        return
      case 'delete':
        this.remove(this.placesIn(table), this.places!.before(operation))
        return
      case 'truncate':
        this.rows.clear()
        this.absent.clear()
        this.isWhole = true
        return
      case 'message':
    }
  }

  private insert(places: KeyedColumns, image: Tuple): void {
    const key = places.key(image)
    if (this.rows.has(key)) throw this.disagrees('a second row of one key was inserted')
    this.hold(key, places.row(image))
  }

  private update(places: KeyedColumns, operation: Operation): void {
    const before = places.before(operation)
    const after = operation.newTuple!
    if (!places.movesKey(before, after)) {
      // The usual update of another column costs no string.
      if (this.isWhole && !places.changesValues(before, after)) return
      this.expect(places, before)
      this.hold(places.key(after), places.row(after))
    } else {
      this.remove(places, before)
      this.insert(places, after)
    }
  }

  private remove(places: KeyedColumns, before: Tuple): void {
    const key = this.expect(places, before)
    this.rows.delete(key)
    if (!this.isWhole) this.absent.add(key)
  }

  private hold(key: string, row: HeldRow): void {
    this.rows.set(key, row)
    this.absent.delete(key)
    const { bytesMax, name, table } = this.rule
    if (this.rows.bytes <= bytesMax) return
    throw tooLarge(name, table, bytesMax)
  }

  /** The row that is changed must be the one that is held. Returns its key. */
  private expect(places: KeyedColumns, before: Tuple): string {
    const key = places.key(before)
    const held = this.rows.get(key)
    if (held === undefined) {
      if (this.isWhole || this.absent.has(key)) throw this.disagrees('a row was changed that is not known')
      return key
    }
    const row = places.row(before)
    if (row.some((value, index) => value !== held[index]))
      throw this.disagrees('a row was changed that is known otherwise')
    return key
  }

  private placesIn(table: Table): KeyedColumns {
    if (this.places?.table !== table) this.places = new KeyedColumns(table, this.rule)
    return this.places
  }

  private disagrees(what: string): TidemarkError {
    const { table, key } = this.rule
    return untold(
      `the rows of ${table} that lookups hold are not those the log tells of: ${what}`,
      `if ${key} was not unique for a while, that is why; start the agent again, which reads the rows anew`
    )
  }
}

function typeOf(name: string, table: Table, rule: LookupTableRule): ColumnType {
  const column = table.columns.find(candidate => candidate.name === name)
  if (column !== undefined) return told(column, table, rule)
  throw new TidemarkError('LOOKUP_INVALID', {
    message: `lookup ${rule.name} reads column ${name}, which table ${table.qualifiedName} has not, or does not send`,
    cure: `use one of: ${table.columns.map(candidate => candidate.name).join(', ')}`,
    ...(rule.place === null ? {} : { place: rule.place })
  })
}

/** A text that hangs on other rows of the catalogue (of composites, ranges, regclass..) may change with them unseen. */
function told({ name, type }: Column, table: Table, rule: LookupTableRule): ColumnType {
  if ((type.element ?? type).kind !== 'other') return type
  throw new TidemarkError('LOOKUP_INVALID', {
    message: `lookup ${rule.name} reads column ${name} of ${table.qualifiedName}, of type ${type.name}, whose text may change without the row`,
    cure: 'leave the column out, or keep it in a column of a plain type',
    ...(rule.place === null ? {} : { place: rule.place })
  })
}

export function tooLarge(name: string, table: string, bytesMax: number): TidemarkError {
  return new TidemarkError('LOOKUP_TOO_LARGE', {
    message: `what lookup ${name} holds of ${table} takes more than ${bytesMax} bytes of memory`,
    cure: `take fewer columns, or raise \`lookups.${name}.bytesMax\``
  })
}
