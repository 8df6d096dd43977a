import type pg from 'pg'
import type { ColumnType } from '@tidemark/schemas/table.ts'
import { inspectTables } from './catalog.ts'
import type { TableName } from './identifier.ts'
import { tableDefinitions } from './table-definitions.ts'
import type { Table } from '@tidemark/schemas/table.ts'

/** What the catalogue says of a column besides its type. */
export interface ColumnTyping {
  /** As SQL writes it, domains by their own name: `numeric(12,2)`, `public.mood[]`. */
  sqlType: string
  /**
   * No row can hold a NULL. A domain that is NOT NULL does not count: PostgreSQL stores NULLs in such columns in some cases
   * (manual, CREATE DOMAIN, "Notes"); nor does a constraint that is NOT VALID.
   */
  notNull: boolean
}

export interface TypedTable {
  /** As the stream will define it. */
  table: Table
  /** By column name. */
  columns: ReadonlyMap<string, ColumnTyping>
}

export interface TypedTables {
  /** The tables that exist, in the order asked for. */
  tables: readonly TypedTable[]
  /** Labels of every enum in them by the type's OID, in the enum's order. */
  enumLabels: ReadonlyMap<number, readonly string[]>
}

/** What is needed to type rows of the tables. */
export async function typedTables(client: pg.Client, wanted: readonly TableName[]): Promise<TypedTables> {
  const facts = await inspectTables(client, wanted)
  const tables = await tableDefinitions(client, facts)
  const typings = await client.query<ColumnTyping & { table: number; name: string }>(typingSql, [
    facts.map(({ id }) => id)
  ])
  const columnsOf = (id: number) =>
    new Map(
      typings.rows.filter(row => row.table === id).map(({ name, sqlType, notNull }) => [name, { sqlType, notNull }])
    )
  return {
    tables: tables.map(table => ({ table, columns: columnsOf(table.id) })),
    enumLabels: await labelsOf(client, [...new Set(tables.flatMap(table => table.columns.flatMap(enumOids)))])
  }
}

function enumOids({ type }: { type: ColumnType }): number[] {
  if (type.kind === 'enum') return [type.oid]
  return type.element === null ? [] : enumOids({ type: type.element })
}

async function labelsOf(client: pg.Client, oids: readonly number[]): Promise<ReadonlyMap<number, readonly string[]>> {
  const { rows } = await client.query<{ oid: number; labels: string[] }>(labelsSql, [oids])
  return new Map(rows.map(({ oid, labels }) => [oid, labels]))
}

/** PostgreSQL 18 notes NOT NULL in pg_constraint, where it may be NOT VALID. */
const typingSql = `
SELECT a.attrelid AS table, a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS "sqlType",
  a.attnotnull AND NOT EXISTS (
    SELECT FROM pg_constraint k
    WHERE k.conrelid = a.attrelid AND k.contype = 'n' AND NOT k.convalidated AND k.conkey = ARRAY[a.attnum]) AS "notNull"
FROM pg_attribute a
WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped`

const labelsSql = `
SELECT enumtypid AS oid, array_agg(enumlabel::text ORDER BY enumsortorder) AS labels
FROM pg_enum WHERE enumtypid = ANY ($1::oid[]) GROUP BY enumtypid`
