import { formatAmount, type Decimal } from '../monitoring/decimal.ts'
import { ceiling, floor, isZero, magnitude, remainder, rounded, truncated } from './decimal-arithmetic.ts'
import type { Datum, Family } from './typed-value.ts'

/** A strict function: NULL for any NULL. Of several forms of one name, the first whose arguments fit is taken. */
export interface FunctionForm {
  readonly takes: readonly Family[]
  readonly gives: Family
  /** Throws FunctionFault. */
  apply(values: readonly Datum[]): Datum
}

/** A value that the function is not defined for; the message has no value. */
export class FunctionFault extends Error {
  override readonly name = 'FunctionFault'
}

type Apply<Args extends readonly Datum[]> = (...values: Args) => Datum

function form<Args extends readonly Datum[]>(
  takes: readonly Family[],
  gives: Family,
  apply: Apply<Args>
): FunctionForm {
  return { takes, gives, apply: values => apply(...(values as unknown as Args)) }
}

/** Counts of characters and places: beyond it nothing changes any more, and numbers stay numbers. */
const countMax = 1_000_000_000n

function count(value: bigint): number {
  return Number(value > countMax ? countMax : value < -countMax ? -countMax : value)
}

function places(value: bigint): number {
  if (value > 1_000n || value < -1_000n) throw new FunctionFault('rounds to more than 1000 places')
  return Number(value)
}

function left(text: string, length: bigint): string {
  const characters = [...text]
  return characters.slice(0, length < 0n ? Math.max(0, characters.length + count(length)) : count(length)).join('')
}

function right(text: string, length: bigint): string {
  const characters = [...text]
  const from = length < 0n ? -count(length) : Math.max(0, characters.length - count(length))
  return characters.slice(from).join('')
}

/** From the place `from`, counted from 1; places before the text count towards the length. */
function substring(text: string, from: bigint, length: bigint | null): string {
  if (length !== null && length < 0n) throw new FunctionFault('takes a substring of negative length')
  const start = count(from) - 1
  const end = length === null ? Infinity : start + count(length)
  return [...text].slice(Math.max(0, start), Math.max(0, end)).join('')
}

/** The field at a place from 1; negative: from the end; '' beyond. */
function splitPart(text: string, separator: string, place: bigint): string {
  if (place === 0n) throw new FunctionFault('asks split_part for field 0')
  const fields = separator === '' ? [text] : text === '' ? [''] : text.split(separator)
  const index = count(place)
  return (index > 0 ? fields[index - 1] : fields.at(index)) ?? ''
}

const replaced = (text: string, what: string, by: string) => (what === '' ? text : text.replaceAll(what, () => by))

/** Names as PostgreSQL has them. */
export const functionForms: Readonly<Record<string, readonly FunctionForm[]>> = {
  abs: [
    form(['integer'], 'integer', (value: bigint) => (value < 0n ? -value : value)),
    form(['numeric'], 'numeric', (value: Decimal) => magnitude(value))
  ],
  round: [
    form(['numeric'], 'numeric', (value: Decimal) => rounded(value, 0)),
    form(['numeric', 'integer'], 'numeric', (value: Decimal, to: bigint) => rounded(value, places(to)))
  ],
  trunc: [
    form(['numeric'], 'numeric', (value: Decimal) => truncated(value, 0)),
    form(['numeric', 'integer'], 'numeric', (value: Decimal, to: bigint) => truncated(value, places(to)))
  ],
  floor: [form(['numeric'], 'numeric', (value: Decimal) => floor(value))],
  ceil: [form(['numeric'], 'numeric', (value: Decimal) => ceiling(value))],
  ceiling: [form(['numeric'], 'numeric', (value: Decimal) => ceiling(value))],
  mod: [
    form(['integer', 'integer'], 'integer', (value: bigint, by: bigint) => {
      if (by === 0n) throw new FunctionFault('divides by zero')
      return value % by
    }),
    form(['numeric', 'numeric'], 'numeric', (value: Decimal, by: Decimal) => {
      if (isZero(by)) throw new FunctionFault('divides by zero')
      return remainder(value, by)
    })
  ],
  length: [form(['text'], 'integer', (text: string) => BigInt([...text].length))],
  lower: [form(['text'], 'text', (text: string) => text.toLowerCase())],
  upper: [form(['text'], 'text', (text: string) => text.toUpperCase())],
  left: [form(['text', 'integer'], 'text', left)],
  right: [form(['text', 'integer'], 'text', right)],
  substr: [
    form(['text', 'integer'], 'text', (text: string, from: bigint) => substring(text, from, null)),
    form(['text', 'integer', 'integer'], 'text', substring)
  ],
  replace: [form(['text', 'text', 'text'], 'text', replaced)],
  split_part: [form(['text', 'text', 'integer'], 'text', splitPart)],
  btrim: [form(['text'], 'text', (text: string) => text.replace(/^ +| +$/g, ''))],
  trim: [form(['text'], 'text', (text: string) => text.replace(/^ +| +$/g, ''))],
  ltrim: [form(['text'], 'text', (text: string) => text.replace(/^ +/, ''))],
  rtrim: [form(['text'], 'text', (text: string) => text.replace(/ +$/, ''))],
  concat: []
}

/** Text of a number or a text, as `||` and casts give it. */
export function plainText(value: Exclude<Datum, null>): string {
  if (typeof value === 'string') return value
  if (typeof value === 'boolean') return String(value)
  return typeof value === 'bigint' ? value.toString() : formatAmount(value)
}
