import type { TableName } from '../config/table-name.ts'

export type { TableName } from '../config/table-name.ts'

/**
 * An identifier for SQL, always quoted (manual 4.1.1). Throws RangeError for the empty name and for a zero byte, which
 * PostgreSQL cannot hold and which would end the text of a simple query.
 */
export function quoteIdentifier(name: string): string {
  if (name === '' || name.includes('\0')) throw new RangeError('an identifier is not empty and has no zero byte')
  return `"${name.replaceAll('"', '""')}"`
}

/**
 * A string constant for a replication command, which takes no parameters and whose grammar knows no escape but the
 * doubled quote (repl_scanner.l). Throws RangeError for a zero byte.
 */
export function quoteReplicationLiteral(text: string): string {
  if (text.includes('\0')) throw new RangeError('a literal has no zero byte')
  return `'${text.replaceAll("'", "''")}'`
}

/** `"schema"."name"`. */
export function quoteTable(table: TableName): string {
  return `${quoteIdentifier(table.schema)}.${quoteIdentifier(table.name)}`
}

/** `schema.name`, for people. */
export function tableText(table: TableName): string {
  return `${table.schema}.${table.name}`
}
