import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { findingOf, type Finding } from '../finding.ts'
import type { TableFacts } from '../postgres/catalog.ts'
import { quoteIdentifier, quoteTable, tableText } from '../postgres/identifier.ts'
import type { PublicationFacts, RoleFacts } from '../postgres/inspection.ts'
import { planPublication, type PublicationWish } from '../postgres/publication.ts'

/** The publication the configured tables need; `name` is the configured one. */
export function publicationWish(name: string, tables: readonly TableFacts[]): PublicationWish {
  return {
    name,
    tables: tables.map(({ schema, name }) => ({ schema, name })),
    changes: ['insert', 'update', 'delete', 'truncate'],
    viaRoot: tables.some(table => table.kind === 'partitioned')
  }
}

/** What keeps the publication from being as wished, and what of it thins what readers see. */
export function publicationFindings(
  existing: PublicationFacts | null,
  wish: PublicationWish,
  tables: readonly TableFacts[],
  role: RoleFacts
): Finding[] {
  try {
    const statements = planPublication(existing, wish)
    if (statements.length === 0) return thinnedFindings(existing, tables)
    const refused = ownershipFindings(existing, statements, tables, role)
    return [
      ...(refused.length > 0 ? refused : differenceFindings(existing, statements)),
      ...thinnedFindings(existing, tables)
    ]
  } catch (error) {
    if (isTidemarkError(error)) return [findingOf(error)]
    throw error
  }
}

/** facts/postgres.md 19: naming a table in a publication needs ownership of both. */
function ownershipFindings(
  existing: PublicationFacts | null,
  statements: readonly string[],
  tables: readonly TableFacts[],
  role: RoleFacts
): Finding[] {
  if (role.superuser) return []
  const foreign = tables.filter(table => !table.owned && !names(existing, table)).map(tableText)
  if (existing !== null && existing.owner !== role.name) foreign.push(`publication ${existing.name}`)
  if (foreign.length === 0) return []
  return [
    {
      code: 'POSTGRES_PERMISSION',
      severity: 'error',
      what: `role ${role.name} may not set up the publication: it does not own ${foreign.join(', ')}`,
      place: role.database,
      remedy: `as their owner: ${statements.join('; ')};`
    }
  ]
}

function names(publication: PublicationFacts | null, table: TableFacts): boolean {
  return publication?.tables.some(({ schema, name }) => schema === table.schema && name === table.name) ?? false
}

function differenceFindings(existing: PublicationFacts | null, statements: readonly string[]): Finding[] {
  if (existing === null) return []
  const what = `publication ${existing.name} is not as configured`
  return [unsuitable(existing, what, `tidemark apply; it runs: ${statements.join('; ')};`)]
}

/** Column lists and row filters (PostgreSQL 15) are the owner's choice, and a surprise to the reader. */
function thinnedFindings(publication: PublicationFacts | null, tables: readonly TableFacts[]): Finding[] {
  if (publication === null) return []
  const captured = publication.tables.filter(({ schema, name }) =>
    tables.some(t => t.schema === schema && t.name === name)
  )
  return captured.flatMap(table => {
    const remedy = `if that is not wanted: ALTER PUBLICATION ${quoteIdentifier(publication.name)} DROP TABLE ${quoteTable(table)}; tidemark apply`
    const findings: Finding[] = []
    if (table.columns !== null) {
      const what = `publication ${publication.name} has only some columns of ${tableText(table)}: ${table.columns.join(', ')}`
      findings.push(unsuitable(publication, what, remedy))
    }
    if (table.filter !== null) {
      const what = `publication ${publication.name} has only the rows of ${tableText(table)} that its row filter lets through`
      findings.push(unsuitable(publication, what, remedy))
    }
    return findings
  })
}

function unsuitable(publication: PublicationFacts, what: string, remedy: string): Finding {
  return { code: 'PUBLICATION_UNSUITABLE', severity: 'warning', what, place: `publication ${publication.name}`, remedy }
}
