import type { Extensions } from '@tidemark/schemas/commit-stream.ts'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { findingOf, type Finding } from '../finding.ts'
import { requireClaimed } from '../lookups/claimed-definitions.ts'
import type { LookupFacts } from '../lookups/lookup-facts.ts'
import type { TableFacts } from '../postgres/catalog.ts'
import { quoteIdentifier, quoteTable } from '../postgres/identifier.ts'

/** What of a captured table that lookups read keeps them from telling its rows. Tables that are missing are told elsewhere. */
export function lookupFindings(
  lookups: readonly LookupFacts[],
  tables: readonly TableFacts[],
  role: string
): Finding[] {
  const found = new Map(tables.map(table => [`${table.schema}.${table.name}`, table]))
  return lookups.flatMap(({ lookup, fault }) => {
    const table = found.get(lookup.table)
    if (table === undefined) return []
    return [
      ...(fault === null ? [] : [findingOf(fault)]),
      ...permissionFindings(lookup, table, role),
      ...sizeFindings(lookup, table)
    ]
  })
}

/** Refuses a table altered since the stream's last claim, as the agent would. */
export function alterationFindings(lookups: readonly LookupFacts[], claimed: Extensions): Finding[] {
  return lookups.flatMap(({ lookup, definition }) => {
    if (definition === null) return []
    try {
      requireClaimed(lookup, definition, claimed)
      return []
    } catch (error) {
      if (!isTidemarkError(error)) throw error
      return [findingOf(error)]
    }
  })
}

function permissionFindings({ name, place }: LookupFacts['lookup'], table: TableFacts, role: string): Finding[] {
  const found = (what: string, remedy: string): Finding => ({
    code: 'POSTGRES_PERMISSION',
    severity: 'error',
    what,
    place: place ?? '',
    remedy
  })
  const findings: Finding[] = []
  if (!table.readable) {
    const remedy = `GRANT SELECT ON ${quoteTable(table)} TO ${quoteIdentifier(role)};`
    findings.push(found(`lookup ${name} reads ${table.schema}.${table.name}, which role ${role} may not read`, remedy))
  }
  if (table.rowSecurity) {
    const remedy = `ALTER ROLE ${quoteIdentifier(role)} BYPASSRLS;`
    findings.push(
      found(
        `row security of ${table.schema}.${table.name} hides rows from role ${role} that lookup ${name} reads`,
        remedy
      )
    )
  }
  return findings
}

/** An estimate: the table holds other columns, and dead rows; memory holds texts. */
function sizeFindings({ name, place, bytesMax }: LookupFacts['lookup'], table: TableFacts): Finding[] {
  if (table.bytes <= bytesMax) return []
  return [
    {
      code: 'LOOKUP_TOO_LARGE',
      severity: 'warning',
      what: `table ${table.schema}.${table.name} has ${table.bytes} bytes on disk; lookup ${name} may hold ${bytesMax} bytes of it in memory`,
      place: place ?? '',
      remedy: `if the columns it takes need more, raise \`lookups.${name}.bytesMax\`: the agent stops rather than leave rows out`
    }
  ]
}
