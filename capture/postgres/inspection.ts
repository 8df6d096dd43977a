import type pg from 'pg'
import { parseLsn, type Lsn } from '@tidemark/schemas/position.ts'
import { serverVersion } from './server-version.ts'

export interface ServerFacts {
  /** server_version_num: 180004 is 18.4. */
  version: number
  versionText: string
  walLevel: string
  inRecovery: boolean
  maxReplicationSlots: number
  usedReplicationSlots: number
  maxWalSenders: number
  usedWalSenders: number
  walSenderTimeoutMs: number
  /** -1: unlimited, so an abandoned slot may fill the disk. */
  maxSlotWalKeepMb: number
  /** PostgreSQL 18; 0: never; null on earlier versions. */
  idleReplicationSlotTimeoutS: number | null
  /** PostgreSQL 17: slots a primary waits for; empty string: none; null on earlier versions. */
  synchronizedStandbySlots: string | null
  /** null on a standby. */
  walPosition: Lsn | null
}

export interface RoleFacts {
  name: string
  superuser: boolean
  replication: boolean
  /** May create objects, so publications, in this database. */
  createInDatabase: boolean
  database: string
}

/** A transaction that has written and not ended: a slot is not created while it is open. */
export interface OpenWriter {
  /** Backend; null for a prepared transaction. */
  pid: number | null
  /** Name of a prepared transaction. */
  prepared: string | null
  user: string
  database: string
  applicationName: string
  state: string
  ageSeconds: number
}

export interface PublicationFacts {
  name: string
  owner: string
  allTables: boolean
  insert: boolean
  update: boolean
  delete: boolean
  truncate: boolean
  viaRoot: boolean
  /** Stored computed columns are published (PostgreSQL 18). */
  generatedStored: boolean
  /** Schemas published whole (PostgreSQL 15). */
  schemas: readonly string[]
  /** Tables named in it. */
  tables: readonly PublishedTable[]
}

export interface PublishedTable {
  schema: string
  name: string
  /** Columns of its column list (PostgreSQL 15); null: all. */
  columns: readonly string[] | null
  /** Row filter as SQL (PostgreSQL 15). */
  filter: string | null
}

interface ServerRow extends Omit<ServerFacts, 'walPosition'> {
  walPosition: string | null
}

// pg_settings has a row per setting the server knows: those that came later are null before.
const serverSql = `
SELECT
  current_setting('server_version_num')::int AS version,
  current_setting('server_version') AS "versionText",
  current_setting('wal_level') AS "walLevel",
  pg_is_in_recovery() AS "inRecovery",
  current_setting('max_replication_slots')::int AS "maxReplicationSlots",
  (SELECT count(*)::int FROM pg_replication_slots) AS "usedReplicationSlots",
  current_setting('max_wal_senders')::int AS "maxWalSenders",
  (SELECT count(*)::int FROM pg_stat_get_activity(NULL) WHERE backend_type = 'walsender') AS "usedWalSenders",
  (SELECT setting::int FROM pg_settings WHERE name = 'wal_sender_timeout') AS "walSenderTimeoutMs",
  (SELECT setting::int FROM pg_settings WHERE name = 'max_slot_wal_keep_size') AS "maxSlotWalKeepMb",
  (SELECT setting::int FROM pg_settings WHERE name = 'idle_replication_slot_timeout') AS "idleReplicationSlotTimeoutS",
  (SELECT setting FROM pg_settings WHERE name = 'synchronized_standby_slots') AS "synchronizedStandbySlots",
  CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_lsn()::text END AS "walPosition"`

export async function inspectServer(client: pg.Client): Promise<ServerFacts> {
  const { rows } = await client.query<ServerRow>(serverSql)
  const row = rows[0]!
  return { ...row, walPosition: row.walPosition === null ? null : parseLsn(row.walPosition) }
}

/** The role of this session. */
export async function inspectRole(client: pg.Client): Promise<RoleFacts> {
  const { rows } = await client.query<RoleFacts>(`
    SELECT rolname::text AS name, rolsuper AS superuser, rolreplication AS replication,
      has_database_privilege(current_database(), 'CREATE') AS "createInDatabase", current_database()::text AS database
    FROM pg_roles WHERE rolname = current_user`)
  return rows[0]!
}

/** Oldest first. What another role does is seen only with pg_read_all_stats: the ages of others are then 0. */
export async function openWriters(client: pg.Client): Promise<OpenWriter[]> {
  const { rows } = await client.query<OpenWriter>(`
    SELECT pid, NULL AS prepared, coalesce(usename::text, '') AS "user", coalesce(datname::text, '') AS database,
      coalesce(application_name, '') AS "applicationName", coalesce(state, '') AS state,
      coalesce(extract(epoch FROM clock_timestamp() - xact_start), 0)::float8 AS "ageSeconds"
    FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()
    UNION ALL
    SELECT NULL, gid, owner::text, database::text, '', 'prepared',
      extract(epoch FROM clock_timestamp() - prepared)::float8
    FROM pg_prepared_xacts
    ORDER BY 7 DESC`)
  return rows
}

interface PublicationRow extends Omit<PublicationFacts, 'tables' | 'schemas'> {
  oid: number
}

/** null when there is no publication of that name. */
export async function inspectPublication(client: pg.Client, name: string): Promise<PublicationFacts | null> {
  const { rows } = await client.query<PublicationRow>(
    `SELECT oid, pubname::text AS name, pg_get_userbyid(pubowner)::text AS owner, puballtables AS "allTables",
       pubinsert AS insert, pubupdate AS update, pubdelete AS delete, pubtruncate AS truncate, pubviaroot AS "viaRoot",
       coalesce(to_jsonb(p) ->> 'pubgencols' = 's', false) AS "generatedStored"
     FROM pg_publication p WHERE pubname = $1`,
    [name]
  )
  if (rows[0] === undefined) return null
  const { oid, ...facts } = rows[0]
  const version = await serverVersion(client)
  const tables = await client.query<PublishedTable>(publishedTablesSql(version), [oid])
  const schemas = version < 150_000 ? [] : await publishedSchemas(client, oid)
  return { ...facts, schemas, tables: tables.rows }
}

/** Column lists (prattrs) and row filters (prqual) came with PostgreSQL 15. */
function publishedTablesSql(version: number): string {
  const later =
    version < 150_000
      ? 'NULL::text[] AS columns, NULL::text AS filter'
      : `CASE WHEN pr.prattrs IS NOT NULL THEN ARRAY(
           SELECT a.attname::text FROM pg_attribute a
           WHERE a.attrelid = c.oid AND a.attnum = ANY (pr.prattrs) ORDER BY a.attnum) END AS columns,
         pg_get_expr(pr.prqual, pr.prrelid) AS filter`
  return `
    SELECT n.nspname::text AS schema, c.relname::text AS name, ${later}
    FROM pg_publication_rel pr
    JOIN pg_class c ON c.oid = pr.prrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE pr.prpubid = $1
    ORDER BY 1, 2`
}

async function publishedSchemas(client: pg.Client, publication: number): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT n.nspname::text AS name FROM pg_publication_namespace pn JOIN pg_namespace n ON n.oid = pn.pnnspid
     WHERE pn.pnpubid = $1 ORDER BY 1`,
    [publication]
  )
  return rows.map(row => row.name)
}
