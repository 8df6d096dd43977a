import type { ColumnType } from '@tidemark/schemas/table.ts'

/** How values of a type are compared: what makes them comparable, and whether they have an order here. */
export interface Comparable<Value = unknown> {
  readonly name: 'number' | 'text' | 'uuid' | 'boolean' | 'date' | 'time' | 'timestamp' | 'timestamptz'
  /** A value from PostgreSQL's text form. */
  of(text: string): Value
  /** A value from a literal; null when it is none of the type. */
  ofLiteral(text: string): Value | null
  compare(left: Value, right: Value): number
  /** Text has an order of its own in each collation, which is the server's to know. */
  readonly ordered: boolean
  /** Of a column of floating-point numbers: against an exact one both are compared as doubles, as PostgreSQL does. */
  readonly float?: boolean
}

/** null: values of the type can only be asked whether they are null. */
export function comparableOf(type: ColumnType): Comparable | null {
  switch (type.kind) {
    case 'int2':
    case 'int4':
    case 'int8':
    case 'oid':
    case 'numeric':
      return exactNumber
    case 'float8':
      return floatNumber
    case 'float4':
      return singleNumber
    case 'boolean':
      return booleans
    case 'text':
      return textOf(type)
    case 'enum':
      return texts
    case 'uuid':
      return uuids
    case 'date':
      return moments('date', /^\d{4,6}-\d\d-\d\d( BC)?$/)
    case 'time':
      return moments('time', /^\d\d:\d\d:\d\d(\.\d{1,6})?$/)
    case 'timestamp':
      return moments('timestamp', /^\d{4,6}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d{1,6})?( BC)?$/)
    case 'timestamptz':
      return moments('timestamptz', /^\d{4,6}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d{1,6})?(Z|\+00(:00)?)( BC)?$/)
    case 'bytea':
    case 'interval':
    case 'timetz':
    case 'json':
    case 'array':
    case 'other':
      return null
  }
}

/** An exact number: a double where 15 digits tell all of it, else its digits. */
type Exact = number | { readonly digits: bigint; readonly scale: number }

const exactNumber: Comparable<Exact> = {
  name: 'number',
  of: exactOf,
  ofLiteral: text =>
    /^([-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d{1,3})?|NaN|[-+]?Infinity)$/i.test(text) ? exactOf(text) : null,
  compare: compareExact,
  ordered: true
}

const digitsOfDouble = 15

function exactOf(text: string): Exact {
  if (text.length <= digitsOfDouble || !/^-?\d+(\.\d+)?$/.test(text)) return floatOf(text)
  const [whole, fraction = ''] = text.split('.') as [string, string?]
  return { digits: BigInt(whole + fraction), scale: fraction.length }
}

function compareExact(left: Exact, right: Exact): number {
  if (typeof left === 'number' && typeof right === 'number') return compareFloats(left, right)
  if (typeof left === 'number' && !Number.isFinite(left)) return left === -Infinity ? -1 : 1
  if (typeof right === 'number' && !Number.isFinite(right)) return right === -Infinity ? 1 : -1
  const a = scaled(left)
  const b = scaled(right)
  const scale = Math.max(a.scale, b.scale)
  const difference = a.digits * 10n ** BigInt(scale - a.scale) - b.digits * 10n ** BigInt(scale - b.scale)
  return difference < 0n ? -1 : difference > 0n ? 1 : 0
}

/** A double of at most 15 digits is those digits. */
function scaled(value: Exact): { digits: bigint; scale: number } {
  if (typeof value !== 'number') return value
  const [mantissa, exponent = '0'] = value.toString().split('e') as [string, string?]
  const [whole, fraction = ''] = mantissa.split('.') as [string, string?]
  const scale = fraction.length - Number(exponent)
  const digits = BigInt(whole + fraction)
  return scale >= 0 ? { digits, scale } : { digits: digits * 10n ** BigInt(-scale), scale: 0 }
}

const floatNumber: Comparable<number> = {
  name: 'number',
  of: floatOf,
  ofLiteral: text =>
    /^([-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d{1,3})?|NaN|[-+]?Infinity)$/i.test(text) ? floatOf(text) : null,
  compare: compareFloats,
  ordered: true,
  float: true
}

/**
 * float4 widened to a double is seldom the decimal that was written (0.1 is not), and whether PostgreSQL compares so
 * depends on quotes and lists: taken are literals for which it makes no difference.
 */
const singleNumber: Comparable<number> = {
  ...floatNumber,
  of: text => Math.fround(floatOf(text)),
  ofLiteral: text => {
    const value = floatNumber.ofLiteral(text)
    return value === null || !Object.is(Math.fround(value), value) ? null : value
  }
}

function floatOf(text: string): number {
  const lower = text.toLowerCase()
  if (lower === 'nan') return Number.NaN
  if (lower.endsWith('infinity')) return lower.startsWith('-') ? -Infinity : Infinity
  return Number(text)
}

/** PostgreSQL: NaN equals NaN and is above all others. */
function compareFloats(left: number, right: number): number {
  if (Number.isNaN(left) || Number.isNaN(right)) return Number(Number.isNaN(left)) - Number(Number.isNaN(right))
  return left < right ? -1 : left > right ? 1 : 0
}

const booleans: Comparable<boolean> = {
  name: 'boolean',
  of: text => text === 't',
  ofLiteral: text => (/^(t|true|f|false)$/i.test(text) ? /^t/i.test(text) : null),
  compare: (left, right) => Number(left) - Number(right),
  ordered: true
}

const texts: Comparable<string> = {
  name: 'text',
  of: text => text,
  ofLiteral: text => text,
  compare: (left, right) => (left === right ? 0 : left < right ? -1 : 1),
  ordered: false
}

/** char(n) compares without its padding; citext without case, by rules that are the server's. */
function textOf(type: ColumnType): Comparable<string> | null {
  if (type.name === 'citext') return null
  if (type.name !== 'bpchar') return texts
  const trimmed = (text: string) => text.replace(/ +$/, '')
  return { ...texts, of: trimmed, ofLiteral: trimmed }
}

const uuids: Comparable<string> = {
  ...texts,
  name: 'uuid',
  ofLiteral: text => (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text) ? text.toLowerCase() : null),
  ordered: true
}

/** Dates and times in PostgreSQL's ISO form, as texts that sort as they do. */
function moments(name: Comparable['name'], literal: RegExp): Comparable<string> {
  const ofLiteral = (text: string) => {
    const trimmed = text.trim()
    const endless = name !== 'time' && /^-?infinity$/.test(trimmed)
    return endless || literal.test(trimmed) ? sortable(trimmed) : null
  }
  return { ...texts, name, of: sortable, ofLiteral, ordered: true }
}

const yearDigits = 7

function sortable(text: string): string {
  if (text === 'infinity') return '~'
  if (text === '-infinity') return ''
  const isBefore = text.endsWith(' BC')
  const plain = text
    .replace(/ BC$/, '')
    .replace('T', ' ')
    .replace(/(Z|\+00(:00)?)$/, '')
  const dash = plain.indexOf('-')
  if (dash < 0) return fractioned(plain)
  const year = Number(plain.slice(0, dash))
  // A year before Christ sorts before all others, the later of them first.
  const sorted = isBefore ? `-${10 ** yearDigits - year}` : String(year).padStart(yearDigits + 1, '0')
  return sorted + fractioned(plain.slice(dash))
}

/** `12:00:00.50` and `12:00:00.5` are one moment. */
function fractioned(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text
}
