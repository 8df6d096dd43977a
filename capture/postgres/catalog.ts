import type pg from 'pg'
import type { TableName } from './identifier.ts'
import { replicaIdentities, type ReplicaIdentity } from './pgoutput.ts'

export type TableKind = 'table' | 'partitioned' | 'partition' | 'view' | 'materialized view' | 'foreign table' | 'other'

/** A table as `check` and `apply` judge it. */
export interface TableFacts {
  /** OID, unsigned 32 bits. */
  id: number
  schema: string
  name: string
  kind: TableKind
  /** Topmost partitioned table above a partition; null for others. */
  root: TableName | null
  persistence: 'permanent' | 'unlogged' | 'temporary'
  owner: string
  /** Whether this session's role owns it, by membership too: needed to put it into a publication. */
  owned: boolean
  readable: boolean
  replicaIdentity: ReplicaIdentity
  /** In key order; empty: none. */
  primaryKey: readonly string[]
  /** A deferrable key is no replica identity (RelationGetIndexList). */
  primaryKeyDeferrable: boolean
  /** Columns of the replica identity index; empty unless replicaIdentity is index. Empty then too if it was dropped. */
  identityIndex: readonly string[]
  /** Row security applies to this session's role: reading its rows would error. */
  rowSecurity: boolean
  columns: readonly ColumnFacts[]
  /** Other tables that inherit from it, apart from partitions: they are not captured with it. */
  hasChildren: boolean
  /** Partitions whose replica identity is neither FULL nor that of this table. */
  unlikePartitions: readonly TableName[]
  estimatedRows: number
  bytes: number
}

export interface ColumnFacts {
  name: string
  typeOid: number
  modifier: number
  /** Computed: not published before PostgreSQL 18, and only when asked. */
  generated: 'no' | 'stored' | 'virtual'
  notNull: boolean
}

const tableSql = `
WITH wanted AS (SELECT * FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w(schema, name, place))
SELECT c.oid AS id, n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS relkind,
  c.relispartition AS "isPartition", c.relpersistence::text AS relpersistence,
  CASE WHEN c.relispartition THEN (
    SELECT json_build_object('schema', rn.nspname, 'name', r.relname)
    FROM pg_class r JOIN pg_namespace rn ON rn.oid = r.relnamespace WHERE r.oid = pg_partition_root(c.oid)) END AS root,
  pg_get_userbyid(c.relowner)::text AS owner, pg_has_role(c.relowner, 'USAGE') AS owned,
  has_table_privilege(c.oid, 'SELECT') OR has_any_column_privilege(c.oid, 'SELECT') AS readable,
  c.relreplident::text AS relreplident, row_security_active(c.oid) AS "rowSecurity",
  c.relhassubclass AND c.relkind <> 'p' AS "hasChildren",
  coalesce((SELECT json_agg(json_build_object('schema', pn.nspname, 'name', p.relname) ORDER BY pn.nspname, p.relname)
    FROM pg_partition_tree(c.oid) t JOIN pg_class p ON p.oid = t.relid JOIN pg_namespace pn ON pn.oid = p.relnamespace
    WHERE c.relkind = 'p' AND t.isleaf AND p.relreplident NOT IN ('f', c.relreplident)), '[]') AS "unlikePartitions",
  EXISTS (SELECT FROM pg_index i
    WHERE i.indrelid = c.oid AND i.indisprimary AND NOT i.indimmediate) AS "primaryKeyDeferrable",
  greatest(c.reltuples, 0)::float8 AS "estimatedRows", pg_table_size(c.oid)::float8 AS bytes,
  coalesce((SELECT json_agg(json_build_object('name', a.attname, 'typeOid', a.atttypid::bigint, 'modifier', a.atttypmod,
      'generated', CASE a.attgenerated WHEN '' THEN 'no' WHEN 's' THEN 'stored' ELSE 'virtual' END,
      'notNull', a.attnotnull) ORDER BY a.attnum)
    FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '[]') AS columns,
  coalesce((SELECT json_agg(a.attname ORDER BY k.place)
    FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k(attnum, place)
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
    WHERE i.indrelid = c.oid AND i.indisprimary AND k.place <= i.indnkeyatts), '[]') AS "primaryKey",
  coalesce((SELECT json_agg(a.attname ORDER BY k.place)
    FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k(attnum, place)
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
    WHERE i.indrelid = c.oid AND i.indisreplident AND k.place <= i.indnkeyatts), '[]') AS "identityIndex"
FROM wanted w
JOIN pg_namespace n ON n.nspname = w.schema
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.name AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
ORDER BY w.place`

interface TableRow extends Omit<TableFacts, 'kind' | 'persistence' | 'replicaIdentity'> {
  relkind: string
  isPartition: boolean
  relpersistence: string
  relreplident: string
}

const kinds: Readonly<Record<string, TableKind>> = {
  r: 'table',
  p: 'partitioned',
  v: 'view',
  m: 'materialized view',
  f: 'foreign table'
}
const persistences: Readonly<Record<string, TableFacts['persistence']>> = {
  p: 'permanent',
  u: 'unlogged',
  t: 'temporary'
}

/** The tables that exist, in the order asked for; who is missing is not in it. */
export async function inspectTables(client: pg.Client, tables: readonly TableName[]): Promise<TableFacts[]> {
  const names = [tables.map(table => table.schema), tables.map(table => table.name)]
  const { rows } = await client.query<TableRow>(tableSql, names)
  return rows.map(factsOf)
}

function factsOf({ relkind, isPartition, relpersistence, relreplident, ...facts }: TableRow): TableFacts {
  return {
    ...facts,
    kind: isPartition && relkind !== 'f' ? 'partition' : (kinds[relkind] ?? 'other'),
    persistence: persistences[relpersistence] ?? 'permanent',
    replicaIdentity: replicaIdentities[relreplident] ?? 'default'
  }
}

/**
 * Whether UPDATE and DELETE of the application would fail once the table is published with updates and deletes
 * (PostgreSQL answers 55000), and the log could not tell which row they were of.
 */
export function lacksIdentity(table: TableFacts): boolean {
  if (table.replicaIdentity === 'full') return false
  if (table.replicaIdentity === 'index') return table.identityIndex.length === 0
  return table.replicaIdentity === 'nothing' || table.primaryKey.length === 0 || table.primaryKeyDeferrable
}
