import type pg from 'pg'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { tableText, type TableName } from './identifier.ts'

/**
 * Throws PUBLICATION_UNSUITABLE unless the publication sends each of the tables under its name. PostgreSQL says nothing
 * when it stops to: a table that was dropped and made again, or taken out of the publication, is just silent, and one
 * that was renamed goes on under a name nobody configured.
 */
export async function requirePublished(
  client: pg.Client,
  publication: string,
  tables: readonly TableName[]
): Promise<void> {
  if (tables.length === 0) return
  const names = [tables.map(table => table.schema), tables.map(table => table.name)]
  const { rows } = await client.query<TableName>(unpublishedSql, [publication, ...names])
  if (rows.length > 0) throw notSent(publication, rows)
}

const unpublishedSql = `
SELECT wanted.schema, wanted.name FROM unnest($2::text[], $3::text[]) AS wanted(schema, name)
EXCEPT
SELECT schemaname::text, tablename::text FROM pg_publication_tables WHERE pubname = $1
ORDER BY 1, 2`

function notSent(publication: string, tables: readonly TableName[]): TidemarkError {
  const names = tables.map(tableText).join(', ')
  return new TidemarkError('PUBLICATION_UNSUITABLE', {
    message: `publication ${publication} does not send ${names}: not added yet, renamed, dropped, or taken out of it`,
    place: `publication ${publication}`,
    cure:
      'if it was renamed, rename it back, or configure its new name; else `tidemark apply` adds it, ' +
      'without the rows and changes of the time when it was not sent'
  })
}
