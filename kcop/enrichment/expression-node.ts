import type { ColumnType } from '@tidemark/schemas/table.ts'
import type { Tuple } from '@tidemark/schemas/tuple.ts'
import { isZero, minus } from './decimal-arithmetic.ts'
import { toDecimal } from './expression-cast.ts'
import type { FunctionForm } from './expression-function.ts'
import {
  booleanType,
  int8Type,
  numericType,
  textType,
  type Datum,
  type Family,
  type TypedValue
} from './typed-value.ts'

export const typeOfFamily: Readonly<Partial<Record<Family, ColumnType>>> = {
  integer: int8Type,
  numeric: numericType,
  text: textType,
  boolean: booleanType,
  null: textType
}

export function constant(family: Family, value: Datum): TypedValue {
  return { family, type: typeOfFamily[family]!, of: () => value }
}

export function made(family: Family, of: (image: Tuple) => Datum): TypedValue {
  return { family, type: typeOfFamily[family]!, of }
}

/** NULL for any NULL. All operands are computed, as the server does: what fails behind a NULL fails. */
export function strict(
  operands: readonly TypedValue[],
  apply: (values: readonly Datum[]) => Datum
): (image: Tuple) => Datum {
  return image => {
    const values = operands.map(operand => operand.of(image))
    return values.includes(null) ? null : apply(values)
  }
}

/** Numbers as numeric. */
export function numeric(value: TypedValue): TypedValue {
  if (value.family !== 'integer') return value
  return made(
    'numeric',
    strict([value], ([datum]) => toDecimal(datum!))
  )
}

export function fits(takes: readonly Family[], values: readonly TypedValue[]): boolean {
  if (takes.length !== values.length) return false
  return takes.every((wanted, index) => {
    const { family } = values[index]!
    return family === wanted || family === 'null' || (wanted === 'numeric' && family === 'integer')
  })
}

export function applied(form: FunctionForm, values: readonly TypedValue[]): TypedValue {
  const operands = values.map((value, index) => (form.takes[index] === 'numeric' ? numeric(value) : value))
  return made(form.gives, strict(operands, form.apply))
}

export function equal(one: Exclude<Datum, null>, other: Exclude<Datum, null>): boolean {
  if (typeof one === 'object' && typeof other === 'object') return isZero(minus(one, other))
  return one === other
}

export function sameType(one: ColumnType, other: ColumnType): boolean {
  return one.oid === other.oid && one.name === other.name && one.modifier === other.modifier
}

export function readerOf(type: ColumnType, family: Family): (text: string) => Datum {
  switch (family) {
    case 'integer':
      return BigInt
    case 'numeric':
      return toDecimal
    case 'boolean':
      return text => text === 't'
    default:
      return type.name === 'bpchar' ? text => text.replace(/ +$/, '') : text => text
  }
}
