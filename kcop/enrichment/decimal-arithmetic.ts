import { zero, type Decimal } from '../monitoring/decimal.ts'

/*
 * Arithmetic of PostgreSQL's numeric: exact, and with the scale the server gives to each result
 * (src/backend/utils/adt/numeric.c). A number's scale is the count of digits it shows behind the point.
 */

const ten = 10n

function rescaled({ digits, scale }: Decimal, wanted: number): bigint {
  return digits * ten ** BigInt(wanted - scale)
}

export function plus(left: Decimal, right: Decimal): Decimal {
  const scale = Math.max(left.scale, right.scale)
  return { digits: rescaled(left, scale) + rescaled(right, scale), scale }
}

export function minus(left: Decimal, right: Decimal): Decimal {
  return plus(left, negated(right))
}

export function negated({ digits, scale }: Decimal): Decimal {
  return { digits: -digits, scale }
}

export function magnitude({ digits, scale }: Decimal): Decimal {
  return { digits: digits < 0n ? -digits : digits, scale }
}

export function times(left: Decimal, right: Decimal): Decimal {
  return { digits: left.digits * right.digits, scale: left.scale + right.scale }
}

/** The quotient, rounded half away from zero to the scale PostgreSQL chooses. `right` must not be zero. */
export function divided(left: Decimal, right: Decimal): Decimal {
  const scale = quotientScale(left, right)
  const shift = scale + right.scale - left.scale
  const [top, bottom] =
    shift >= 0
      ? [left.digits * ten ** BigInt(shift), right.digits]
      : [left.digits, right.digits * ten ** BigInt(-shift)]
  return { digits: halfAwayFromZero(top, bottom), scale }
}

/** What is left of `left` after whole times `right`; it has the sign of `left`. `right` must not be zero. */
export function remainder(left: Decimal, right: Decimal): Decimal {
  const scale = Math.max(left.scale, right.scale)
  return { digits: rescaled(left, scale) % rescaled(right, scale), scale }
}

/** Rounded half away from zero to `places` behind the point; negative: before it. */
export function rounded(value: Decimal, places: number): Decimal {
  const scale = Math.max(places, 0)
  if (places >= value.scale) return { digits: rescaled(value, scale), scale }
  const unit = ten ** BigInt(value.scale - places)
  const digits = halfAwayFromZero(value.digits, unit)
  return { digits: places < 0 ? digits * ten ** BigInt(-places) : digits, scale }
}

/** Cut off behind `places`. */
export function truncated(value: Decimal, places: number): Decimal {
  const scale = Math.max(places, 0)
  if (places >= value.scale) return { digits: rescaled(value, scale), scale }
  const digits = value.digits / ten ** BigInt(value.scale - places)
  return { digits: places < 0 ? digits * ten ** BigInt(-places) : digits, scale }
}

export function floor(value: Decimal): Decimal {
  const whole = truncated(value, 0)
  return value.digits < 0n && compareDecimals(whole, value) > 0 ? minus(whole, one) : whole
}

export function ceiling(value: Decimal): Decimal {
  return negated(floor(negated(value)))
}

/** Negative, 0 or positive. */
export function compareDecimals(left: Decimal, right: Decimal): number {
  const { digits } = minus(left, right)
  return digits < 0n ? -1 : digits > 0n ? 1 : 0
}

export function isZero({ digits }: Decimal): boolean {
  return digits === 0n
}

export const one: Decimal = { digits: 1n, scale: 0 }
export { zero }

function halfAwayFromZero(top: bigint, bottom: bigint): bigint {
  const isNegative = top < 0n !== bottom < 0n
  const above = top < 0n ? -top : top
  const below = bottom < 0n ? -bottom : bottom
  const quotient = (above * 2n + below) / (below * 2n)
  return isNegative ? -quotient : quotient
}

/** numeric.c keeps numbers in digits to the base 10,000. */
const baseDigits = 4
/** NUMERIC_MIN_SIG_DIGITS */
const significantDigitsMin = 16
/** NUMERIC_MAX_DISPLAY_SCALE */
const scaleMax = 1_000

/** select_div_scale(): at least 16 significant digits, and never fewer than an operand shows. */
function quotientScale(left: Decimal, right: Decimal): number {
  const one = leadingDigit(left)
  const other = leadingDigit(right)
  const weight = one.weight - other.weight - (one.digit <= other.digit ? 1 : 0)
  const scale = significantDigitsMin - weight * baseDigits
  return Math.min(Math.max(scale, left.scale, right.scale, 0), scaleMax)
}

/** The first digit to the base 10,000 that is not zero, and its place; both 0 for zero. */
function leadingDigit(value: Decimal): { digit: number; weight: number } {
  const text = magnitude(value).digits.toString()
  if (text === '0') return { digit: 0, weight: 0 }
  /** Decimal place of the first digit: 0 is that of the ones. */
  const place = text.length - 1 - value.scale
  const weight = Math.floor(place / baseDigits)
  const length = place - weight * baseDigits + 1
  return { digit: Number(text.slice(0, length).padEnd(length, '0')), weight }
}
