import type pg from 'pg'
import { quoteIdentifier, quoteTable } from './identifier.ts'
import { replicaIdentities, type RelationMessage } from './pgoutput.ts'
import { serverVersion } from './server-version.ts'

/** A table as the publication sends it, read from the catalogue instead of the stream. */
export interface PublishedRelation {
  message: RelationMessage
  /** The SELECT of its present rows, in the columns and by the row filter of the publication. */
  select: string
  /** Row security would apply to this session's role. */
  rowSecurity: boolean
}

interface RelationRow {
  id: number
  schema: string
  name: string
  partitioned: boolean
  identity: string
  rowSecurity: boolean
  filter: string | null
  columns: { name: string; identity: boolean; typeOid: number; modifier: number }[]
}

/** Every table the publication sends, in the order of their names; partitions or their root as it is published. */
export async function publishedRelations(client: pg.Client, publication: string): Promise<PublishedRelation[]> {
  const { rows } = await client.query<RelationRow>(relationsSql(await serverVersion(client)), [publication])
  return rows.map(row => ({ message: messageOf(row), select: selectOf(row), rowSecurity: row.rowSecurity }))
}

function messageOf({ id, schema, name, identity, columns }: RelationRow): RelationMessage {
  return { id, schema, name, replicaIdentity: replicaIdentities[identity] ?? 'default', columns }
}

/** A table without its inheritance children, which are tables of their own to the stream; a partitioned one with. */
function selectOf({ schema, name, partitioned, columns, filter }: RelationRow): string {
  const list = columns.map(column => quoteIdentifier(column.name)).join(', ')
  const from = `${partitioned ? '' : 'ONLY '}${quoteTable({ schema, name })}`
  return `SELECT ${list} FROM ${from}${filter === null ? '' : ` WHERE ${filter}`}`
}

/** pg_publication_tables tells columns and row filter since PostgreSQL 15, and generated columns since 18. */
function relationsSql(version: number): string {
  const published = version < 150_000 ? "a.attgenerated = ''" : 'a.attname = ANY (p.attnames)'
  const generated = version < 180_000 ? "a.attgenerated = ''" : 'true'
  return `
    SELECT c.oid AS id, n.nspname::text AS schema, c.relname::text AS name, c.relkind = 'p' AS partitioned,
      c.relreplident::text AS identity, row_security_active(c.oid) AS "rowSecurity",
      ${version < 150_000 ? 'NULL::text' : 'p.rowfilter'} AS filter,
      (SELECT json_agg(json_build_object('name', a.attname, 'typeOid', a.atttypid::bigint, 'modifier', a.atttypmod,
          'identity', CASE c.relreplident WHEN 'f' THEN true WHEN 'n' THEN false ELSE EXISTS (
            SELECT FROM pg_index i WHERE i.indrelid = c.oid AND a.attnum = ANY (i.indkey::int2[])
            AND CASE c.relreplident WHEN 'd' THEN i.indisprimary ELSE i.indisreplident END) END) ORDER BY a.attnum)
        FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND ${published} AND ${generated}) AS columns
    FROM pg_publication_tables p
    JOIN pg_namespace n ON n.nspname = p.schemaname
    JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = p.tablename
    WHERE p.pubname = $1
    ORDER BY 2, 3`
}
