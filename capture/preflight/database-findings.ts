import type { Table } from '@tidemark/schemas/table.ts'
import { publishedTables, type Configuration } from '../config/configuration.ts'
import { inOrderOfPlace, type Finding } from '../finding.ts'
import type { TableFacts } from '../postgres/catalog.ts'
import type { DatabaseFacts } from './database-facts.ts'
import { columnFindings } from './column-findings.ts'
import { publicationFindings, publicationWish } from './publication-findings.ts'
import { lookupFindings } from './lookup-findings.ts'
import { ruleFindings } from './rule-findings.ts'
import { roleFindings, serverFindings, writerFindings } from './server-findings.ts'
import { missingTable, outboxFindings, tableFindings, type TableContext } from './table-findings.ts'

/** All that the database's side of a subscription needs looked at. Pure. */
export function databaseFindings(configuration: Configuration, facts: DatabaseFacts): Finding[] {
  const { server, role, publication, slot, tables } = facts
  const found = configuredTableFindings(configuration, facts)
  const columns = columnFindings(configuration, tables)
  const wish = publicationWish(configuration.postgres.publication, tables)
  return [
    ...serverFindings(server, slot !== null, configuration.tableLookups.length > 0),
    ...roleFindings(role, publication !== null),
    ...found,
    ...inOrderOfPlace([
      ...missingTables(configuration, facts),
      ...columns.findings,
      ...lookupFindings(
        // What lacks columns was told by their names.
        facts.lookups.filter(({ lookup }) => !columns.tables.has(lookup.table)),
        tables,
        role.name
      ),
      ...ruleFindings(configuration, soundTables(facts, found), columns.tables, facts.definitions)
    ]),
    ...publicationFindings(publication, wish, tables, role),
    ...(slot === null ? writerFindings(facts.writers) : [])
  ]
}

/** Rules are tried on tables without an error of their own, which they would only repeat. */
function soundTables({ definitions }: DatabaseFacts, found: readonly Finding[]): Table[] {
  const faulty = new Set(found.filter(({ severity }) => severity === 'error').map(({ place }) => place))
  return definitions.filter(table => !faulty.has(table.qualifiedName))
}

function missingTables(configuration: Configuration, { tables, otherTables }: DatabaseFacts): Finding[] {
  const found = new Set(tables.map(({ schema, name }) => `${schema}.${name}`))
  const missing = publishedTables(configuration).filter(({ qualifiedName }) => !found.has(qualifiedName))
  return missing.map(table => missingTable(table, otherTables))
}

function configuredTableFindings(configuration: Configuration, facts: DatabaseFacts): Finding[] {
  const context: TableContext = {
    role: facts.role.name,
    version: facts.server.version,
    closedSchemas: facts.closedSchemas,
    generatedStored: facts.publication?.generatedStored ?? false
  }
  const found = new Map(facts.tables.map(table => [`${table.schema}.${table.name}`, table]))
  const judge = <T extends { qualifiedName: string }>(
    tables: readonly T[],
    rules: (facts: TableFacts, table: T) => Finding[]
  ) =>
    tables.flatMap(table => {
      const its = found.get(table.qualifiedName)
      return its === undefined ? [] : rules(its, table)
    })
  return [
    ...judge(configuration.tables, (its, table) => tableFindings(its, table, context)),
    ...judge(configuration.outbox.tables, its => outboxFindings(its, context))
  ]
}
