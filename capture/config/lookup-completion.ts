import { dirname, resolve } from 'node:path'
import type { LookupFileRule } from '@tidemark/kcop/rules.ts'
import type { Origin } from './completion.ts'
import type { OutputConfiguration, TableConfiguration, TableLookupConfiguration } from './configuration.ts'
import type { LookupFile } from './lookup-options.ts'
import { parseTableName } from './table-name.ts'
import { escapePointer } from './yaml-document.ts'

/** Lookups in files and in captured tables, which derived-rules.ts has accepted. */
export function completeLookups(
  written: Readonly<Record<string, LookupFile>> | undefined,
  tables: readonly TableConfiguration[],
  { file, document }: Origin
): { lookups: LookupFileRule[]; tableLookups: TableLookupConfiguration[] } {
  const lookups: LookupFileRule[] = []
  const tableLookups: TableLookupConfiguration[] = []
  for (const [name, lookup] of Object.entries(written ?? {})) {
    const place = document.placeOf(`/lookups/${escapePointer(name)}`, 'key')
    const { key, bytesMax } = lookup as LookupFile & { bytesMax: number }
    const common = { name, key, bytesMax, place }
    if (lookup.file !== undefined) lookups.push({ ...common, file: resolve(dirname(file), lookup.file) })
    else tableLookups.push({ ...common, ...tableLookup(name, lookup, tables) })
  }
  return { lookups, tableLookups }
}

function tableLookup(name: string, { table: written, definition }: LookupFile, tables: readonly TableConfiguration[]) {
  const table = written!
  const tableName = parseTableName(table)
  if (typeof tableName === 'string') throw new RangeError(`table name ${table} ${tableName}`)
  const taken = tables.flatMap(looking => [looking, ...looking.also]).flatMap(output => takenOf(output, name))
  const itself = tables.find(({ qualifiedName }) => qualifiedName === table)!
  return {
    table,
    tableName,
    columns: [...new Set(taken)],
    guarded: guardedOf(itself),
    definition: definition ?? null
  }
}

function takenOf({ columns }: OutputConfiguration, lookup: string): string[] {
  return (columns.derived ?? []).flatMap(({ from }) =>
    'lookup' in from && from.lookup.in === lookup ? [from.lookup.take] : []
  )
}

/** What a table's own records hide from its readers: all of it where its topic is restricted. */
function guardedOf({ columns, readers }: TableConfiguration): readonly string[] | 'all' {
  if (readers !== null) return 'all'
  return [...columns.dropped, ...columns.protected.map(({ column }) => column)]
}
