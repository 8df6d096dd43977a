import type pg from 'pg'
import type { Column, Table } from '@tidemark/schemas/table.ts'
import { tableText, type TableName } from './identifier.ts'
import type { RelationMessage } from './pgoutput.ts'
import { TypeCatalogue, vanishedType, type CatalogueType } from './type-catalogue.ts'

/** Columns of a table's indexes, in index order; empty where there is no such index. */
export interface RelationKeys {
  primaryKey: readonly string[]
  identityIndex: readonly string[]
}

/** What must be looked up before a relation can be understood. */
export interface CatalogueRequest {
  relationIds: readonly number[]
  typeOids: readonly number[]
}

/** A look into the catalogue that must see what a transaction of the stream did; its id as the stream tells it. */
export interface StreamRequest extends CatalogueRequest {
  xid: number
}

/** What the stream cannot tell of tables: meaning of types, order of key columns, keys under REPLICA IDENTITY FULL. */
export class RelationCatalogue {
  readonly types = new TypeCatalogue()
  private readonly keys = new Map<number, RelationKeys>()
  /** By table id, as the catalogue has them now. */
  private readonly names = new Map<number, TableName>()
  private readonly roots = new Map<number, readonly number[]>()
  private readonly captured: ReadonlySet<string>

  /** `captured`: the tables that are configured. */
  constructor(captured: readonly TableName[] = []) {
    this.captured = new Set(captured.map(tableText))
  }

  addKeys(relationId: number, keys: RelationKeys): void {
    this.keys.set(relationId, keys)
  }

  addName(relationId: number, name: TableName): void {
    this.names.set(relationId, name)
  }

  addRoots(partitionId: number, tableIds: readonly number[]): void {
    this.roots.set(partitionId, tableIds)
  }

  /** Partitioned tables that a table is a partition of, at any depth. */
  rootsOf(relationId: number): readonly number[] {
    return this.roots.get(relationId) ?? []
  }

  /**
   * The table as the relation message defines it. The catalogue is of now, the message of then: what does not fit any
   * more is not guessed: a type that is gone is `other` by its last known name, a key that is gone is empty.
   */
  table(relation: RelationMessage, version: number, typeNames: ReadonlyMap<number, string>): Table {
    const keyNames = this.keyNames(relation)
    const { schema, name } = this.nameOf(relation)
    const columns: Column[] = relation.columns.map(column => ({
      name: column.name,
      type:
        this.types.resolve(column.typeOid, column.modifier) ??
        vanishedType(column.typeOid, typeNames.get(column.typeOid) ?? `oid ${column.typeOid}`, column.modifier),
      key: keyNames.includes(column.name)
    }))
    return {
      id: relation.id,
      schema,
      name,
      qualifiedName: tableText({ schema, name }),
      columns,
      keyColumns: keyNames.map(name => columns.findIndex(column => column.name === name)),
      replicaIdentity: relation.replicaIdentity,
      version
    }
  }

  /** A table that was renamed is in the log under its name of then: it is known by the one that is configured. */
  private nameOf(relation: RelationMessage): TableName {
    const present = this.names.get(relation.id)
    if (present === undefined || this.captured.has(tableText(relation))) return relation
    return this.captured.has(tableText(present)) ? present : relation
  }

  private keyNames(relation: RelationMessage): readonly string[] {
    const keys = this.keys.get(relation.id)
    const known = keys === undefined ? [] : keyOf(relation, keys)
    if (keys !== undefined && fits(relation, keys)) return known
    return identityNames(relation) ?? []
  }
}

/** The index that makes the key: under FULL and NOTHING the stream marks no key, so it is the primary key. */
function keyOf(relation: RelationMessage, keys: RelationKeys): readonly string[] {
  return relation.replicaIdentity === 'index' ? keys.identityIndex : keys.primaryKey
}

/** Columns the stream marks as identity, in table order; null where it marks none or, under FULL, all. */
function identityNames(relation: RelationMessage): string[] | null {
  if (relation.replicaIdentity === 'full' || relation.replicaIdentity === 'nothing') return null
  return relation.columns.filter(column => column.identity).map(column => column.name)
}

function fits(relation: RelationMessage, keys: RelationKeys): boolean {
  const key = keyOf(relation, keys)
  const marked = identityNames(relation)
  if (marked !== null) return marked.length === key.length && marked.every(name => key.includes(name))
  return key.every(name => relation.columns.some(column => column.name === name))
}

/** Looks up all tables of a publication and the types of their columns. */
export async function loadPublication(client: pg.Client, publication: string): Promise<RelationCatalogue> {
  const catalogue = new RelationCatalogue()
  const { rows } = await client.query<{ relations: number[]; types: number[] }>(publicationSql, [publication])
  const { relations, types } = rows[0]!
  await loadInto(catalogue, client, { relationIds: relations, typeOids: types })
  return catalogue
}

interface RelationRow extends RelationKeys, TableName {
  id: number
  roots: number[]
}

/** Looks up again what was asked for. */
export async function loadInto(
  catalogue: RelationCatalogue,
  client: pg.Client,
  request: CatalogueRequest
): Promise<void> {
  const types = await client.query<CatalogueType>(typesSql, [request.typeOids])
  catalogue.types.add(types.rows)
  const relations = await client.query<RelationRow>(relationsSql, [request.relationIds])
  for (const { id, schema, name, roots, primaryKey, identityIndex } of relations.rows) {
    catalogue.addKeys(id, { primaryKey, identityIndex })
    catalogue.addName(id, { schema, name })
    if (roots.length > 0) catalogue.addRoots(id, roots)
  }
}

const publicationSql = `
WITH published AS (
  SELECT c.oid
  FROM pg_publication_tables p
  JOIN pg_namespace n ON n.nspname = p.schemaname
  JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = p.tablename
  WHERE p.pubname = $1)
SELECT
  ARRAY(SELECT oid FROM published) AS relations,
  ARRAY(
    SELECT DISTINCT a.atttypid
    FROM pg_attribute a JOIN published ON published.oid = a.attrelid
    WHERE a.attnum > 0 AND NOT a.attisdropped) AS types`

const typesSql = `
WITH RECURSIVE wanted(oid) AS (
  SELECT unnest($1::oid[])
  UNION
  SELECT part.oid
  FROM wanted JOIN pg_type t ON t.oid = wanted.oid
  CROSS JOIN LATERAL (VALUES (t.typbasetype), (t.typelem)) AS part(oid)
  WHERE part.oid <> 0)
SELECT t.oid, t.typname::text AS name, t.typtype::text AS type, t.typcategory::text AS category,
  t.typbasetype AS "baseOid", t.typtypmod AS modifier, coalesce(e.oid, 0) AS "elementOid"
FROM wanted
JOIN pg_type t ON t.oid = wanted.oid
LEFT JOIN pg_type e ON e.oid = t.typelem AND e.typarray = t.oid`

const relationsSql = `
WITH key AS (
  SELECT i.indrelid, i.indisprimary, i.indisreplident, array_agg(a.attname::text ORDER BY k.place) AS columns
  FROM pg_index i
  CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k(attnum, place)
  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
  WHERE i.indrelid = ANY ($1::oid[]) AND (i.indisprimary OR i.indisreplident) AND k.place <= i.indnkeyatts
  GROUP BY i.indexrelid, i.indrelid, i.indisprimary, i.indisreplident)
SELECT c.oid AS id, n.nspname::text AS schema, c.relname::text AS name,
  ARRAY(SELECT relid::oid FROM pg_partition_ancestors(c.oid) WHERE relid <> c.oid) AS roots,
  coalesce((SELECT columns FROM key WHERE indrelid = c.oid AND indisprimary), '{}') AS "primaryKey",
  coalesce((SELECT columns FROM key WHERE indrelid = c.oid AND indisreplident), '{}') AS "identityIndex"
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = ANY ($1::oid[])`
