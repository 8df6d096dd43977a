const DASH = 0x2d
const COLON = 0x3a
const PLUS = 0x2b
const POINT = 0x2e
const SPACE = 0x20
const DIGIT_0 = 0x30
const DIGIT_9 = 0x39
const LETTER_C = 0x43

const infinityText = Buffer.from('infinity')

/** Microseconds of a day. */
export const dayMicros = 86_400_000_000

/**
 * The parts of a date, time or timestamp read from PostgreSQL's ISO text (manual, "Date/Time Output"). One object serves
 * all values.
 */
export class ParsedTime {
  /** Days since 1970-01-01 in the proleptic Gregorian calendar. */
  days = 0
  /** Microseconds since midnight; 24:00:00 is a whole day. */
  micros = 0
  /** 1 for `infinity`, -1 for `-infinity`, else 0; then nothing else is set. */
  infinity = 0
  private at = 0
  /** The month read last, since rows of a time are mostly of one month, and the day before its first. */
  private year = Number.NaN
  private month = 0
  private monthDays = 0

  /** `2024-02-29`, `0044-03-15 BC`, `infinity`. Returns false when it is none. */
  date(source: Buffer, start: number, end: number): boolean {
    if (this.isInfinite(source, start, end)) return true
    const era = eraStart(source, end)
    this.at = start
    return this.readDate(source, era, era !== end) && this.at === era
  }

  /** `12:34:56[.ffffff]`. */
  time(source: Buffer, start: number, end: number): boolean {
    this.infinity = 0
    this.at = start
    return this.readTime(source, end) && this.at === end
  }

  /** `2024-02-29 12:34:56[.ffffff]`, perhaps with ` BC` behind. */
  timestamp(source: Buffer, start: number, end: number): boolean {
    if (this.isInfinite(source, start, end)) return true
    const era = eraStart(source, end)
    return this.readBoth(source, start, era, era !== end) && this.at === era
  }

  /** The same with the session's zone, which must be `+00`. */
  timestamptz(source: Buffer, start: number, end: number): boolean {
    if (this.isInfinite(source, start, end)) return true
    const era = eraStart(source, end)
    if (source[era - 3] !== PLUS || source[era - 2] !== DIGIT_0 || source[era - 1] !== DIGIT_0) return false
    return this.readBoth(source, start, era - 3, era !== end) && this.at === era - 3
  }

  private isInfinite(source: Buffer, start: number, end: number): boolean {
    this.infinity = 0
    const sign = source[start] === DASH ? -1 : 1
    const from = sign < 0 ? start + 1 : start
    if (end - from !== infinityText.length || source.compare(infinityText, 0, 8, from, end) !== 0) return false
    this.infinity = sign
    return true
  }

  private readBoth(source: Buffer, start: number, end: number, beforeChrist: boolean): boolean {
    this.at = start
    if (!this.readDate(source, end, beforeChrist) || source[this.at] !== SPACE) return false
    this.at++
    return this.readTime(source, end)
  }

  private readDate(source: Buffer, end: number, beforeChrist: boolean): boolean {
    const year = this.number(source, end)
    if (year < 0 || source[this.at++] !== DASH) return false
    const month = this.number(source, end)
    if (month < 1 || month > 12 || source[this.at++] !== DASH) return false
    const day = this.number(source, end)
    if (day < 1 || day > 31) return false
    this.enterMonth(beforeChrist ? 1 - year : year, month)
    this.days = this.monthDays + day
    return true
  }

  private enterMonth(year: number, month: number): void {
    if (year === this.year && month === this.month) return
    this.year = year
    this.month = month
    this.monthDays = epochDays(year, month, 0)
  }

  private readTime(source: Buffer, end: number): boolean {
    const hour = this.number(source, end)
    if (hour < 0 || source[this.at++] !== COLON) return false
    const minute = this.number(source, end)
    if (minute < 0 || source[this.at++] !== COLON) return false
    const second = this.number(source, end)
    if (second < 0) return false
    this.micros = ((hour * 60 + minute) * 60 + second) * 1_000_000
    if (source[this.at] === POINT && this.at < end) this.readFraction(source, end)
    return true
  }

  private readFraction(source: Buffer, end: number): void {
    let scale = 100_000
    for (this.at++; this.at < end; this.at++) {
      const digit = source[this.at]! - DIGIT_0
      if (digit < 0 || digit > 9) return
      this.micros += digit * scale
      scale /= 10
    }
  }

  /** Digits from `at` on, which moves behind them; -1 without any. */
  private number(source: Buffer, end: number): number {
    const start = this.at
    let value = 0
    while (this.at < end) {
      const byte = source[this.at]!
      if (byte < DIGIT_0 || byte > DIGIT_9) break
      value = value * 10 + byte - DIGIT_0
      this.at++
    }
    return this.at === start ? -1 : value
  }
}

/** Where ` BC` begins, or the end without it. */
function eraStart(source: Buffer, end: number): number {
  return source[end - 1] === LETTER_C ? end - 3 : end
}

/**
 * Days since 1970-01-01; year 0 is 1 BC. Years are counted from March so that the leap day is the last; 400 years have
 * 146,097 days.
 */
export function epochDays(year: number, month: number, day: number): number {
  const shifted = month > 2 ? year : year - 1
  const era = Math.floor(shifted / 400)
  const yearOfEra = shifted - era * 400
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146_097 + dayOfEra - 719_468
}
