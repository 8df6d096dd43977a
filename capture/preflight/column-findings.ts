import type { Configuration } from '../config/configuration.ts'
import { meant } from '../config/nearest.ts'
import type { Finding } from '../finding.ts'
import type { TableFacts } from '../postgres/catalog.ts'
import { columnMentions, type ColumnMention } from './column-mentions.ts'

export interface ColumnFindings {
  readonly findings: readonly Finding[]
  /** Tables of which a column is named that they have not. */
  readonly tables: ReadonlySet<string>
}

/** Every place where the configuration names a column that its table has not, with the nearest that it has. Pure. */
export function columnFindings(configuration: Configuration, tables: readonly TableFacts[]): ColumnFindings {
  const columns = new Map<string, string[]>(
    tables.map(({ schema, name, columns: its }) => [`${schema}.${name}`, its.map(column => column.name)])
  )
  const unknown = columnMentions(configuration).flatMap(mention => {
    const known = columns.get(mention.table)
    if (known === undefined || known.includes(mention.column) || mention.made.includes(mention.column)) return []
    return [{ mention, known: [...known, ...mention.made] }]
  })
  return {
    findings: unknown.map(({ mention, known }) => unknownColumn(mention, known)),
    tables: new Set(unknown.map(({ mention }) => mention.table))
  }
}

function unknownColumn({ table, column, by, place }: ColumnMention, known: readonly string[]): Finding {
  const what = `${by} names column ${column}, which table ${table} has not`
  const remedy = meant(column, known, 'take it out: the table has no columns')
  return { code: 'COLUMN_UNKNOWN', severity: 'error', what, place, remedy }
}
