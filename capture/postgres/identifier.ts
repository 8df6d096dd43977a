/** A table by name, as configured: never parsed from quoted text. */
export interface TableName {
  schema: string
  name: string
}

/**
 * An identifier for SQL, always quoted (manual 4.1.1). Throws RangeError for the empty name and for a zero byte, which
 * PostgreSQL cannot hold and which would end the text of a simple query.
 */
export function quoteIdentifier(name: string): string {
  if (name === '' || name.includes('\0')) throw new RangeError('an identifier is not empty and has no zero byte')
  return `"${name.replaceAll('"', '""')}"`
}

/**
 * A string constant for SQL, in a form that does not depend on standard_conforming_strings: with a backslash in it the
 * E'' syntax. For replication commands, which take no parameters. Throws RangeError for a zero byte.
 */
export function quoteLiteral(text: string): string {
  if (text.includes('\0')) throw new RangeError('a literal has no zero byte')
  const doubled = text.replaceAll("'", "''")
  return text.includes('\\') ? ` E'${doubled.replaceAll('\\', '\\\\')}'` : `'${doubled}'`
}

/** `"schema"."name"`. */
export function quoteTable(table: TableName): string {
  return `${quoteIdentifier(table.schema)}.${quoteIdentifier(table.name)}`
}

/** `schema.name`, for people. */
export function tableText(table: TableName): string {
  return `${table.schema}.${table.name}`
}
