/** An exact decimal number: digits / 10^scale. */
export interface Decimal {
  readonly digits: bigint
  readonly scale: number
}

/** What numbers of PostgreSQL can be besides. */
export type Amount = Decimal | 'NaN' | 'Infinity' | '-Infinity'

export const zero: Decimal = { digits: 0n, scale: 0 }

/** float8 reaches 1e308 with its 17 digits; numeric is written without exponent. */
const exponentMax = 400

/** The number of a text in PostgreSQL's form; null for what is no number. */
export function amountOf(text: string): Amount | null {
  if (text === 'NaN' || text === 'Infinity' || text === '-Infinity') return text
  const match = /^([-+]?\d+)(?:\.(\d+))?(?:e([-+]?\d+))?$/.exec(text)
  if (match === null) return null
  const [, whole = '', fraction = '', exponent = '0'] = match
  const shift = Number(exponent)
  if (Math.abs(shift) > exponentMax) return null
  const scale = fraction.length - shift
  const digits = BigInt(whole + fraction)
  return scale >= 0 ? { digits, scale } : { digits: digits * 10n ** BigInt(-scale), scale: 0 }
}

export function add(left: Amount, right: Amount): Amount {
  if (typeof left === 'string' || typeof right === 'string') return addSpecial(left, right)
  const scale = Math.max(left.scale, right.scale)
  return { digits: scaled(left, scale) + scaled(right, scale), scale }
}

function addSpecial(left: Amount, right: Amount): Amount {
  const sum = Number(typeof left === 'string' ? left : 0) + Number(typeof right === 'string' ? right : 0)
  return Number.isNaN(sum) ? 'NaN' : sum > 0 ? 'Infinity' : '-Infinity'
}

/** As PostgreSQL orders them: NaN above all. Negative, 0 or positive. */
export function compare(left: Amount, right: Amount): number {
  if (typeof left === 'string' || typeof right === 'string') return rank(left) - rank(right)
  const scale = Math.max(left.scale, right.scale)
  const difference = scaled(left, scale) - scaled(right, scale)
  return difference < 0n ? -1 : difference > 0n ? 1 : 0
}

function rank(amount: Amount): number {
  if (amount === '-Infinity') return -1
  if (amount === 'Infinity') return 1
  return amount === 'NaN' ? 2 : 0
}

export function formatAmount(amount: Amount): string {
  if (typeof amount === 'string') return amount
  const { digits, scale } = amount
  if (scale === 0) return digits.toString()
  const text = (digits < 0n ? -digits : digits).toString().padStart(scale + 1, '0')
  return `${digits < 0n ? '-' : ''}${text.slice(0, -scale)}.${text.slice(-scale)}`
}

function scaled({ digits, scale }: Decimal, wanted: number): bigint {
  return digits * 10n ** BigInt(wanted - scale)
}
