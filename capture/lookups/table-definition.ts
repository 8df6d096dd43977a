import { createHash } from 'node:crypto'
import type pg from 'pg'
import type { LookupTableRule } from '@tidemark/kcop/rules.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { quoteTable, type TableName } from '../postgres/identifier.ts'

/** A captured table that lookups read, by its names. */
export interface LookupTableName extends LookupTableRule {
  /** The same as `table`, in parts. */
  readonly tableName: TableName
}

/**
 * What the meaning of a table's rows hangs on, as the catalogue has it: table and publication, and each column read. By
 * `schema.table`, `schema.table#column` and `schema.table#key#unique`, of what makes the key unique; a digest changes with everything that could make values other than the log told,
 * since xmin of a catalogue row is the transaction that wrote it.
 */
export interface TableDefinition {
  readonly digests: ReadonlyMap<string, string>
  /** Those that were as they are now when the slot began to need the catalogue, so at every position it can be read from. */
  readonly settled: ReadonlySet<string>
  /** Of all digests: what `definition` of the lookup says. */
  readonly digest: string
}

interface DefinitionRow {
  id: string
  kind: string
  partition: boolean
  identity: string
  /** What makes the key unique: a constraint, else an index; null: nothing does. */
  unique: { id: string; age: number } | null
  publication: { xmin: string; member: string; filtered: boolean; whole: boolean; age: number } | null
  horizon: number | null
  changing: boolean
  columns: { name: string; fact: unknown; age: number; generated: boolean }[]
}

/**
 * Looks at the table as this session's snapshot shows it. `publication`: null where it may not be there yet. Throws
 * LOOKUP_INVALID for a table that cannot be followed, LOOKUP_BUSY while somebody changes what its meaning hangs on.
 */
export async function tableDefinition(
  client: pg.Client,
  rule: LookupTableName,
  { publication, slot }: { publication: string | null; slot: string }
): Promise<TableDefinition> {
  const columns = [...new Set([rule.key, ...rule.columns])]
  const { schema, name } = rule.tableName
  // Prepared once a session: it is asked before each flush, and planning takes longer than looking.
  const values = [schema, name, rule.key, columns, publication ?? '', slot]
  const { rows } = await client.query<DefinitionRow>({ name: 'tidemark_lookup', text: definitionSql, values })
  const row = rows[0]
  if (row === undefined) throw unsuitable(rule, `table ${rule.table} does not exist`, 'correct its name, or create it')
  if (row.changing) throw changing(rule)
  requireSuitable(row, rule, columns, publication)
  return definitionOf(row, rule)
}

function definitionOf(row: DefinitionRow, { table, key }: LookupTableRule): TableDefinition {
  const { id, publication, horizon, unique } = row
  const digests = new Map<string, string>()
  const settled = new Set<string>()
  const add = (name: string, fact: unknown, age: number) => {
    digests.set(name, digestOf(fact))
    if (horizon !== null && age > horizon) settled.add(name)
  }
  add(table, [id, publication?.xmin, publication?.member], publication?.age ?? 0)
  for (const column of row.columns) add(`${table}#${column.name}`, column.fact, column.age)
  add(`${table}#${key}#unique`, unique!.id, unique!.age)
  return { digests, settled, digest: digestOf([...digests]) }
}

function digestOf(fact: unknown): string {
  return createHash('sha256').update(JSON.stringify(fact)).digest('hex').slice(0, 16)
}

function requireSuitable(
  row: DefinitionRow,
  rule: LookupTableName,
  columns: readonly string[],
  publication: string | null
): void {
  const { table, key } = rule
  const quoted = quoteTable(rule.tableName)
  if (row.kind !== 'r' || row.partition) {
    throw unsuitable(
      rule,
      `${table} is partitioned, a partition or no table: PostgreSQL does not tell every change of its rows`,
      'look up in a plain table'
    )
  }
  const there = new Map(row.columns.map(column => [column.name, column]))
  const missing = columns.filter(column => there.get(column)?.generated !== false)
  if (missing.length > 0) {
    throw unsuitable(rule, `table ${table} has no column ${missing.join(', ')}, or computes it`, 'take stored columns')
  }
  if (row.unique === null) {
    throw unsuitable(
      rule,
      `column ${key} of ${table} is not a key of its own: rows cannot be found by it for sure`,
      `name the primary key, or: ALTER TABLE ${quoted} ADD UNIQUE ("${key}"), ALTER COLUMN "${key}" SET NOT NULL; not DEFERRABLE`
    )
  }
  if (row.identity !== 'f') {
    throw unsuitable(
      rule,
      `the log does not have whole rows of ${table} before changes, from which its rows at an earlier position are told`,
      `ALTER TABLE ${quoted} REPLICA IDENTITY FULL;`
    )
  }
  if (publication === null) return
  if (row.publication === null) {
    throw unsuitable(rule, `publication ${publication} does not send ${table}`, '`tidemark apply` adds it')
  }
  if (row.publication.filtered || !row.publication.whole) {
    throw unsuitable(
      rule,
      `publication ${publication} does not send every change of ${table}`,
      'take the row filter off the table in the publication, and let it publish insert, update, delete and truncate'
    )
  }
}

function changing({ name, table }: LookupTableRule): TidemarkError {
  return new TidemarkError('LOOKUP_BUSY', {
    message: `a transaction that has not ended alters ${table}, an enum it is made of, or its publication, which lookup ${name} hangs on`
  })
}

function unsuitable({ place, name }: LookupTableRule, message: string, cure: string): TidemarkError {
  const detail = { message: `lookup ${name}: ${message}`, cure }
  return new TidemarkError('LOOKUP_INVALID', place === null ? detail : { ...detail, place })
}

/**
 * xmin is compared by age, which is right across the wrap-around of transaction ids. The horizon is the age of the oldest
 * transaction whose changes of the catalogue the slot may still need: what is older had ended where its log begins.
 * A constraint keeps its OID when its index is built anew (REINDEX CONCURRENTLY), a unique index without one does not.
 * A NOT NULL that is NOT VALID (PostgreSQL 18) holds for new rows alone.
 * Labels and publications are changed without a lock on the table: who is at it has marked the old row (xmax) and is still under way
 * in this snapshot, although his commit may be in the log already.
 */
const definitionSql = `
WITH slot AS (SELECT age(catalog_xmin) AS horizon FROM pg_replication_slots WHERE slot_name = $6),
  now AS (SELECT pg_current_snapshot() AS snapshot, pg_snapshot_xmax(pg_current_snapshot())::text::int8 AS top),
  wanted AS (
    SELECT a.attrelid, a.atttypid, a.xmax AS marked
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE n.nspname = $1 AND c.relname = $2 AND a.attnum > 0 AND NOT a.attisdropped AND a.attname = ANY ($4)),
  made_of AS (
    WITH RECURSIVE part(oid) AS (
      SELECT atttypid FROM wanted
      UNION
      SELECT inner_type.oid
      FROM part JOIN pg_type t ON t.oid = part.oid
      CROSS JOIN LATERAL (VALUES (t.typbasetype), (t.typelem)) AS inner_type(oid)
      WHERE inner_type.oid <> 0)
    SELECT oid FROM part),
  marked AS (
    SELECT marked::text::int8 AS xid FROM wanted
    UNION SELECT e.xmax::text::int8 FROM pg_enum e WHERE e.enumtypid IN (SELECT oid FROM made_of)
    UNION SELECT p.xmax::text::int8 FROM pg_publication p WHERE p.pubname = $5
    UNION SELECT m.xmax::text::int8 FROM pg_publication p JOIN pg_publication_rel m ON m.prpubid = p.oid
      WHERE p.pubname = $5 AND m.prrelid IN (SELECT attrelid FROM wanted)),
  placed AS (SELECT snapshot, top, (xid - top) & 4294967295 AS ahead FROM marked CROSS JOIN now WHERE xid <> 0)
SELECT c.oid::text AS id, c.relkind::text AS kind, c.relispartition AS partition, c.relreplident::text AS identity,
  (SELECT json_build_object('id', coalesce(k.oid, i.indexrelid)::text, 'age', age(coalesce(k.xmin, i.xmin)))
    FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
    LEFT JOIN pg_constraint k ON k.conrelid = c.oid AND k.conindid = i.indexrelid AND k.contype IN ('p', 'u')
    WHERE i.indrelid = c.oid AND i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL
      AND i.indexprs IS NULL AND i.indnkeyatts = 1 AND a.attname = $3 AND a.attnotnull
      AND NOT EXISTS (
        SELECT FROM pg_constraint n
        WHERE n.conrelid = c.oid AND n.contype = 'n' AND n.conkey = ARRAY[a.attnum] AND NOT n.convalidated)
    ORDER BY k.oid IS NULL, coalesce(k.oid, i.indexrelid) LIMIT 1) AS unique,
  (SELECT json_build_object('xmin', p.xmin::text, 'member', m.oid::text,
      'filtered', to_jsonb(m) ->> 'prqual' IS NOT NULL,
      'whole', p.pubinsert AND p.pubupdate AND p.pubdelete AND p.pubtruncate,
      'age', least(age(p.xmin), age(m.xmin)))
    FROM pg_publication p JOIN pg_publication_rel m ON m.prpubid = p.oid
    WHERE p.pubname = $5 AND m.prrelid = c.oid) AS publication,
  (SELECT horizon FROM slot) AS horizon,
  EXISTS (SELECT FROM placed WHERE NOT pg_visible_in_snapshot(
    (top + CASE WHEN ahead < 2147483648 THEN ahead ELSE ahead - 4294967296 END)::text::xid8, snapshot)) AS changing,
  coalesce((
    SELECT json_agg(json_build_object('name', a.attname, 'generated', a.attgenerated <> '',
      'fact', json_build_array(a.attname, a.attnum, a.atttypid::bigint, a.atttypmod, a.xmin::text, labels.facts),
      'age', least(age(a.xmin), labels.age)) ORDER BY a.attnum)
    FROM pg_attribute a
    CROSS JOIN LATERAL (
      WITH RECURSIVE made_of(oid) AS (
        SELECT a.atttypid
        UNION
        SELECT part.oid
        FROM made_of JOIN pg_type t ON t.oid = made_of.oid
        CROSS JOIN LATERAL (VALUES (t.typbasetype), (t.typelem)) AS part(oid)
        WHERE part.oid <> 0)
      SELECT json_agg(json_build_array(e.oid::bigint, e.enumlabel, e.xmin::text) ORDER BY e.oid) AS facts,
        min(age(e.xmin)) AS age
      FROM pg_enum e WHERE e.enumtypid IN (SELECT oid FROM made_of)) AS labels
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attname = ANY ($4)), '[]') AS columns
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')`
