import { FollowedRows } from '../enrichment/followed-rows.ts'
import type { LookupTable } from '../enrichment/lookup-table.ts'
import type { LookupTableRule } from '../rules.ts'
import { rowTexts, type DefinedTable } from './table-definition.ts'

const bytesMax = 67_108_864

/**
 * Rows of a captured table for lookups: `lookups: new Map([['accounts', lookupTable(account, 'id', [{id: 1, name: 'a'}])]])`.
 * They change with the operations on the table that are run. `guarded`: columns that its own records hide. Throws USAGE,
 * COLUMN_UNKNOWN, LOOKUP_INVALID.
 */
export function lookupTable<Row extends object>(
  defined: DefinedTable<Row>,
  key: keyof Row & string,
  rows: readonly Row[],
  guarded: LookupTableRule['guarded'] = []
): LookupTable {
  const { table } = defined
  const columns = table.columns.filter(({ type }) => (type.element ?? type).kind !== 'other').map(({ name }) => name)
  const rule = { name: table.name, table: table.qualifiedName, key, columns, bytesMax, guarded, place: null }
  const held = new FollowedRows(rule, table)
  const names = table.columns.map(({ name }) => name)
  for (const row of rows) {
    const texts = rowTexts(defined, row).map(text => (typeof text === 'symbol' ? null : text))
    held.begin(
      texts[names.indexOf(key)]!,
      columns.map(name => texts[names.indexOf(name)]!)
    )
  }
  return held
}
