import type pg from 'pg'
import type { Table } from '@tidemark/schemas/table.ts'
import type { TableName } from '../config/table-name.ts'
import { inspectTables } from '../postgres/catalog.ts'
import { quoteIdentifier, quoteTable } from '../postgres/identifier.ts'
import { publishedRelations } from '../postgres/published-relation.ts'
import { loadPublication } from '../postgres/relation-catalogue.ts'
import { tableDefinitions } from '../postgres/table-definitions.ts'

/** A table as the agent would see it, and how its present rows are read. */
export interface ReadableTable {
  table: Table
  select: string
}

/**
 * The tables that exist, by `schema.name`: as the publication has them, columns and row filter included; one it does not have
 * (yet) as the catalogue has it.
 */
export async function readableTables(
  client: pg.Client,
  publication: string,
  wanted: readonly TableName[]
): Promise<ReadonlyMap<string, ReadableTable & { published: boolean }>> {
  const facts = await inspectTables(client, wanted)
  const definitions = await tableDefinitions(client, facts)
  const readable = new Map<string, ReadableTable & { published: boolean }>(
    definitions.map((table, index) => {
      const select = selectOf(table, facts[index]!.kind === 'partitioned')
      return [table.qualifiedName, { table, select, published: false }] as const
    })
  )
  const catalogue = await loadPublication(client, publication)
  for (const { message, select } of await publishedRelations(client, publication)) {
    const table = catalogue.table(message, 1, new Map())
    if (readable.has(table.qualifiedName)) readable.set(table.qualifiedName, { table, select, published: true })
  }
  return readable
}

/** A table without its inheritance children, which are tables of their own to the log; a partitioned one with. */
function selectOf({ schema, name, columns }: Table, partitioned: boolean): string {
  const list = columns.map(column => quoteIdentifier(column.name)).join(', ')
  return `SELECT ${list} FROM ${partitioned ? '' : 'ONLY '}${quoteTable({ schema, name })}`
}

/** Values as the server sends them: text, not parsed. */
const asText = { getTypeParser: () => (text: string) => text }

/** A few rows of the table, in the text form the log has. */
export async function presentRows(
  client: pg.Client,
  { select }: ReadableTable,
  rows: number
): Promise<readonly (readonly (string | null)[])[]> {
  const result = await client.query<(string | null)[]>({
    text: `${select} LIMIT ${rows}`,
    rowMode: 'array',
    types: asText as unknown as pg.CustomTypesConfig
  })
  return result.rows
}
