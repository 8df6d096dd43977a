import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { dayMicros, ParsedTime } from './parsed-time.ts'

const parsed = new ParsedTime()

function parse(how: 'date' | 'time' | 'timestamp' | 'timestamptz', text: string): boolean {
  const bytes = Buffer.from(`9${text}9`)
  return parsed[how](bytes, 1, bytes.length - 1)
}

test('any day since the year 1 is counted as JavaScript counts it, before Christ too', () => {
  fc.assert(
    fc.property(fc.date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }), date => {
      const text = date.toISOString()
      const ms = date.getTime()
      assert.ok(parse('timestamp', text.replace('T', ' ').replace('Z', '')))
      assert.equal(parsed.days, Math.floor(ms / 86_400_000))
      assert.equal(parsed.micros, (ms - parsed.days * 86_400_000) * 1000)
      assert.ok(parse('date', text.slice(0, 10)))
      assert.equal(parsed.days, Math.floor(ms / 86_400_000))
    })
  )
  assert.ok(parse('date', '0044-03-15 BC'))
  assert.equal(parsed.days, Date.parse('-000043-03-15T00:00:00Z') / 86_400_000)
  assert.ok(parse('date', '4713-11-24 BC'))
  assert.equal(parsed.days, Date.parse('-004712-11-24T00:00:00Z') / 86_400_000)
  assert.ok(parse('timestamptz', '0044-03-15 10:00:00.5+00 BC'))
  assert.deepEqual([parsed.days, parsed.micros], [Date.parse('-000043-03-15T00:00:00Z') / 86_400_000, 36_000_500_000])
})

test('years of more than four digits, microseconds and 24:00 are read', () => {
  assert.ok(parse('date', '5874897-12-31'))
  // PostgreSQL's last day: the largest Julian day below 2^31.
  assert.equal(parsed.days + 2_440_588, 2_147_483_493)
  assert.ok(parse('timestamp', '294276-12-31 23:59:59.999999'))
  assert.equal(parsed.micros, dayMicros - 1)
  assert.ok(parse('time', '24:00:00'))
  assert.equal(parsed.micros, dayMicros)
  assert.ok(parse('time', '00:00:00.1'))
  assert.equal(parsed.micros, 100_000)
})

test('infinity is told by its sign', () => {
  for (const how of ['date', 'timestamp', 'timestamptz'] as const) {
    assert.ok(parse(how, 'infinity'))
    assert.equal(parsed.infinity, 1)
    assert.ok(parse(how, '-infinity'))
    assert.equal(parsed.infinity, -1)
  }
  assert.ok(parse('date', '2024-02-29'))
  assert.equal(parsed.infinity, 0)
})

test('a text of another setting is refused', () => {
  for (const text of ['29.02.2024', '2024-02', '', 'today', '2024-13-01', '2024-02-29x'])
    assert.ok(!parse('date', text))
  for (const text of ['2024-02-29 12:00:00+02', '2024-02-29 12:00:00']) assert.ok(!parse('timestamptz', text))
  for (const text of ['2024-02-29', '2024-02-29T12:00:00', '2024-02-29 12:00', '2024-02-29 12:00:00.x'])
    assert.ok(!parse('timestamp', text), text)
  assert.ok(!parse('time', '12:34:56-08'))
})
