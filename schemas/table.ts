/** What a column's text or binary form means; decides its JSON, Avro and CSV form (docs/types.md). */
export type TypeKind =
  | 'boolean'
  | 'int2'
  | 'int4'
  | 'int8'
  | 'oid'
  | 'float4'
  | 'float8'
  | 'numeric'
  | 'text'
  | 'bytea'
  | 'date'
  | 'time'
  | 'timetz'
  | 'timestamp'
  | 'timestamptz'
  | 'interval'
  | 'uuid'
  | 'json'
  | 'enum'
  | 'array'
  | 'other'

export interface ColumnType {
  /** Unsigned 32 bits. */
  oid: number
  /** As in the catalogue, domains resolved: `int4`, `_text`, `mood`. */
  name: string
  kind: TypeKind
  /** Of an array. */
  element: ColumnType | null
  /** atttypmod of the column; -1 when none. Precision and scale of numeric are in it. */
  modifier: number
}

export interface Column {
  name: string
  type: ColumnType
  /** Part of the record key: primary key, or the key columns configured. */
  key: boolean
}

/** A table as one version of its definition; a changed definition is a new object with a higher version. */
export interface Table {
  /** OID, unsigned 32 bits. */
  id: number
  schema: string
  name: string
  /** `schema.name` */
  qualifiedName: string
  columns: readonly Column[]
  /** Indexes into `columns`, in key order. Empty when the table has no key. */
  keyColumns: readonly number[]
  replicaIdentity: 'default' | 'nothing' | 'full' | 'index'
  version: number
}
