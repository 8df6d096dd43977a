import { noExtensions, type Extensions } from '@tidemark/schemas/commit-stream.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { TableDefinition } from './table-definition.ts'

/** Name of the extension of genesis and claims that says by which definitions lookups are read. */
export const lookupsExtension = 'lookups'

/** Digests by the name of the fact, as the extension carries them. */
export function claimedDefinitions(definitions: Iterable<TableDefinition>): Extensions {
  const digests = [...definitions].flatMap(definition => [...definition.digests])
  if (digests.length === 0) return noExtensions
  return new Map([[lookupsExtension, Buffer.from(JSON.stringify(Object.fromEntries(digests)))]])
}

/**
 * Refuses rows read under another definition than was claimed: what the log has of them was of the other. What no claim
 * speaks of must be older than what the slot needs. `accepted`: the digest an operator has named. Throws LOOKUP_ALTERED.
 */
export function requireClaimed(
  lookup: { name: string; definition: string | null; place: string | null },
  now: TableDefinition,
  claimed: Extensions
): void {
  if (lookup.definition === now.digest) return
  const before = digestsOf(claimed)
  const altered = [...now.digests].filter(([name, digest]) =>
    Object.hasOwn(before, name) ? before[name] !== digest : !now.settled.has(name)
  )
  if (altered.length > 0) throw alteredSince(lookup, now, altered[0]![0])
}

export function alteredSince(
  { name, place }: { name: string; place: string | null },
  now: TableDefinition,
  what: string
): TidemarkError {
  const thing = thingOf(what)
  return new TidemarkError('LOOKUP_ALTERED', {
    message:
      `${thing} was altered, or is looked up for the first time, after transactions were committed that are still to be ` +
      `published: what lookup ${name} gives them is not in the log`,
    cure:
      `if none of them looks up a row that the alteration changed, set \`lookups.${name}.definition: ${now.digest}\`; ` +
      'else retire and apply anew. To alter such a table: stop its writers, wait until the agent has published everything, then alter',
    ...(place === null ? {} : { place })
  })
}

function thingOf(what: string): string {
  const [table, column, unique] = what.split('#')
  if (column === undefined) return `table ${table}, or the publication it is in,`
  return unique === undefined ? `column ${column} of ${table}` : `what makes ${column} of ${table} unique`
}

/** What is not of this form was not written by an agent of this kind: as if nothing had been claimed. */
function digestsOf(claimed: Extensions): Readonly<Record<string, unknown>> {
  const bytes = claimed.get(lookupsExtension)
  if (bytes === undefined) return {}
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString())
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
