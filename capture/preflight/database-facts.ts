import type pg from 'pg'
import { publishedTables, type Configuration } from '../config/configuration.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import { tableDefinitions } from '../postgres/table-definitions.ts'
import { tableText } from '../postgres/identifier.ts'
import { inspectTables, type TableFacts } from '../postgres/catalog.ts'
import {
  inspectPublication,
  inspectRole,
  inspectServer,
  openWriters,
  type OpenWriter,
  type PublicationFacts,
  type RoleFacts,
  type ServerFacts
} from '../postgres/inspection.ts'
import { lookupFacts, type LookupFacts } from '../lookups/lookup-facts.ts'
import { readSlot, type SlotState } from '../postgres/slot-state.ts'
import type { SourceIdentity } from '../source.ts'
import type { SqlSession } from '../postgres/sql-session.ts'

/** The database as it stands, as far as a subscription is concerned. */
export interface DatabaseFacts {
  server: ServerFacts
  identity: SourceIdentity
  role: RoleFacts
  publication: PublicationFacts | null
  slot: SlotState | null
  writers: readonly OpenWriter[]
  /** The configured tables that exist, tables before outbox tables. */
  tables: readonly TableFacts[]
  /** The same as the producer will see them, in the same order. */
  definitions: readonly Table[]
  /** What lookups read of captured tables. */
  lookups: readonly LookupFacts[]
  /** `schema.name` of tables the database has, when a configured one is missing; for its nearest name. */
  otherTables: readonly string[]
  /** Schemas of configured tables that the role may not use. */
  closedSchemas: readonly string[]
}

const otherTablesMax = 10_000

/** Reads all of it, and changes nothing. Throws POSTGRES_UNREACHABLE, POSTGRES_AUTHENTICATION, POSTGRES_PERMISSION. */
export function readDatabase(sql: SqlSession, configuration: Configuration): Promise<DatabaseFacts> {
  return sql.do('looking at the database', async client => {
    const wanted = publishedTables(configuration)
    const tables = await inspectTables(client, wanted)
    const publication = await inspectPublication(client, configuration.postgres.publication)
    return {
      server: await inspectServer(client),
      identity: await identity(client),
      role: await inspectRole(client),
      publication,
      lookups: await lookupsOf(client, configuration, publication, tables),
      slot: await readSlot(client, configuration.postgres.slot),
      writers: await openWriters(client),
      tables,
      definitions: await tableDefinitions(client, tables),
      otherTables: tables.length < wanted.length ? await tableNames(client) : [],
      closedSchemas: await closedSchemas(client, [...new Set(wanted.map(table => table.schema))])
    }
  })
}

function lookupsOf(
  client: pg.Client,
  { postgres, tableLookups }: Configuration,
  publication: PublicationFacts | null,
  tables: readonly TableFacts[]
): Promise<LookupFacts[]> {
  const there = new Set(tables.map(tableText))
  const sent = new Set((publication?.tables ?? []).map(tableText))
  const known = tableLookups.filter(({ table }) => there.has(table))
  return lookupFacts(client, known, { ...postgres, sent })
}

/** As IDENTIFY_SYSTEM has it, for a session that does not replicate: the id unsigned, the timeline written to now. */
async function identity(client: pg.Client): Promise<SourceIdentity> {
  const { rows } = await client.query<{ system: string; timeline: number | null }>(`
    SELECT system_identifier::text AS system, CASE WHEN NOT pg_is_in_recovery() THEN
      ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int END AS timeline
    FROM pg_control_system()`)
  const { system, timeline } = rows[0]!
  return { system: BigInt.asUintN(64, BigInt(system)).toString(), timeline: timeline ?? 0 }
}

async function tableNames(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT n.nspname || '.' || c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema') LIMIT $1`,
    [otherTablesMax]
  )
  return rows.map(row => row.name)
}

async function closedSchemas(client: pg.Client, schemas: readonly string[]): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT nspname::text AS name FROM pg_namespace WHERE nspname = ANY ($1) AND NOT has_schema_privilege(oid, 'USAGE')`,
    [schemas]
  )
  return rows.map(row => row.name)
}
