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
  const client = new RegistryClient(configuration.registry)
  const { signal } = new AbortController()
  const findings: Finding[] = []
  try {
    for (const { subject, schema } of schemasOf(configuration, tables)) {
      const fault = await client.incompatibility(subject, schema, signal)
      if (fault !== null) findings.push(findingOf(fault))
    }
  } catch (error) {
    if (!isTidemarkError(error)) throw error
    findings.push(findingOf(error))
  }
  return findings
}

function schemasOf(configuration: Configuration, tables: readonly Table[]): readonly RegisteredSchema[] {
  const wanted: RegisteredSchema[] = []
  triedRules(configuration, tables, {
    entry: (subject, schema) => {
      const entry = { subject, schema, id: 0, ready: null }
      wanted.push(entry)
      return entry
    }
  })
  return wanted
}
