import { parseJson, type JsonValue } from '@tidemark/schemas/json-text.ts'

/** Types that are strings of JSON in Avro, and JSON itself in what is expected. */
const jsonTypes = /^(?:d_)?jsonb?(?:\[\])?$/

/** What is otherwise in a row that was read than in the one that is expected; null: nothing. `type`: of column v. */
export function difference(
  read: Record<string, JsonValue>,
  expected: Record<string, JsonValue>,
  type = ''
): string | null {
  const given = jsonTypes.test(type) ? { ...read, v: parsed(read['v']!) } : read
  const [left, right] = [JSON.stringify(normal(given)), JSON.stringify(normal(expected))]
  return left === right ? null : `${left.slice(0, 200)}, not ${right.slice(0, 200)}`
}

function parsed(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(item => parsed(item as JsonValue))
  return typeof value === 'string' ? parseJson(value) : value
}

/** One text for a value, whether docs/types.md or Java wrote it: zeros at the end of a fraction, years before Christ. */
function normal(value: JsonValue): unknown {
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'number') return String(value)
  if (Array.isArray(value)) return value.map(item => normal(item as JsonValue))
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, normal(item as JsonValue)]))
  }
  return typeof value === 'string' ? normalTime(value) : value
}

function normalTime(text: string): string {
  const christ = /^(\d{4})-(\d\d-\d\d)(?: ([\d:.]+)(\+00)?)? BC$/.exec(text)
  if (christ !== null) {
    const [, year, day, time, zone] = christ
    const before = `-${String(Number(year) - 1).padStart(4, '0')}-${day}`
    return normalTime(time === undefined ? before : `${before}T${time}${zone === undefined ? '' : 'Z'}`)
  }
  if (!/^[+-]?\d{4,}-\d\d-\d\d(?:T|$)|^\d\d:\d\d(?::|$)/.test(text)) return text
  const whole = text.replace(/^\+/, '').replace(/((?:^|T)\d\d:\d\d)(Z?)$/, '$1:00$2')
  return whole.replace(/(\.\d*?)0+(Z?)$/, '$1$2').replace(/\.(Z?)$/, '$1')
}
