import type { Operation } from '@tidemark/schemas/operation.ts'
import type { Column, Table } from '@tidemark/schemas/table.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { NULL_LENGTH, Tuple, UNCHANGED_LENGTH } from '@tidemark/schemas/tuple.ts'
import { AlteredOperation } from '../routing/altered-operation.ts'
import { atPart, placeOf, type PlacedRule } from '../routing/rule-place.ts'
import type { DerivedColumn, OutputRule } from '../rules.ts'
import { Scratch } from '../scratch.ts'
import { TellingGuard } from './telling-guard.ts'
import { expression, type DerivedValue } from './expression.ts'
import { lookedUp } from './looked-up.ts'
import type { LookupTables } from './lookup-table.ts'

/** Adds the derived columns of an output to the table and its operations, before anything else sees them. */
export class Enrichment {
  /** The source's table with the derived columns behind its own. */
  readonly table: Table
  /** Names of the derived columns whose values change though the row does not, so that old ones cannot be told. */
  readonly changing: ReadonlySet<string>
  private readonly derived: readonly DerivedValue[]
  private readonly own: number
  private readonly operation = new AlteredOperation()
  private readonly before: WidenedImage
  private readonly after: WidenedImage

  /** Throws EXPRESSION_INVALID, LOOKUP_INVALID, COLUMN_UNKNOWN, CONFIG_INVALID. */
  constructor(source: Table, rule: Pick<OutputRule, 'columns' | 'key'> & Partial<PlacedRule>, lookups: LookupTables) {
    this.own = source.columns.length
    const derived: DerivedValue[] = []
    const guard = new TellingGuard(rule)
    const changing = new Set<string>()
    let table = source
    for (const column of rule.columns.derived ?? []) {
      const tableNow = table
      requireNewName(tableNow, column)
      const value = derivedValue(column, tableNow, lookups, rule)
      const uses = value.uses.map(index => tableNow.columns[index]!.name)
      guard.see(column, uses, value.tells)
      if (value.changes === true || uses.some(name => changing.has(name))) changing.add(column.name)
      derived.push(value)
      table = widenedBy(table, column.name, value)
    }
    this.table = table
    this.changing = changing
    this.derived = derived
    this.before = new WidenedImage(table, this.own, derived, true)
    this.after = new WidenedImage(table, this.own, derived, false)
  }

  /** The operation with the derived columns; valid until the next call. Throws ROW_UNSUITABLE. */
  of(source: Operation): Operation {
    const { operation } = this
    const only = source.beforeIsKeyOnly ? this.sentOf(source) : null
    operation.copy(source, only)
    operation.table = this.table
    if (source.oldTuple !== null) operation.oldTuple = this.before.write(source.oldTuple, only)
    if (source.newTuple !== null) operation.newTuple = this.after.write(source.newTuple, null)
    return operation
  }

  /** Columns that an image of the identity alone has: with its own those derived from them. */
  private sentOf(source: Operation): number[] {
    const sent = [...(source.before?.only ?? [])]
    this.derived.forEach(({ uses }, index) => {
      if (uses.every(used => sent.includes(used))) sent.push(this.own + index)
    })
    return sent
  }
}

/**
 * The value of one derived column. `table`: with the derived columns before it. Throws EXPRESSION_INVALID, LOOKUP_INVALID,
 * COLUMN_UNKNOWN at the place of the expression or lookup.
 */
export function derivedValue(
  column: DerivedColumn,
  table: Table,
  lookups: LookupTables,
  { places = {} }: Partial<PlacedRule>
): DerivedValue {
  const { from, place } = column
  return atPart({ place, places }, `sources/${column.name}`, () =>
    'expression' in from ? expression(from.expression, table) : lookedUp(from.lookup, table, lookups)
  )
}

/** The table with one more column. */
export function widenedBy(table: Table, name: string, value: DerivedValue): Table {
  return { ...table, columns: [...table.columns, columnOf(name, value, table)] }
}

/** Part of the identity when all it is made of is: its old value can then be told. */
function columnOf(name: string, { type, uses, changes }: DerivedValue, table: Table): Column {
  return { name, type, key: changes !== true && uses.every(index => table.columns[index]!.key) }
}

function requireNewName(table: Table, { name, place }: DerivedColumn): void {
  if (table.columns.every(column => column.name !== name)) return
  throw new TidemarkError('CONFIG_INVALID', {
    message: `column ${name} is derived, but table ${table.qualifiedName} has a column of that name`,
    cure: 'give the derived column another name',
    ...placeOf({ place })
  })
}

/** Writes images of one kind anew for each operation: the columns of the row, then the derived ones. */
class WidenedImage {
  private readonly table: Table
  private readonly own: number
  private readonly derived: readonly DerivedValue[]
  private readonly isBefore: boolean
  private readonly tuple: Tuple
  private readonly scratch = new Scratch()

  constructor(table: Table, own: number, derived: readonly DerivedValue[], isBefore: boolean) {
    this.table = table
    this.isBefore = isBefore
    this.own = own
    this.derived = derived
    this.tuple = new Tuple(table.columns.length)
    this.tuple.count = table.columns.length
  }

  /** `only`: the columns the image has, when not all. */
  write(image: Tuple, only: readonly number[] | null): Tuple {
    const { own, tuple, scratch, derived } = this
    scratch.trim()
    for (let index = 0; index < own; index++) {
      const length = image.lengths[index]!
      tuple.starts[index] = scratch.length
      tuple.lengths[index] = length
      if (length > 0) scratch.append(image.bytes, image.starts[index]!, image.starts[index]! + length)
    }
    tuple.bytes = scratch.bytes
    for (let index = 0; index < derived.length; index++) {
      tuple.starts[own + index] = scratch.length
      const isSent = only === null || only.includes(own + index)
      tuple.lengths[own + index] = isSent ? this.append(derived[index]!, own + index) : NULL_LENGTH
      tuple.bytes = scratch.bytes
    }
    return tuple
  }

  /** Returns the length of the value in bytes, or what stands for it. */
  private append({ uses, text }: DerivedValue, index: number): number {
    const { tuple, scratch } = this
    if (uses.some(used => tuple.lengths[used] === UNCHANGED_LENGTH)) return this.unchanged(uses, index)
    const value = text(tuple, this.isBefore)
    if (value === null) return NULL_LENGTH
    const length = Buffer.byteLength(value)
    scratch.room(length).write(value, scratch.length)
    scratch.length += length
    return length
  }

  /** A column of which nothing was sent because nothing changed has not changed; of others it cannot be told. */
  private unchanged(uses: readonly number[], index: number): number {
    const { tuple, table } = this
    if (uses.every(used => tuple.lengths[used] === UNCHANGED_LENGTH)) return UNCHANGED_LENGTH
    const missing = uses.filter(used => tuple.lengths[used] === UNCHANGED_LENGTH).map(used => table.columns[used]!.name)
    throw new TidemarkError('ROW_UNSUITABLE', {
      message: `column ${missing.join(', ')} of ${table.qualifiedName}, which ${table.columns[index]!.name} is made of, was not sent`,
      cure: `ALTER TABLE ${table.qualifiedName} REPLICA IDENTITY FULL;`
    })
  }
}

/** null: the output has no derived columns. */
export function enrichmentOf(source: Table, rule: OutputRule, lookups: LookupTables): Enrichment | null {
  return (rule.columns.derived ?? []).length === 0 ? null : new Enrichment(source, rule, lookups)
}
