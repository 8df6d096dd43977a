import { RegistryClient } from '@tidemark/kcop/registry/registry-client.ts'
import type { RegisteredSchema } from '@tidemark/kcop/registry/schema-registry.ts'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import type { Configuration } from '../config/configuration.ts'
import { findingOf, type Finding } from '../finding.ts'
import { triedRules } from './rule-findings.ts'

/**
 * What the schema registry would refuse of the schemas of the tables as they are. It is asked, nothing is registered. A
 * registry that cannot be asked is one finding.
 */
export async function registryFindings(configuration: Configuration, tables: readonly Table[]): Promise<Finding[]> {
  if (configuration.registry === null) return []
  const { registry } = configuration
  const client = new RegistryClient(registry)
  const { signal } = new AbortController()
  const findings: Finding[] = []
  try {
    for (const { subject, schema, place } of schemasOf(configuration, tables)) {
      const fault = await client.incompatibility(subject, schema, signal)
      if (fault !== null) findings.push({ ...findingOf(fault), place })
    }
  } catch (error) {
    if (!isTidemarkError(error)) throw error
    findings.push({ ...findingOf(error), place: registry.place })
  }
  return findings
}

interface WantedSchema {
  readonly subject: string
  readonly schema: string
  /** Of the format that wants it. */
  readonly place: string
}

/** Each once, although rules are tried more than once. */
function schemasOf(configuration: Configuration, tables: readonly Table[]): Iterable<WantedSchema> {
  const wanted = new Map<string, WantedSchema>()
  let place = ''
  triedRules(configuration, tables, {
    onOutput: rule => (place = rule.places?.['format'] ?? rule.place ?? ''),
    schemas: {
      entry: (subject, schema): RegisteredSchema => {
        const known = `${subject} ${schema}`
        if (!wanted.has(known)) wanted.set(known, { subject, schema, place })
        return { subject, schema, id: 0, ready: null }
      }
    }
  })
  return wanted.values()
}
