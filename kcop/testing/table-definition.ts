import type { Table } from '@tidemark/schemas/table.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { typeOfSpec, type ColumnSpec, type SpecValue } from './column-spec.ts'
import { UNCHANGED, type RowTexts } from './operations.ts'
import { valueText } from './value-text.ts'

export type Columns = Readonly<Record<string, ColumnSpec>>

export interface TableChoices<Key extends string> {
  /** Names of the primary key's columns, in key order. */
  key: readonly Key[]
  /** As `ALTER TABLE .. REPLICA IDENTITY`: whether the whole row before a change is known. Default `default`. */
  replicaIdentity?: 'default' | 'full' | 'nothing'
}

/** A row written by hand: key columns must be there, others are null when left out. */
export type GivenRow<Given extends Columns, Key extends string> = {
  [Name in keyof Given as Name extends Key ? Name : never]: SpecValue<Given[Name]>
} & { [Name in keyof Given as Name extends Key ? never : Name]?: SpecValue<Given[Name]> | null | typeof UNCHANGED }

/** A table of tests. `Row`: what a row of it written by hand holds. */
export interface DefinedTable<Row extends object = object> {
  readonly table: Table
  /** Never there: carries the type of rows. */
  readonly row?: Row
}

/**
 * A table by its columns: `defineTable('public.transfer', {id: 'bigint', amount: 'numeric(12,2)'}, {key: ['id']})`. The
 * same name again is a changed definition when its columns differ. Throws USAGE.
 */
export function defineTable<const Given extends Columns, const Key extends keyof Given & string>(
  qualifiedName: string,
  columns: Given,
  { key, replicaIdentity = 'default' }: TableChoices<Key>
): DefinedTable<GivenRow<Given, Key>> {
  const dot = qualifiedName.indexOf('.')
  if (dot < 1) throw usage(`table ${qualifiedName} has no schema`, 'write schema.table, such as public.account')
  const names = Object.keys(columns)
  const strange = key.find(name => !names.includes(name))
  if (strange !== undefined) throw usage(`key column ${strange} of ${qualifiedName} is none of its columns`)
  const table: Table = {
    id: tableId(qualifiedName),
    schema: qualifiedName.slice(0, dot),
    name: qualifiedName.slice(dot + 1),
    qualifiedName,
    columns: names.map(name => ({
      name,
      type: typeOfSpec(columns[name]!, name),
      key: (key as readonly string[]).includes(name)
    })),
    keyColumns: key.map(name => names.indexOf(name)),
    replicaIdentity,
    version: 1
  }
  return { table }
}

/** The same for each version of a table, another for other names. */
function tableId(qualifiedName: string): number {
  return Buffer.from(qualifiedName).reduce((sum, byte) => (sum * 31 + byte) % 1_000_000_007, 16_384)
}

/** The row in PostgreSQL's text form. Throws COLUMN_UNKNOWN, and USAGE for a value that is not of its column. */
export function rowTexts({ table }: Pick<DefinedTable, 'table'>, row: object): RowTexts {
  const given = row as Readonly<Record<string, unknown>>
  const names = table.columns.map(({ name }) => name)
  const strange = Object.keys(given).find(name => !names.includes(name))
  if (strange !== undefined) {
    throw new TidemarkError('COLUMN_UNKNOWN', {
      message: `table ${table.qualifiedName} has no column ${strange}`,
      cure: `use one of: ${names.join(', ')}`
    })
  }
  return table.columns.map(({ name, key }) => {
    const value = given[name] ?? null
    if (key && value === null) throw usage(`a row of ${table.qualifiedName} has no value for key column ${name}`)
    return value === null || value === UNCHANGED ? value : textOf(table, name, value)
  })
}

function textOf(table: Table, name: string, value: unknown): string {
  const { type } = table.columns.find(column => column.name === name)!
  try {
    return valueText(type, value)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw usage(`column ${name} of ${table.qualifiedName}, of type ${type.name}, ${error.message}`)
  }
}

function usage(message: string, cure?: string): TidemarkError {
  return new TidemarkError('USAGE', cure === undefined ? { message } : { message, cure })
}
