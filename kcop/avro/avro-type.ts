import { arrayDelimiter } from '@tidemark/schemas/column-value.ts'
import type { ColumnType } from '@tidemark/schemas/table.ts'
import { ArrayText } from '../formats/array-text.ts'

/** How a type's text becomes Avro (docs/types.md). Small integers, so that a switch over them is a jump. */
export const STRING = 0
export const LONG = 1
export const BOOLEAN = 2
export const FLOAT = 3
export const DOUBLE = 4
export const BYTES = 5
export const DECIMAL = 6
export const DATE = 7
export const TIME = 8
export const TIMESTAMP = 9
export const TIMESTAMPTZ = 10
export const ARRAY = 11

/** Branches of the union of null and a type, as their zigzag byte. */
export const NULL_BRANCH = 0
export const VALUE_BRANCH = 2

/** A schema as JSON. */
export type AvroSchema = string | { readonly [name: string]: unknown } | readonly AvroSchema[]

/** A column type compiled for writing Avro. */
export interface AvroType {
  readonly code: number
  readonly schema: AvroSchema
  /** Of an array. */
  readonly element: AvroType | null
  readonly array: ArrayText | null
}

export function avroTypeOf(type: ColumnType): AvroType {
  if (type.kind === 'array' && type.element !== null) return arrayType(type.element)
  const { code, schema } = simpleType(type)
  return { code, schema, element: null, array: null }
}

function arrayType(elementType: ColumnType): AvroType {
  const element = avroTypeOf(elementType)
  return {
    code: ARRAY,
    schema: { type: 'array', items: ['null', element.schema] },
    element,
    array: new ArrayText(arrayDelimiter(elementType).charCodeAt(0))
  }
}

function simpleType(type: ColumnType): { code: number; schema: AvroSchema } {
  switch (type.kind) {
    case 'boolean':
      return { code: BOOLEAN, schema: 'boolean' }
    case 'int2':
    case 'int4':
      return { code: LONG, schema: 'int' }
    case 'int8':
    case 'oid':
      return { code: LONG, schema: 'long' }
    case 'float4':
      return { code: FLOAT, schema: 'float' }
    case 'float8':
      return { code: DOUBLE, schema: 'double' }
    case 'bytea':
      return { code: BYTES, schema: 'bytes' }
    case 'numeric':
      return numericType(type)
    case 'date':
      return { code: DATE, schema: { type: 'int', logicalType: 'date' } }
    case 'time':
      return { code: TIME, schema: { type: 'long', logicalType: 'time-micros' } }
    case 'timestamp':
      return { code: TIMESTAMP, schema: { type: 'long', logicalType: 'local-timestamp-micros' } }
    case 'timestamptz':
      return { code: TIMESTAMPTZ, schema: { type: 'long', logicalType: 'timestamp-micros' } }
    case 'uuid':
      return { code: STRING, schema: { type: 'string', logicalType: 'uuid' } }
    case 'text':
    case 'enum':
    case 'json':
    case 'timetz':
    case 'interval':
    case 'array':
    case 'other':
      return { code: STRING, schema: 'string' }
  }
}

/** numeric(p, s) where Avro's decimal can hold it (0 <= s <= p), else all digits as a string. */
function numericType({ modifier }: ColumnType): { code: number; schema: AvroSchema } {
  // numeric.c, make_numeric_typmod: precision in the upper 16 bits, scale in 11 bits with sign, 4 added.
  const precision = ((modifier - 4) >> 16) & 0xffff
  const scale = (((modifier - 4) & 0x7ff) ^ 1024) - 1024
  if (modifier < 4 || scale < 0 || scale > precision) return { code: STRING, schema: 'string' }
  return { code: DECIMAL, schema: { type: 'bytes', logicalType: 'decimal', precision, scale } }
}
