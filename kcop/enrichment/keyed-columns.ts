import type { Table } from '@tidemark/schemas/table.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { Tuple } from '@tidemark/schemas/tuple.ts'
import type { LookupTableRule } from '../rules.ts'
import { keyDiffers } from '../table-key.ts'
import type { HeldRow } from './lookup-table.ts'

/** Where the key and the columns that lookups take stand in one version of their table. */
export class KeyedColumns {
  readonly table: Table
  private readonly keyAt: readonly number[]
  private readonly valuesAt: readonly number[]

  /** Throws LOOKUP_UNTOLD when the version has not all of them, or tells no whole rows before changes. */
  constructor(table: Table, rule: LookupTableRule) {
    this.table = table
    this.keyAt = [placeIn(table, rule.key)]
    this.valuesAt = rule.columns.map(name => placeIn(table, name))
    if (table.replicaIdentity !== 'full') throw notFull(table)
  }

  key(image: Tuple): string {
    const key = valueAt(image, this.keyAt[0]!)
    if (key !== null) return key
    throw untold(`a row of ${this.table.qualifiedName} has no key`, 'make the key column NOT NULL')
  }

  row(image: Tuple): HeldRow {
    return this.valuesAt.map(index => valueAt(image, index))
  }

  movesKey(before: Tuple, after: Tuple): boolean {
    return keyDiffers(this.keyAt, before, after)
  }

  changesValues(before: Tuple, after: Tuple): boolean {
    return keyDiffers(this.valuesAt, before, after)
  }

  /** The whole row before an update or delete. Throws LOOKUP_UNTOLD where the log has it not. */
  before({ oldTuple, beforeIsKeyOnly }: { oldTuple: Tuple | null; beforeIsKeyOnly: boolean }): Tuple {
    if (oldTuple === null || beforeIsKeyOnly) throw notFull(this.table)
    return oldTuple
  }
}

function placeIn(table: Table, name: string): number {
  const index = table.columns.findIndex(column => column.name === name)
  if (index >= 0) return index
  throw untold(
    `table ${table.qualifiedName} had no column ${name} when a change that lookups must follow was written`,
    'name a column that it had then as well; or retire and apply anew'
  )
}

/** Under FULL nothing is left out as unchanged: the assembler fills it from the old row. */
function valueAt(image: Tuple, index: number): string | null {
  const length = image.lengths[index]!
  if (length < 0) return null
  const start = image.starts[index]!
  return image.bytes.toString('utf8', start, start + length)
}

function notFull({ qualifiedName }: Table): TidemarkError {
  return untold(
    `a change of ${qualifiedName}, which lookups read, was written without the whole row before it`,
    `ALTER TABLE ${qualifiedName} REPLICA IDENTITY FULL; changes written before cannot be told: retire and apply anew`
  )
}

export function untold(message: string, cure?: string): TidemarkError {
  return new TidemarkError('LOOKUP_UNTOLD', cure === undefined ? { message } : { message, cure })
}
