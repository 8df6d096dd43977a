import type { ColumnType } from '@tidemark/schemas/table.ts'

/** Labels of enums by OID. */
export type EnumLabels = ReadonlyMap<number, readonly string[]>

/** TypeScript of what `row.value()` gives of a column that is not null (docs/types.md). */
export function valueType(type: ColumnType, enums: EnumLabels): string {
  switch (type.kind) {
    case 'boolean':
      return 'boolean'
    case 'int2':
    case 'int4':
    case 'oid':
    case 'float4':
    case 'float8':
      return 'number'
    case 'int8':
      return 'number | bigint'
    case 'bytea':
      return 'Buffer'
    case 'json':
      return 'JsonValue'
    case 'enum':
      return enumType(enums.get(type.oid) ?? [])
    case 'array':
      return type.element === null ? 'string' : `ArrayValue<${valueType(type.element, enums)}>`
    case 'numeric':
    case 'text':
    case 'date':
    case 'time':
    case 'timetz':
    case 'timestamp':
    case 'timestamptz':
    case 'interval':
    case 'uuid':
    case 'other':
      return 'string'
  }
}

/** An enum that is gone, or has no labels, is told as what it was: text. */
function enumType(labels: readonly string[]): string {
  return labels.length === 0 ? 'string' : labels.map(quoted).join(' | ')
}

/** A string literal as Prettier writes it where it can. */
export function quoted(text: string): string {
  if (text.includes("'") && !text.includes('"')) return JSON.stringify(text)
  return `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`
}
