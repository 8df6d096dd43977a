import { arrayDelimiter } from '@tidemark/schemas/column-value.ts'
import type { ColumnType } from '@tidemark/schemas/table.ts'
import { ArrayText } from '../array-text.ts'
import { jsonTypeOf, type JsonType } from '../json-type.ts'

/** `decimal.handling.mode`: `precise` is Debezium's default. */
export type DecimalHandling = 'precise' | 'string'

/** How a type's text becomes Debezium's JSON: small integers, so that a switch over them is a jump. */
export const AS_JSON = 0
/** JSON text as a string of JSON. */
export const AS_STRING = 1
export const AS_DATE = 2
export const AS_TIME = 3
export const AS_TIMESTAMP = 4
export const AS_TIMESTAMPTZ = 5
export const AS_TIMETZ = 6
export const AS_INTERVAL = 7
/** Unscaled bytes in base64; the scale is in the type. */
export const AS_DECIMAL = 8
/** `{"scale":2,"value":"base64"}` */
export const AS_VARIABLE_DECIMAL = 9
export const AS_MONEY = 10
export const AS_BIT = 11
export const AS_BITS = 12
export const AS_POINT = 13
export const AS_ARRAY = 14

export interface DebeziumType {
  readonly code: number
  /** Of what is written as in the format `json`. */
  readonly json: JsonType
  /** Digits of a fraction of a second. */
  readonly fraction: number
  readonly element: DebeziumType | null
  readonly array: ArrayText | null
  /** JSON for a value that did not change and was not sent (`unavailable.value.placeholder`); `null` where it has none. */
  readonly unavailable: Buffer
}

const placeholder = '__debezium_unavailable_value'
const placeholderBase64 = Buffer.from(placeholder).toString('base64')
const placeholderCodes = [...Buffer.from(placeholder)]
/** UUID of version 3 made of the placeholder's bytes, as java.util.UUID.nameUUIDFromBytes makes it. */
const placeholderUuid = 'b68a35a7-17ad-35b3-af2a-ae46edb4545a'
const defaultFraction = 6

export function debeziumTypeOf(type: ColumnType, decimals: DecimalHandling): DebeziumType {
  const isArray = type.kind === 'array' && type.element !== null
  const code = isArray ? AS_ARRAY : codeOf(type, decimals)
  return {
    code,
    json: jsonTypeOf(type),
    fraction: type.modifier >= 0 && type.modifier < defaultFraction ? type.modifier : defaultFraction,
    element: isArray ? debeziumTypeOf(type.element!, decimals) : null,
    array: isArray ? new ArrayText(arrayDelimiter(type.element!).charCodeAt(0)) : null,
    unavailable: Buffer.from(JSON.stringify(unavailableOf(type)))
  }
}

function codeOf(type: ColumnType, decimals: DecimalHandling): number {
  switch (type.kind) {
    case 'json':
      return AS_STRING
    case 'date':
      return AS_DATE
    case 'time':
      return AS_TIME
    case 'timestamp':
      return AS_TIMESTAMP
    case 'timestamptz':
      return AS_TIMESTAMPTZ
    case 'timetz':
      return AS_TIMETZ
    case 'interval':
      return AS_INTERVAL
    case 'numeric':
      if (decimals === 'string') return AS_JSON
      return isFixed(type) ? AS_DECIMAL : AS_VARIABLE_DECIMAL
    case 'other':
      return codeOfOther(type, decimals)
    default:
      return AS_JSON
  }
}

function codeOfOther({ name, modifier }: ColumnType, decimals: DecimalHandling): number {
  if (name === 'money') return decimals === 'string' ? AS_JSON : AS_MONEY
  if (name === 'bit') return modifier === 1 ? AS_BIT : AS_BITS
  if (name === 'varbit') return AS_BITS
  return name === 'point' ? AS_POINT : AS_JSON
}

/** numeric(p, s) with a scale that Connect's Decimal can have; the modifier holds both (numeric.c, make_numeric_typmod). */
function isFixed({ modifier }: ColumnType): boolean {
  if (modifier < 4) return false
  const scale = (((modifier - 4) & 0x7ff) ^ 1024) - 1024
  return scale >= 0
}

/** Where Debezium itself fails to convert its placeholder it sends null. */
function unavailableOf(type: ColumnType): unknown {
  const { kind, element } = type
  if (kind === 'array' && element !== null) return unavailableElements(element)
  if (kind === 'bytea') return placeholderBase64
  return isText(type) ? placeholder : null
}

function unavailableElements(element: ColumnType): unknown {
  switch (element.kind) {
    case 'int2':
    case 'int4':
    case 'int8':
    case 'oid':
    case 'date':
      return placeholderCodes
    case 'uuid':
      return [placeholderUuid]
    case 'bytea':
      return [placeholderBase64]
    default:
      return isText(element) ? [placeholder] : null
  }
}

function isText({ kind, name }: ColumnType): boolean {
  if (kind === 'other') return !['money', 'bit', 'varbit', 'point'].includes(name)
  return kind === 'text' || kind === 'enum' || kind === 'json'
}
