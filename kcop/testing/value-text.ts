import { arrayDelimiter } from '@tidemark/schemas/column-value.ts'
import type { ColumnType } from '@tidemark/schemas/table.ts'
import { json } from '../json-value.ts'

/**
 * The text PostgreSQL would send for a value, by docs/types.md backwards: what `row.value()` gives of the text is the value
 * again. Throws TypeError when the value is not of the type; its message has no value.
 */
export function valueText(type: ColumnType, value: unknown): string {
  switch (type.kind) {
    case 'boolean':
      return expected(typeof value === 'boolean', 'a boolean') && (value ? 't' : 'f')
    case 'int2':
    case 'int4':
    case 'int8':
    case 'oid':
      return expected(isInteger(value), 'a whole number or a bigint') && String(value)
    case 'float4':
    case 'float8':
      return expected(typeof value === 'number', 'a number') && String(value)
    case 'numeric':
      return expected(isNumeric(value), 'a number as a string of digits') && String(value)
    case 'bytea':
      return expected(value instanceof Uint8Array, 'bytes') && `\\x${Buffer.from(value as Uint8Array).toString('hex')}`
    case 'timestamp':
      return text(value).replace('T', ' ')
    case 'timestamptz':
      return timestamptzText(text(value))
    case 'json':
      return json(value).toString()
    case 'array':
      return expected(Array.isArray(value), 'an array') && arrayText(type, value as unknown[])
    case 'text':
    case 'date':
    case 'time':
    case 'timetz':
    case 'interval':
    case 'uuid':
    case 'enum':
    case 'other':
      return text(value)
  }
}

function expected(is: boolean, what: string): true {
  if (is) return true
  throw new TypeError(`takes ${what}`)
}

function isInteger(value: unknown): boolean {
  return typeof value === 'bigint' || Number.isSafeInteger(value)
}

function isNumeric(value: unknown): boolean {
  if (typeof value === 'number') return !String(value).includes('e')
  return typeof value === 'string' && /^(-?\d+(\.\d+)?|NaN|-?Infinity)$/.test(value)
}

function text(value: unknown): string {
  if (typeof value === 'string') return value
  throw new TypeError('takes a string')
}

/** The agent's sessions have TimeZone = UTC. */
function timestamptzText(value: string): string {
  if (/infinity$|BC$/.test(value)) return value
  const match = /^(\d{4,6}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d(?:\.\d{1,6})?)(?:Z|\+00(?::00)?)$/.exec(value)
  if (match === null) throw new TypeError('takes an instant in UTC such as 2024-02-29T12:00:00Z')
  return `${match[1]} ${match[2]}+00`
}

/** Manual, "Array Input and Output Syntax": quoted where the server quotes. */
function arrayText(type: ColumnType, items: readonly unknown[]): string {
  const element = type.element!
  const delimiter = arrayDelimiter(element)
  return `{${items.map(item => (Array.isArray(item) ? arrayText(type, item) : itemText(element, item, delimiter))).join(delimiter)}}`
}

function itemText(element: ColumnType, item: unknown, delimiter: string): string {
  if (item === null) return 'NULL'
  const bare = valueText(element, item)
  const isPlain = bare !== '' && !/[\s{}"\\]/.test(bare) && !bare.includes(delimiter) && bare.toUpperCase() !== 'NULL'
  return isPlain ? bare : `"${bare.replaceAll(/["\\]/g, match => `\\${match}`)}"`
}
