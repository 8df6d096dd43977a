import type { ColumnType } from '@tidemark/schemas/table.ts'
import { amountOf, type Decimal } from '../monitoring/decimal.ts'
import { magnitude, rounded } from './decimal-arithmetic.ts'
import { FunctionFault, plainText } from './expression-function.ts'
import { withinInt8 } from './expression-operator.ts'
import { int8Type, numericType, numericTypeOf, textType, type Datum, type Family } from './typed-value.ts'

/** A type that values can be cast to. */
export interface CastTarget {
  readonly family: 'integer' | 'numeric' | 'text'
  readonly type: ColumnType
  /** Throws FunctionFault for a value that is none of the type. */
  cast(value: Exclude<Datum, null>): Datum
}

const precisionMax = 1_000

/** The target of a cast by its name in SQL; null: casts to it are not available. */
export function castTarget(name: string, config: readonly number[]): CastTarget | null {
  switch (name) {
    case 'text':
    case 'varchar':
      return config.length > 0 ? null : { family: 'text', type: textType, cast: plainText }
    case 'int8':
    case 'bigint':
      return { family: 'integer', type: int8Type, cast: toInteger }
    case 'numeric':
    case 'decimal':
      return numericTarget(config)
    default:
      return null
  }
}

/** Whether values of a family may be cast at all. */
export function castable(from: Family, to: CastTarget): boolean {
  return to.family === 'text' || from === 'integer' || from === 'numeric' || from === 'text' || from === 'null'
}

function numericTarget([precision, scale = 0]: readonly number[]): CastTarget | null {
  if (precision === undefined) return { family: 'numeric', type: numericType, cast: toDecimal }
  if (precision < 1 || precision > precisionMax || scale < 0 || scale > precision) return null
  const limit = 10n ** BigInt(precision)
  const cast = (value: Exclude<Datum, null>) => {
    const result = rounded(toDecimal(value), scale)
    if (magnitude(result).digits >= limit)
      throw new FunctionFault(`has a result beyond numeric(${precision}, ${scale})`)
    return result
  }
  return { family: 'numeric', type: numericTypeOf(precision, scale), cast }
}

function toInteger(value: Exclude<Datum, null>): bigint {
  if (typeof value === 'bigint') return value
  if (typeof value === 'object') return withinInt8(rounded(value, 0).digits)
  const text = plainText(value).trim()
  if (!/^[-+]?\d+$/.test(text)) throw new FunctionFault('casts a text to int8 that is no whole number')
  return withinInt8(BigInt(text))
}

export function toDecimal(value: Exclude<Datum, null>): Decimal {
  if (typeof value === 'bigint') return { digits: value, scale: 0 }
  if (typeof value === 'object') return value
  const amount = amountOf(plainText(value).trim())
  if (amount === null) throw new FunctionFault('casts a text to numeric that is no number')
  if (typeof amount === 'string') throw new FunctionFault('meets NaN or Infinity, with which it does not compute')
  return amount
}
