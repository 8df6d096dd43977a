import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { quoteIdentifier, quoteTable, type TableName } from './identifier.ts'
import type { PublicationFacts } from './inspection.ts'
import { serverError, type Meaning } from './server-error.ts'
import { contextOf, type SessionOptions } from './session.ts'
import type { SqlSession } from './sql-session.ts'

export type PublishedChange = 'insert' | 'update' | 'delete' | 'truncate'

export interface PublicationWish {
  name: string
  /** Every table captured, and no other: never FOR ALL TABLES. */
  tables: readonly TableName[]
  /** Without updates and deletes a table needs no replica identity. */
  changes: readonly PublishedChange[]
  /** Changes of partitions come as changes of the partitioned table that is named. */
  viaRoot: boolean
}

const allChanges: readonly PublishedChange[] = ['insert', 'update', 'delete', 'truncate']

/**
 * The SQL that makes the publication what is wished, in order; empty when it is. Column lists and row filters that
 * somebody gave a table stay. Throws PUBLICATION_UNSUITABLE for one that publishes more than named tables.
 */
export function planPublication(existing: PublicationFacts | null, wish: PublicationWish): string[] {
  const name = quoteIdentifier(wish.name)
  if (existing === null) {
    return [`CREATE PUBLICATION ${name}${forTables(wish.tables)} WITH (${settings(wish)})`]
  }
  refuseBroad(existing)
  const statements: string[] = []
  const added = without(wish.tables, existing.tables)
  const removed = without(existing.tables, wish.tables)
  if (!sameSettings(existing, wish)) statements.push(`ALTER PUBLICATION ${name} SET (${settings(wish)})`)
  if (added.length > 0) statements.push(`ALTER PUBLICATION ${name} ADD TABLE ${added.map(quoteTable).join(', ')}`)
  if (removed.length > 0) statements.push(`ALTER PUBLICATION ${name} DROP TABLE ${removed.map(quoteTable).join(', ')}`)
  return statements
}

export function dropPublicationSql(name: string): string {
  return `DROP PUBLICATION IF EXISTS ${quoteIdentifier(name)}`
}

/**
 * Runs the statements in one transaction. To be done before the slot is created: a publication made later does not heal
 * a slot that has passed a change before. Throws POSTGRES_PERMISSION with the SQL to run, TABLE_MISSING,
 * PUBLICATION_UNSUITABLE.
 */
export async function applyPublication(
  sql: SqlSession,
  session: SessionOptions,
  statements: readonly string[]
): Promise<void> {
  if (statements.length === 0) return
  await sql.do('changing the publication', async client => {
    try {
      await client.query(['BEGIN', ...statements, 'COMMIT'].join(';\n'))
    } catch (error) {
      await client.query('ROLLBACK').catch(() => {})
      throw serverError(error, contextOf(session.url, 'changing the publication'), publicationMeanings(statements))
    }
  })
}

function publicationMeanings(statements: readonly string[]): Record<string, Meaning> {
  const unsuitable: Meaning = { code: 'PUBLICATION_UNSUITABLE', cure: 'leave the table the message names out' }
  return {
    42501: {
      code: 'POSTGRES_PERMISSION',
      cure: `as superuser, or as owner of the tables with CREATE on the database: ${statements.join('; ')};`
    },
    '3F000': { code: 'TABLE_MISSING' },
    22023: unsuitable,
    '0A000': unsuitable
  }
}

function refuseBroad(existing: PublicationFacts): void {
  const broad = existing.allTables ? 'all tables' : existing.schemas.length > 0 ? 'whole schemas' : null
  if (broad === null) return
  throw new TidemarkError('PUBLICATION_UNSUITABLE', {
    message: `publication ${existing.name} publishes ${broad}: a table without key would fail its UPDATE and DELETE unseen`,
    cure: 'name another publication in `postgres.publication`; `tidemark apply` makes it with the configured tables only'
  })
}

function forTables(tables: readonly TableName[]): string {
  return tables.length === 0 ? '' : ` FOR TABLE ${tables.map(quoteTable).join(', ')}`
}

function settings(wish: PublicationWish): string {
  const changes = allChanges.filter(change => wish.changes.includes(change)).join(', ')
  return `publish = '${changes}', publish_via_partition_root = ${wish.viaRoot}`
}

function sameSettings(existing: PublicationFacts, wish: PublicationWish): boolean {
  return (
    existing.viaRoot === wish.viaRoot && allChanges.every(change => existing[change] === wish.changes.includes(change))
  )
}

function without(tables: readonly TableName[], others: readonly TableName[]): TableName[] {
  const known = new Set(others.map(other => JSON.stringify([other.schema, other.name])))
  return tables
    .filter(table => !known.has(JSON.stringify([table.schema, table.name])))
    .map(({ schema, name }) => ({ schema, name }))
}
