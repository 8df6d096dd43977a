const POINT = 0x2e
const MINUS = 0x2d
const DIGIT_0 = 0x30
const exactDigitsMax = 15
/** Powers of ten that a double holds exactly: a quotient of two exact numbers is rounded once, so it is right. */
const powers = Array.from({ length: 23 }, (_, exponent) => 10 ** exponent)

/** The number a text of PostgreSQL's float types names, NaN and the infinities among them; undefined when it is none. */
export function floatOfText(source: Buffer, start: number, end: number): number | undefined {
  const negative = source[start] === MINUS
  let value = 0
  let digits = 0
  let fraction = -1
  for (let at = negative ? start + 1 : start; at < end; at++) {
    const byte = source[at]!
    if (byte === POINT && fraction < 0) {
      fraction = 0
      continue
    }
    const digit = byte - DIGIT_0
    if (digit < 0 || digit > 9) return generalNumber(source, start, end)
    value = value * 10 + digit
    digits++
    if (fraction >= 0) fraction++
  }
  if (digits === 0 || digits > exactDigitsMax) return generalNumber(source, start, end)
  const size = fraction > 0 ? value / powers[fraction]! : value
  return negative ? -size : size
}

function generalNumber(source: Buffer, start: number, end: number): number | undefined {
  const text = source.toString('latin1', start, end)
  if (text === 'NaN') return Number.NaN
  if (!/^-?(?:Infinity|\d+\.?\d*(?:e[+-]?\d+)?)$/.test(text)) return undefined
  return Number(text)
}
