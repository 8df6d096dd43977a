import type { ColumnType, TypeKind } from '@tidemark/schemas/table.ts'
import type { Tuple } from '@tidemark/schemas/tuple.ts'
import { formatAmount, type Decimal } from '../monitoring/decimal.ts'

/**
 * What an expression computes with. `integer`: bigint; `numeric`: Decimal; `text`: string; `boolean`: boolean; `opaque`: a
 * type that is only handed on, in PostgreSQL's text form; `null`: nothing but NULL.
 */
export type Family = 'integer' | 'numeric' | 'text' | 'boolean' | 'opaque' | 'null'

export type Datum = bigint | Decimal | string | boolean | null

/** An expression with its type, ready to be asked of row images. */
export interface TypedValue {
  readonly family: Family
  readonly type: ColumnType
  of(image: Tuple): Datum
}

function plainType(oid: number, name: string, kind: TypeKind): ColumnType {
  return { oid, name, kind, element: null, modifier: -1 }
}

export const int8Type = plainType(20, 'int8', 'int8')
export const numericType = plainType(1_700, 'numeric', 'numeric')
export const textType = plainType(25, 'text', 'text')
export const booleanType = plainType(16, 'bool', 'boolean')

/** numeric(precision, scale), as the catalogue has it in atttypmod. */
export function numericTypeOf(precision: number, scale: number): ColumnType {
  return { ...numericType, modifier: ((precision << 16) | (scale & 0x7ff)) + 4 }
}

export function familyOf(type: ColumnType): Family {
  switch (type.kind) {
    case 'int2':
    case 'int4':
    case 'int8':
    case 'oid':
      return 'integer'
    case 'numeric':
      return 'numeric'
    case 'text':
    case 'enum':
      return type.name === 'citext' ? 'opaque' : 'text'
    case 'boolean':
      return 'boolean'
    default:
      return 'opaque'
  }
}

/** PostgreSQL's text form of a value, as a column has it: booleans are `t` and `f`. */
export function datumText(value: Exclude<Datum, null>): string {
  if (typeof value === 'string') return value
  if (typeof value === 'boolean') return value ? 't' : 'f'
  return typeof value === 'bigint' ? value.toString() : formatAmount(value)
}
