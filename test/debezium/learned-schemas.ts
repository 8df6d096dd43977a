import { join } from 'node:path'
import type { ColumnType, Table } from '@tidemark/schemas/table.ts'
import { withFullNames } from './full-names.ts'
import { bare, columnsOf, withoutColumns, type AvroRecord, type TopicSchemas } from './schema-comparison.ts'

export const learnedFile = join(import.meta.dirname, '../../kcop/formats/debezium/testing/learned-schemas.json')

/** What Debezium and an AvroConverter made, for the unit tests, which hold ours against it without either. */
export interface LearnedSchemas {
  /** Without its columns, of a table `public.account` with the prefix `compared`. */
  envelope: unknown
  key: unknown
  /** Of columns, without null, default and labels of enums. */
  columns: { type: ColumnType; schema: unknown }[]
}

/** JSON text. Columns of one type stand once; those `leftOut` are otherwise on purpose. */
export function learnedSchemas(
  theirs: ReadonlyMap<string, TopicSchemas>,
  tables: ReadonlyMap<string, Table>,
  leftOut: (topic: string, column: string) => boolean
): string {
  const account = theirs.get('public.account')!
  const columns = new Map<string, LearnedSchemas['columns'][number]>()
  for (const [topic, { value }] of theirs) {
    for (const { name, type: schema } of columnsOf(withFullNames(value) as AvroRecord)) {
      const column = tables.get(topic)!.columns.find(other => other.name === name)!
      // The OIDs of types made for the comparison are others each time.
      const type = withoutOid(column.type)
      const known = JSON.stringify(type)
      if (!leftOut(topic, name) && !columns.has(known)) columns.set(known, { type, schema: bare(schema) })
    }
  }
  const learned: LearnedSchemas = {
    envelope: withoutColumns(withFullNames(account.value) as AvroRecord),
    key: withFullNames(account.key),
    columns: [...columns.values()]
  }
  return `${JSON.stringify(learned, null, 1)}\n`
}

function withoutOid(type: ColumnType): ColumnType {
  return { ...type, oid: 0, element: type.element === null ? null : withoutOid(type.element) }
}
