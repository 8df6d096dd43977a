import { arrayDelimiter } from '@tidemark/schemas/column-value.ts'
import type { ColumnType, TypeKind } from '@tidemark/schemas/table.ts'

/** How a type's text becomes JSON (docs/types.md). Small integers, so that a switch over them is a jump. */
export const BARE = 0
export const STRING = 1
/** A string whose text never needs escaping. */
export const QUOTED = 2
export const BOOLEAN = 3
export const FLOAT = 4
export const TIMESTAMP = 5
export const TIMESTAMPTZ = 6
export const BYTEA = 7
export const ARRAY = 8

/** A column type compiled for writing JSON. */
export interface JsonType {
  readonly code: number
  /** Of an array. */
  readonly element: JsonType | null
  /** Byte between the elements of an array. */
  readonly delimiter: number
}

export function jsonTypeOf(type: ColumnType): JsonType {
  if (type.kind !== 'array' || type.element === null) return { code: codeOf(type.kind), element: null, delimiter: 0 }
  return {
    code: ARRAY,
    element: jsonTypeOf(type.element),
    delimiter: arrayDelimiter(type.element).charCodeAt(0)
  }
}

function codeOf(kind: TypeKind): number {
  switch (kind) {
    case 'int2':
    case 'int4':
    case 'int8':
    case 'oid':
    case 'json':
      return BARE
    case 'boolean':
      return BOOLEAN
    case 'float4':
    case 'float8':
      return FLOAT
    case 'bytea':
      return BYTEA
    case 'timestamp':
      return TIMESTAMP
    case 'timestamptz':
      return TIMESTAMPTZ
    case 'numeric':
    case 'date':
    case 'time':
    case 'timetz':
    case 'interval':
    case 'uuid':
      return QUOTED
    case 'text':
    case 'enum':
    case 'other':
    case 'array':
      return STRING
  }
}
