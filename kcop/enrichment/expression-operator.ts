import type { Decimal } from '../monitoring/decimal.ts'
import { divided, isZero, minus, plus, remainder, times } from './decimal-arithmetic.ts'
import { FunctionFault } from './expression-function.ts'

export const arithmetic: ReadonlySet<string> = new Set(['+', '-', '*', '/', '%'])

const int8Min = -(2n ** 63n)
const int8Max = 2n ** 63n - 1n

/** Integers are computed as int8. Throws FunctionFault beyond it, and for a division by zero. */
export function integerArithmetic(op: string, left: bigint, right: bigint): bigint {
  const result = integerResult(op, left, right)
  return withinInt8(result)
}

export function withinInt8(value: bigint): bigint {
  if (value < int8Min || value > int8Max) throw new FunctionFault('has a result beyond int8')
  return value
}

function integerResult(op: string, left: bigint, right: bigint): bigint {
  switch (op) {
    case '+':
      return left + right
    case '-':
      return left - right
    case '*':
      return left * right
    default:
      if (right === 0n) throw new FunctionFault('divides by zero')
      return op === '/' ? left / right : left % right
  }
}

/** Throws FunctionFault for a division by zero. */
export function numericArithmetic(op: string, left: Decimal, right: Decimal): Decimal {
  switch (op) {
    case '+':
      return plus(left, right)
    case '-':
      return minus(left, right)
    case '*':
      return times(left, right)
    default:
      if (isZero(right)) throw new FunctionFault('divides by zero')
      return op === '/' ? divided(left, right) : remainder(left, right)
  }
}
