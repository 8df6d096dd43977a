import type { ErrorCode } from '@tidemark/schemas/error-codes.ts'
import type { TableConfiguration } from '../config/configuration.ts'
import { nearest } from '../config/nearest.ts'
import type { TableName } from '../config/table-name.ts'
import type { Finding, Severity } from '../finding.ts'
import { lacksIdentity, type ColumnFacts, type TableFacts } from '../postgres/catalog.ts'
import { quoteIdentifier, quoteTable } from '../postgres/identifier.ts'

/** What rules on tables look at, besides the table. */
export interface TableContext {
  /** Role that captures. */
  role: string
  /** server_version_num */
  version: number
  /** Schemas whose objects the role may not use. */
  closedSchemas: readonly string[]
  /** The publication sends stored computed columns. */
  generatedStored: boolean
}

/** A configured table that the database has not. */
export function missingTable(
  table: TableName & { qualifiedName: string; place: string },
  existing: readonly string[]
): Finding {
  const meant = nearest(table.qualifiedName, existing)
  return {
    code: 'TABLE_MISSING',
    severity: 'error',
    what: `table ${table.qualifiedName} does not exist`,
    place: table.place,
    remedy:
      meant === null ? 'correct its name, exactly as the catalogue has it, or create it' : `did you mean ${meant}?`
  }
}

/** What of a captured table would lose data, harm the application, or surprise. */
export function tableFindings(facts: TableFacts, table: TableConfiguration, context: TableContext): Finding[] {
  const kind = kindFindings(facts)
  if (kind.some(finding => finding.severity === 'error')) return kind
  return [
    ...kind,
    ...identityFindings(facts, table),
    ...computedIdentityFindings(facts, table.key, context),
    ...partitionFindings(facts),
    ...keyFindings(facts, table),
    ...(table.refresh ? copyFindings(facts, context) : []),
    ...columnFindings(facts, context)
  ]
}

/** An outbox table is only read from the log: its identity must not harm the application. */
export function outboxFindings(facts: TableFacts, context: TableContext): Finding[] {
  const kind = kindFindings(facts)
  if (kind.some(finding => finding.severity === 'error')) return kind
  return [...kind, ...identityFindings(facts, null), ...computedIdentityFindings(facts, null, context)]
}

function kindFindings(facts: TableFacts): Finding[] {
  const name = nameOf(facts)
  const unsuitable = (what: string, remedy: string) => finding('TABLE_UNSUITABLE', 'error', facts, what, remedy)
  if (
    facts.kind === 'view' ||
    facts.kind === 'materialized view' ||
    facts.kind === 'foreign table' ||
    facts.kind === 'other'
  ) {
    return [unsuitable(`${name} is a ${facts.kind}: the log holds no changes of it`, 'name the tables it is made from')]
  }
  if (facts.persistence === 'unlogged') {
    return [
      unsuitable(
        `table ${name} is unlogged: its changes are not in the log`,
        `ALTER TABLE ${quoteTable(facts)} SET LOGGED;`
      )
    ]
  }
  if (facts.persistence === 'temporary') {
    return [
      unsuitable(`table ${name} is temporary: its changes are not in the log`, 'take it out of the configuration')
    ]
  }
  const warn = (what: string, remedy: string) => [finding('TABLE_UNSUITABLE', 'warning', facts, what, remedy)]
  if (facts.hasChildren) {
    return warn(`tables that inherit from ${name} are not captured with it`, 'name them in the configuration as well')
  }
  if (facts.kind === 'partition' && facts.root !== null) {
    const root = nameOf(facts.root)
    return warn(`${name} is one partition of ${root}: rows of the others are not captured`, `name ${root} instead`)
  }
  return []
}

/** facts/postgres.md 10: publishing a table without an identity makes the application's own statements fail (55000). */
function identityFindings(facts: TableFacts, table: TableConfiguration | null): Finding[] {
  const name = nameOf(facts)
  if (lacksIdentity(facts)) {
    const what = `${withoutIdentity(facts)}: once it is published, UPDATE and DELETE of the application would fail`
    return [finding('TABLE_WITHOUT_KEY', 'error', facts, what, identityRemedy(facts))]
  }
  if (table !== null && table.key === null && facts.primaryKey.length === 0) {
    const what = `table ${name} has no primary key: its records have no key, and deletes cannot be told from each other`
    return [
      finding(
        'TABLE_WITHOUT_KEY',
        'warning',
        facts,
        what,
        `set \`key\` of tables["${name}"] to the columns that identify a row`
      )
    ]
  }
  return []
}

function withoutIdentity(facts: TableFacts): string {
  const name = nameOf(facts)
  if (facts.replicaIdentity === 'nothing') return `table ${name} has REPLICA IDENTITY NOTHING`
  if (facts.replicaIdentity === 'index') return `the replica identity index of table ${name} was dropped`
  if (facts.primaryKey.length > 0) return `the primary key of table ${name} is deferrable, and so no replica identity`
  return `table ${name} has no primary key`
}

function identityRemedy(facts: TableFacts): string {
  const table = quoteTable(facts)
  if (facts.primaryKeyDeferrable) return `make the primary key anew without DEFERRABLE, or ${wholeRows(facts)}`
  if (facts.primaryKey.length > 0) return `ALTER TABLE ${table} REPLICA IDENTITY DEFAULT;`
  return `ALTER TABLE ${table} ADD PRIMARY KEY (...);\nor, with the whole old row in the log: ALTER TABLE ${table} REPLICA IDENTITY FULL;`
}

function wholeRows(facts: TableName): string {
  return `ALTER TABLE ${quoteTable(facts)} REPLICA IDENTITY FULL;`
}

/**
 * Computed columns are not sent. PostgreSQL 18 refuses the application's UPDATE and DELETE when the identity has one
 * (42P10; FULL has all); earlier versions send the identity without it, so that keys of several rows are the same.
 */
function computedIdentityFindings(
  facts: TableFacts,
  key: readonly string[] | null,
  { version, generatedStored }: TableContext
): Finding[] {
  const refuses = version >= 180_000
  const counted = refuses ? identityColumns(facts) : (key ?? identityColumns(facts))
  if (!refuses && facts.replicaIdentity === 'full' && key === null) return []
  const computed = facts.columns.filter(column => counted.includes(column.name) && isUnsent(column, generatedStored))
  if (computed.length === 0) return []
  const names = computed.map(column => column.name).join(', ')
  const harm = refuses
    ? 'once it is published, UPDATE and DELETE of the application would fail'
    : 'record keys would lack it'
  const what = `the replica identity of ${nameOf(facts)} has computed column ${names}, which is not in the log: ${harm}`
  const index = `ALTER TABLE ${quoteTable(facts)} REPLICA IDENTITY USING INDEX <unique index without computed columns>;`
  const byKey = facts.replicaIdentity === 'full' && facts.primaryKey.length > 0
  const remedy = byKey ? `ALTER TABLE ${quoteTable(facts)} REPLICA IDENTITY DEFAULT;` : index
  return [finding('TABLE_WITHOUT_KEY', 'error', facts, what, remedy)]
}

/** ALTER TABLE ... REPLICA IDENTITY reaches no partition, and a new partition has the default. */
function partitionFindings(facts: TableFacts): Finding[] {
  const { unlikePartitions: unlike, replicaIdentity } = facts
  if (unlike.length === 0) return []
  const names = unlike.map(partition => nameOf(partition)).join(', ')
  const remedy = unlike.map(wholeRows).join('\n')
  if (replicaIdentity === 'full') {
    const what = `partitions of ${nameOf(facts)} are without its REPLICA IDENTITY FULL, so of old rows only keys are known: ${names}`
    return [finding('TABLE_UNSUITABLE', 'warning', facts, what, remedy)]
  }
  const what = `partitions of ${nameOf(facts)} have another replica identity than it: ${names}`
  return [finding('TABLE_UNSUITABLE', 'error', facts, what, remedy)]
}

/** The log has the old values of the key's columns when a row is deleted or its key changes. */
function keyFindings(facts: TableFacts, table: TableConfiguration): Finding[] {
  if (lacksIdentity(facts)) return []
  const logged = identityColumns(facts)
  const present = facts.columns.map(({ name }) => name)
  const absent = (table.key ?? facts.primaryKey).filter(column => present.includes(column) && !logged.includes(column))
  if (absent.length === 0) return []
  const what = `the log has no old value of ${absent.join(', ')}, which ${absent.length === 1 ? 'is' : 'are'} part of the record key: a deleted row could not be named`
  return [finding('TABLE_WITHOUT_KEY', 'error', facts, what, `ALTER TABLE ${quoteTable(facts)} REPLICA IDENTITY FULL;`)]
}

function identityColumns(facts: TableFacts): readonly string[] {
  if (facts.replicaIdentity === 'full') return facts.columns.map(column => column.name)
  return facts.replicaIdentity === 'index' ? facts.identityIndex : facts.primaryKey
}

/** The first copy reads the rows by SELECT. */
function copyFindings(facts: TableFacts, { role, closedSchemas }: TableContext): Finding[] {
  const findings: Finding[] = []
  const name = nameOf(facts)
  const found = (what: string, remedy: string) =>
    findings.push(finding('POSTGRES_PERMISSION', 'error', facts, what, remedy))
  if (closedSchemas.includes(facts.schema)) {
    const remedy = `GRANT USAGE ON SCHEMA ${quoteIdentifier(facts.schema)} TO ${quoteIdentifier(role)};`
    found(`role ${role} may not use schema ${facts.schema}: the first copy could not read ${name}`, remedy)
  }
  if (!facts.readable) {
    const remedy = `GRANT SELECT ON ${quoteTable(facts)} TO ${quoteIdentifier(role)};  -- or \`refresh: false\` for no first copy`
    found(`role ${role} may not read table ${name}: the first copy needs it`, remedy)
  }
  if (facts.rowSecurity) {
    const remedy = `ALTER ROLE ${quoteIdentifier(role)} BYPASSRLS;`
    found(`row security of table ${name} hides rows from role ${role}: the first copy would not be complete`, remedy)
  }
  return findings
}

function columnFindings(facts: TableFacts, { version, generatedStored }: TableContext): Finding[] {
  const generated = facts.columns.filter(column => isUnsent(column, generatedStored)).map(column => column.name)
  if (generated.length === 0) return []
  const what = `computed column${generated.length === 1 ? '' : 's'} ${generated.join(', ')} of ${nameOf(facts)} ${generated.length === 1 ? 'is' : 'are'} not in the log`
  const remedy = version >= 180_000 ? '' : 'compute it in a processor, or at the reader'
  return [finding('TABLE_UNSUITABLE', 'info', facts, what, remedy)]
}

function isUnsent({ generated }: ColumnFacts, generatedStored: boolean): boolean {
  return generated === 'virtual' || (generated === 'stored' && !generatedStored)
}

function nameOf({ schema, name }: TableName): string {
  return `${schema}.${name}`
}

function finding(code: ErrorCode, severity: Severity, facts: TableFacts, what: string, remedy: string): Finding {
  return { code, severity, what, place: nameOf(facts), remedy }
}
