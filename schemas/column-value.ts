import { parseArrayLiteral, type ArrayElement } from './array-literal.ts'
import { parseJson, type JsonValue } from './json-text.ts'
import type { ColumnType } from './table.ts'

/** A column's value in JavaScript (docs/types.md): the JSON mapping with bigint, NaN, Infinity and Buffer as they are. */
export type ColumnValue = JsonValue | Buffer | ArrayElement<ColumnValue>[]

/** The value of an array column: text where it has lower bounds other than 1, which a plain array cannot tell. */
export type ArrayValue<Element> = ArrayElement<Element>[] | string

/** Thrown when a text is not of its type; the caller knows table and column and says so without the value. */
export class ColumnTextError extends Error {
  override readonly name = 'ColumnTextError'
}

/** The value of a text in PostgreSQL's output form. Throws ColumnTextError when it is not of the type. */
export function columnValue(type: ColumnType, text: string): ColumnValue {
  switch (type.kind) {
    case 'boolean':
      return booleanValue(text)
    case 'int2':
    case 'int4':
    case 'oid':
    case 'int8':
      return integerValue(text)
    case 'float4':
    case 'float8':
      return floatValue(text)
    case 'bytea':
      return byteaValue(text)
    case 'timestamp':
      return isoTimestamp(text)
    case 'timestamptz':
      return isoTimestamptz(text)
    case 'json':
      return jsonValue(text)
    case 'array':
      return arrayValue(type, text)
    case 'numeric':
    case 'text':
    case 'date':
    case 'time':
    case 'timetz':
    case 'interval':
    case 'uuid':
    case 'enum':
    case 'other':
      return text
  }
}

/** Delimiter between elements: `pg_type.typdelim`, a comma for every built-in type but box. */
export function arrayDelimiter(element: ColumnType): ',' | ';' {
  return element.name === 'box' ? ';' : ','
}

function booleanValue(text: string): boolean {
  if (text !== 't' && text !== 'f') throw new ColumnTextError('is not a boolean')
  return text === 't'
}

function integerValue(text: string): number | bigint {
  if (!/^-?\d+$/.test(text)) throw new ColumnTextError('is not an integer')
  const number = Number(text)
  return Number.isSafeInteger(number) ? number : BigInt(text)
}

function floatValue(text: string): number {
  const number = Number(text)
  if (text === '' || (Number.isNaN(number) && text !== 'NaN')) throw new ColumnTextError('is not a number')
  return number
}

/** bytea_output = hex, which the agent sets for its sessions. */
function byteaValue(text: string): Buffer {
  if (!/^\\x(?:[0-9a-f]{2})*$/i.test(text)) throw new ColumnTextError('is not bytea in hex form')
  return Buffer.from(text.slice(2), 'hex')
}

/** `2024-02-29 12:00:00.5` to ISO 8601; infinity and years BC keep PostgreSQL's text. */
function isoTimestamp(text: string): string {
  return keepsText(text) ? text : text.replace(' ', 'T')
}

/** TimeZone = UTC, which the agent sets for its sessions: every text ends with +00. */
function isoTimestamptz(text: string): string {
  if (keepsText(text)) return text
  if (!text.endsWith('+00')) throw new ColumnTextError('is not in UTC: the session must have TimeZone=UTC')
  return text.slice(0, -3).replace(' ', 'T') + 'Z'
}

function keepsText(text: string): boolean {
  return text.endsWith('BC') || text === 'infinity' || text === '-infinity'
}

function jsonValue(text: string): JsonValue {
  try {
    return parseJson(text)
  } catch {
    throw new ColumnTextError('is not JSON')
  }
}

function arrayValue(type: ColumnType, text: string): ColumnValue {
  const element = type.element
  if (element === null) return text
  try {
    return parseArrayLiteral<ColumnValue>(text, arrayDelimiter(element), item => columnValue(element, item)) ?? text
  } catch (error) {
    if (error instanceof SyntaxError) throw new ColumnTextError('is not an array literal')
    throw error
  }
}
