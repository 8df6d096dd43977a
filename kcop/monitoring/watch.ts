import type { Operation } from '@tidemark/schemas/operation.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { NULL_LENGTH, Tuple, UNCHANGED_LENGTH } from '@tidemark/schemas/tuple.ts'
import { rowFilter } from '../filter/row-filter.ts'
import { atPart, placeOf } from '../routing/rule-place.ts'
import type { ImageTest } from '../routing/row-condition.ts'
import type { MonitorRule } from '../rules.ts'
import { amountOf, type Amount } from './decimal.ts'
import type { Monitor } from './monitor.ts'

const numeric: ReadonlySet<string> = new Set(['int2', 'int4', 'int8', 'oid', 'float4', 'float8', 'numeric'])

/** What one rule sees of one version of a table. */
export class Watch {
  private readonly table: Table
  private readonly monitor: Monitor
  private readonly test: ImageTest | null
  private readonly column: number
  private readonly keyImage = new Tuple()

  /**
   * Throws COLUMN_UNKNOWN, FILTER_INVALID, CONFIG_INVALID for a column that holds no numbers, ROW_UNSUITABLE for one that
   * deletes do not tell.
   */
  constructor(table: Table, monitor: Monitor) {
    const { rule } = monitor
    this.table = table
    this.monitor = monitor
    const { where } = rule
    this.test = where === null ? null : atPart(rule, 'where', () => rowFilter(where, table))
    this.column = rule.column === null ? -1 : numberColumn(table, rule, rule.column)
    const toldOfDeletes = table.replicaIdentity === 'full' || this.column < 0 || table.keyColumns.includes(this.column)
    if (rule.operations.includes('delete') && !toldOfDeletes) throw notSent(table, rule, this.column)
  }

  see(operation: Operation): void {
    const { rule } = this.monitor
    if (!(rule.operations as readonly string[]).includes(operation.kind)) return
    const image = operation.newTuple ?? this.oldImage(operation)
    if (image === null || (this.test !== null && !this.test(image))) return
    const amount = this.column < 0 ? one : this.amountOf(image)
    if (amount !== null) this.monitor.add(amount, operation)
  }

  /** Of an old row that is a key alone the other columns are not known: they come as null, which no condition may believe. */
  private oldImage({ oldTuple, beforeIsKeyOnly }: Operation): Tuple | null {
    if (oldTuple === null || !beforeIsKeyOnly) return oldTuple
    const { keyImage } = this
    keyImage.reserve(oldTuple.count)
    keyImage.count = oldTuple.count
    keyImage.bytes = oldTuple.bytes
    for (let index = 0; index < oldTuple.count; index++) {
      const length = oldTuple.lengths[index]!
      keyImage.starts[index] = oldTuple.starts[index]!
      keyImage.lengths[index] = length === NULL_LENGTH ? UNCHANGED_LENGTH : length
    }
    return keyImage
  }

  /** null: SQL's null, which no sum counts. */
  private amountOf(image: Tuple): Amount | null {
    const length = image.lengths[this.column]!
    if (length === NULL_LENGTH) return null
    if (length === UNCHANGED_LENGTH) throw notSent(this.table, this.monitor.rule, this.column)
    const start = image.starts[this.column]!
    const amount = length < 0 ? null : amountOf(image.bytes.toString('latin1', start, start + length))
    if (amount !== null) return amount
    throw new TidemarkError('ROW_UNSUITABLE', {
      message: `column ${this.table.columns[this.column]!.name} of ${this.table.qualifiedName} holds no number that monitor rule ${this.monitor.rule.name} could use`
    })
  }
}

function notSent(table: Table, rule: MonitorRule, column: number): TidemarkError {
  const { name } = rule
  return new TidemarkError('ROW_UNSUITABLE', {
    message: `monitor rule ${name} needs column ${table.columns[column]!.name} of ${table.qualifiedName}, which the server does not send with every change it looks at`,
    cure: `ALTER TABLE ${table.qualifiedName} REPLICA IDENTITY FULL, or take \`delete\` out of the rule's operations`,
    ...placeOf(rule, 'column')
  })
}

const one: Amount = { digits: 1n, scale: 0 }

function numberColumn(table: Table, rule: MonitorRule, name: string): number {
  const index = table.columns.findIndex(column => column.name === name)
  if (index < 0) {
    throw new TidemarkError('COLUMN_UNKNOWN', {
      message: `monitor rule ${rule.name} names column ${name}, which table ${table.qualifiedName} has not`,
      cure: `use one of: ${table.columns.map(column => column.name).join(', ')}`,
      ...placeOf(rule, 'column')
    })
  }
  if (numeric.has(table.columns[index]!.type.kind)) return index
  throw new TidemarkError('CONFIG_INVALID', {
    message: `monitor rule ${rule.name} measures column ${name} of ${table.qualifiedName}, which holds no numbers`,
    cure: 'measure a column of numbers, or use `count`',
    ...placeOf(rule, 'column')
  })
}
