import type pg from 'pg'
import { FollowedRows } from '@tidemark/kcop/enrichment/followed-rows.ts'
import type { LookupTable } from '@tidemark/kcop/enrichment/lookup-table.ts'
import type { LookupTableRule } from '@tidemark/kcop/rules.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import { isTidemarkError, type TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { CapturedLookup } from './captured-lookups.ts'
import { tableDefinition, type TableDefinition } from './table-definition.ts'

/** A lookup as its table stands. */
export interface LookupFacts {
  lookup: CapturedLookup
  /** null: the table cannot be followed, or the publication does not send it yet. */
  definition: TableDefinition | null
  fault: TidemarkError | null
}

/** Looks at each table that exists; `sent`: those the publication has. Throws as queries do. */
export async function lookupFacts(
  client: pg.Client,
  lookups: readonly CapturedLookup[],
  { publication, slot, sent }: { publication: string; slot: string; sent: ReadonlySet<string> }
): Promise<LookupFacts[]> {
  const facts: LookupFacts[] = []
  for (const lookup of lookups) {
    const isSent = sent.has(lookup.table)
    try {
      const definition = await tableDefinition(client, lookup, { publication: isSent ? publication : null, slot })
      facts.push({ lookup, definition: isSent ? definition : null, fault: null })
    } catch (error) {
      if (!isTidemarkError(error)) throw error
      facts.push({ lookup, definition: null, fault: error })
    }
  }
  return facts
}

/** Lookups without rows, for what only needs columns and types; a table without definition is left out. Throws LOOKUP_INVALID. */
export function emptyLookups(
  rules: readonly LookupTableRule[],
  definitions: readonly Table[]
): ReadonlyMap<string, LookupTable> {
  const tables = new Map(definitions.map(table => [table.qualifiedName, table]))
  return new Map(
    rules.flatMap(rule => {
      const table = tables.get(rule.table)
      return table === undefined ? [] : [[rule.name, new FollowedRows(rule, table)] as const]
    })
  )
}
