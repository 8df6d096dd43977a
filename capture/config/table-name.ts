export interface TableName {
  schema: string
  name: string
}

/** PostgreSQL's NAMEDATALEN - 1. */
const identifierBytesMax = 63

/**
 * Takes `schema.table` apart; the parts are the names of the catalogue, unquoted and unfolded. Returns what is wrong
 * with it when it is not such a name.
 */
export function parseTableName(text: string): TableName | string {
  if (text.includes('"')) return 'is written without quotes, exactly as the catalogue has it'
  const parts = text.split('.')
  if (parts.length === 1) return `needs its schema: \`public.${text}\`?`
  if (parts.length > 2) return 'has more than one dot; a name is `schema.table`'
  const [schema, name] = parts as [string, string]
  if (schema === '' || name === '') return 'lacks the schema or the table; a name is `schema.table`'
  const long = parts.find(part => Buffer.byteLength(part) > identifierBytesMax)
  if (long !== undefined) return `holds a name longer than PostgreSQL's ${identifierBytesMax} bytes`
  return { schema, name }
}
