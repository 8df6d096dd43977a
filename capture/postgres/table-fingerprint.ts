import type pg from 'pg'

export interface TableFingerprint {
  /** `schema.name` */
  name: string
  /** Its files, name and columns, and those of its partitions; equal text means that none of them was made anew. */
  text: string
}

/**
 * Tables by their OIDs as this session's snapshot shows them, in the order of the OIDs; one that is not there is not in
 * it. The catalogue is versioned, rows of a rewritten table are not: a snapshot older than the rewriting sees none of
 * them (manual, "Caveats" of concurrency control). So equal fingerprints of an old and a new snapshot, both taken under
 * a lock on the tables, say that the old one shows every row.
 */
export async function tableFingerprints(client: pg.Client, ids: readonly number[]): Promise<TableFingerprint[]> {
  const { rows } = await client.query<TableFingerprint>(fingerprintSql, [ids])
  return rows
}

const fingerprintSql = `
WITH RECURSIVE tree(root, id) AS (
  SELECT id, id FROM unnest($1::oid[]) AS wanted(id)
  UNION
  SELECT tree.root, i.inhrelid
  FROM tree JOIN pg_inherits i ON i.inhparent = tree.id JOIN pg_class c ON c.oid = i.inhrelid AND c.relispartition)
SELECT n.nspname || '.' || r.relname AS name, json_agg(json_build_array(
    c.oid::bigint, c.relfilenode::bigint, c.relnamespace::bigint, c.relname,
    (SELECT json_agg(json_build_array(a.attnum, a.attname, a.atttypid::bigint, a.atttypmod) ORDER BY a.attnum)
     FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0)) ORDER BY c.oid)::text AS text
FROM tree
JOIN pg_class c ON c.oid = tree.id
JOIN pg_class r ON r.oid = tree.root
JOIN pg_namespace n ON n.oid = r.relnamespace
GROUP BY r.oid, n.nspname, r.relname
ORDER BY r.oid`
