import type { Column, Table } from '@tidemark/schemas/table.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { ColumnProtection, OutputRule } from '../rules.ts'
import { placeOf } from './rule-place.ts'

/** One column that is sent: its index in the source's table, and how it is protected. */
export interface PlannedColumn {
  readonly source: number
  readonly protection: ColumnProtection | null
}

/** The columns of one output, and the table as formats see it: protected columns are text. */
export interface ColumnPlan {
  readonly table: Table
  readonly columns: readonly PlannedColumn[]
  /** Whether every column is sent as it is, in the table's order. */
  readonly asIs: boolean
}

/** What a value is after protection: base64, digits or stars, whatever it was before. */
const protectedType = { oid: 25, name: 'text', kind: 'text', element: null, modifier: -1 } as const

/** Protections that give equal values equal forms, so that a key stays a key. */
const equalStaysEqual: ReadonlySet<ColumnProtection['kind']> = new Set(['deterministic', 'tokenise', 'hash'])

/** Whether a protection gives equal values different forms. */
export function isRandom(protection: ColumnProtection | null): boolean {
  const kind = protection?.kind
  return kind === 'encrypt' || kind === 'encrypt-subject' || kind === 'rsa'
}

/**
 * Chooses and orders the columns of an output. Throws COLUMN_UNKNOWN for a column a rule names and the table has not
 * (so a renamed column never goes out unprotected), CONFIG_INVALID for a key column dropped or protected in a way that
 * gives equal keys different forms.
 */
export function planColumns(table: Table, rule: OutputRule): ColumnPlan {
  const { only, dropped, protected: given } = rule.columns
  for (const name of [...(only ?? []), ...dropped, ...given.map(({ column }) => column)])
    requireColumn(table, name, rule)
  const key = rule.key ?? table.keyColumns.map(index => table.columns[index]!.name)
  const names = (only === null ? table.columns.map(({ name }) => name) : [...missingFrom(only, key), ...only]).filter(
    name => !dropped.includes(name)
  )
  const protections = new Map(given.map(({ column, protection }) => [column, protection]))
  for (const name of key) requireTelling(table, name, names, protections.get(name), rule)
  const columns = names.map(name => ({ source: indexOf(table, name), protection: protections.get(name) ?? null }))
  const asIs = columns.length === table.columns.length && columns.every(isAsIs)
  return { table: asIs ? table : plannedTable(table, columns), columns, asIs }
}

function isAsIs({ source, protection }: PlannedColumn, index: number): boolean {
  return source === index && protection === null
}

function plannedTable(table: Table, columns: readonly PlannedColumn[]): Table {
  const places = new Map(columns.map(({ source }, index) => [source, index]))
  return {
    ...table,
    columns: columns.map(({ source, protection }) => plannedColumn(table.columns[source]!, protection)),
    keyColumns: table.keyColumns.flatMap(index => places.get(index) ?? [])
  }
}

function plannedColumn(column: Column, protection: ColumnProtection | null): Column {
  return protection === null ? column : { ...column, type: protectedType }
}

function missingFrom(only: readonly string[], key: readonly string[]): string[] {
  return key.filter(name => !only.includes(name))
}

function indexOf(table: Table, name: string): number {
  return table.columns.findIndex(column => column.name === name)
}

function requireColumn(table: Table, name: string, rule: OutputRule): void {
  if (indexOf(table, name) >= 0) return
  throw new TidemarkError('COLUMN_UNKNOWN', {
    message: `a rule for topic ${rule.topic} names column ${name}, which table ${table.qualifiedName} has not`,
    cure: `use columns of the table: ${table.columns.map(column => column.name).join(', ')}`,
    ...placeOf(rule, `columns/${name}`)
  })
}

function requireTelling(
  table: Table,
  name: string,
  names: readonly string[],
  protection: ColumnProtection | undefined,
  rule: OutputRule
): void {
  const inKey = `column ${name} is in the record key of topic ${rule.topic} (table ${table.qualifiedName})`
  if (indexOf(table, name) < 0) requireColumn(table, name, rule)
  if (!names.includes(name)) {
    throw new TidemarkError('CONFIG_INVALID', {
      message: `${inKey} and is dropped`,
      cure: `name another \`key\`, or protect ${name} by tokenise, deterministic or hash`,
      ...placeOf(rule, `columns/${name}`)
    })
  }
  if (protection === undefined || equalStaysEqual.has(protection.kind)) return
  throw new TidemarkError('CONFIG_INVALID', {
    message: `${inKey}: \`${protection.kind}\` does not keep keys apart and equal ones together`,
    cure: `protect ${name} by tokenise, deterministic or hash, or name another \`key\``,
    ...placeOf(rule, `columns/${name}`)
  })
}
