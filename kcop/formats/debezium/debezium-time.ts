import type { Scratch } from '../../scratch.ts'
import { writeInteger } from '../journal.ts'
import { dayMicros, ParsedTime } from '../parsed-time.ts'

const DASH = 0x2d
const POINT = 0x2e
const QUOTE = 0x22
const parsed = new ParsedTime()
const notIso = 'is not in ISO form: the session must have DateStyle=ISO'
const outOfRange = 'lies beyond what 64 bits of microseconds since 1970 can tell'
/** What the driver Debezium reads with gives for infinity (PGStatement.DATE_POSITIVE_INFINITY). */
const infinities = { later: '9223372036825200000', earlier: '-9223372036832400000' }
const microsMax = 2n ** 63n - 1n
const microsMin = -(2n ** 63n)

/** Milliseconds since 1970 up to three digits of a fraction, else microseconds (`time.precision.mode: adaptive`). */
export function writeTimestampNumber(
  fraction: number,
  source: Buffer,
  start: number,
  end: number,
  into: Scratch
): string | null {
  if (!parsed.timestamp(source, start, end)) return notIso
  if (parsed.infinity !== 0) putText(parsed.infinity > 0 ? infinities.later : infinities.earlier, into)
  else if (fraction <= 3) writeInteger(parsed.days * 86_400_000 + Math.floor(parsed.micros / 1000), into)
  else return writeMicros(parsed.days, parsed.micros, into)
  return null
}

function writeMicros(days: number, micros: number, into: Scratch): string | null {
  const total = days * dayMicros + micros
  if (Number.isSafeInteger(total)) {
    writeInteger(total, into)
    return null
  }
  const exact = BigInt(days) * BigInt(dayMicros) + BigInt(micros)
  if (exact > microsMax || exact < microsMin) return outOfRange
  putText(String(exact), into)
  return null
}

/**
 * `2024-02-29T12:34:56.100000Z`: as many digits of a fraction as the column has, years before Christ counted from 0
 * downwards with a sign, years above 9999 with a plus (java.time's ISO_OFFSET_DATE_TIME). Returns false for another zone.
 */
export function writeTimestamptz(fraction: number, source: Buffer, start: number, end: number, into: Scratch): boolean {
  if (!parsed.timestamptz(source, start, end)) return false
  if (parsed.infinity !== 0) {
    putText(parsed.infinity > 0 ? '"infinity"' : '"-infinity"', into)
    return true
  }
  const beforeChrist = source[end - 1] === 0x43
  const dash = source.indexOf(DASH, start)
  const bytes = into.room(end - start + 12)
  bytes[into.length++] = QUOTE
  writeYear(source, start, dash, beforeChrist, into)
  // `-02-29 12:34:56` has 15 bytes; the space becomes T.
  source.copy(into.bytes, into.length, dash, dash + 15)
  into.bytes[into.length + 6] = 0x54
  into.length += 15
  if (fraction > 0) writeFraction(parsed.micros % 1_000_000, fraction, into)
  into.bytes[into.length++] = 0x5a
  into.bytes[into.length++] = QUOTE
  return true
}

function writeYear(source: Buffer, start: number, dash: number, beforeChrist: boolean, into: Scratch): void {
  if (!beforeChrist) {
    if (dash - start > 4) putText('+', into)
    into.append(source, start, dash)
    return
  }
  const year = Number(source.toString('latin1', start, dash)) - 1
  putText(`${year === 0 ? '' : '-'}${String(year).padStart(4, '0')}`, into)
}

function writeFraction(micros: number, digits: number, into: Scratch): void {
  const { bytes } = into
  bytes[into.length++] = POINT
  let scale = 100_000
  for (let digit = 0; digit < digits; digit++) {
    bytes[into.length++] = 0x30 + (Math.floor(micros / scale) % 10)
    scale /= 10
  }
}

const timetzForm = /^(\d\d):(\d\d):(\d\d)(\.\d{1,6})?([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?$/

/** In UTC: `20:34:56Z`, with the fraction there is. */
export function writeTimetz(source: Buffer, start: number, end: number, into: Scratch): boolean {
  const match = timetzForm.exec(source.toString('latin1', start, end))
  if (match === null) return false
  const [, hour, minute, second, fraction = '', sign, zoneHour, zoneMinute = '0', zoneSecond = '0'] = match
  const zone = (Number(zoneHour) * 60 + Number(zoneMinute)) * 60 + Number(zoneSecond)
  const local = (Number(hour) * 60 + Number(minute)) * 60 + Number(second)
  const utc = (((local + (sign === '-' ? zone : -zone)) % 86_400) + 86_400) % 86_400
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0')
  putText(`"${two(utc / 3600)}:${two((utc / 60) % 60)}:${two(utc % 60)}${fraction}Z"`, into)
  return true
}

const intervalForm =
  /^P(?:(-?\d+)Y)?(?:(-?\d+)M)?(?:(-?\d+)D)?(?:T(?:(-?\d+)H)?(?:(-?\d+)M)?(?:(-?)(\d+)(?:\.(\d{1,6}))?S)?)?$/
const daysPerMonth = 365.25 / 12

/** Microseconds, a month being 365.25 / 12 days (`interval.handling.mode: numeric`); infinity is the end of 64 bits. */
export function writeInterval(source: Buffer, start: number, end: number, into: Scratch): string | null {
  const text = source.toString('latin1', start, end)
  if (text === 'infinity' || text === '-infinity') {
    putText(String(text === 'infinity' ? microsMax : microsMin), into)
    return null
  }
  const match = intervalForm.exec(text)
  if (match === null) return 'is not an ISO 8601 duration: the session must have IntervalStyle=iso_8601'
  const part = (index: number): number => Number(match[index] ?? 0)
  const days = (part(1) * 12 + part(2)) * daysPerMonth + part(3)
  const sign = match[6] === '-' ? -1 : 1
  const seconds = sign * part(7)
  const micros = sign * Number((match[8] ?? '').padEnd(6, '0'))
  const total = Math.trunc(((days * 24 + part(4)) * 60 + part(5)) * 60 + seconds) * 1_000_000 + micros
  if (!Number.isSafeInteger(total)) return outOfRange
  writeInteger(total, into)
  return null
}

function putText(text: string, into: Scratch): void {
  into.length += into.room(text.length).write(text, into.length, 'latin1')
}
