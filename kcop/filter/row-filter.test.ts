import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { table, tuple, UNCHANGED } from '../testing/operations.ts'
import { likePattern } from './like-pattern.ts'
import { rowFilter } from './row-filter.ts'

const account = table('account', {
  id: 'int8',
  status: 'text',
  balance: 'numeric',
  rate: 'float8',
  part: 'float4',
  open: 'boolean',
  born: 'date',
  seen: 'timestamptz',
  data: 'json',
  code: 'uuid'
})

type Values = Partial<Record<string, string | null | typeof UNCHANGED>>

function row(values: Values) {
  return tuple(account.columns.map(({ name }) => (name in values ? values[name]! : null)))
}

function holds(text: string, values: Values): boolean {
  return rowFilter(text, account)(row(values))
}

test('conditions mean what they mean in PostgreSQL', () => {
  const cases: [string, Values, boolean][] = [
    ["status = 'active'", { status: 'active' }, true],
    ["status <> 'active'", { status: 'active' }, false],
    ["'active' = status", { status: 'active' }, true],
    ["status = 'it''s'", { status: "it's" }, true],
    ["status in ('a', 'b')", { status: 'b' }, true],
    ["status not in ('a', 'b')", { status: 'c' }, true],
    ["status like 'act%' and status not like '%x'", { status: 'active' }, true],
    ['id = 9007199254740993', { id: '9007199254740993' }, true],
    ['id = 9007199254740992', { id: '9007199254740993' }, false],
    ['id between 1 and 3', { id: '3' }, true],
    ['id not between 1 and 3', { id: '4' }, true],
    ['5 > id', { id: '4' }, true],
    ['balance > 500', { balance: '500.0000000000000000001' }, true],
    ['balance = 0.1', { balance: '0.10' }, true],
    ['balance >= -1.5', { balance: '-1.50' }, true],
    ["balance < 'NaN'", { balance: 'NaN' }, false],
    ["balance > '1e3'", { balance: 'NaN' }, true],
    ["rate > '1e300'", { rate: 'Infinity' }, true],
    ['part > balance', { part: '0.1', balance: '0.1' }, true],
    ['rate = balance', { rate: '0.1', balance: '0.1000000000000000000001' }, true],
    ['part = 0.5', { part: '0.5' }, true],
    ['open', { open: 't' }, true],
    ['not open', { open: 'f' }, true],
    ['open = false', { open: 'f' }, true],
    ['open is not true and status is null', { open: null }, true],
    ["born < '2000-01-01'", { born: '1999-12-31' }, true],
    ["born < '2000-01-01'", { born: '0044-03-15 BC' }, true],
    ["born < '0050-01-01 BC'", { born: '0044-03-15 BC' }, false],
    ["born > '9999-12-31'", { born: 'infinity' }, true],
    ["born > '9999-12-31'", { born: '10000-01-01' }, true],
    ["seen >= '2024-02-29T12:00:00Z'", { seen: '2024-02-29 12:00:00+00' }, true],
    ["seen = '2024-02-29 12:00:00.50Z'", { seen: '2024-02-29 12:00:00.5+00' }, true],
    ['data is not null', { data: '{}' }, true],
    ["code = 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", { code: 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11' }, true],
    ["id = 1 or id = 2 and status = 'x'", { id: '1' }, true],
    ["not id = 1 and status = 'x'", { id: '2', status: 'x' }, true],
    ['balance > id', { balance: '2.5', id: '2' }, true]
  ]
  for (const [text, values, wanted] of cases) assert.equal(holds(text, values), wanted, text)
})

test('what is unknown is not true, and stays unknown under NOT', () => {
  const unknown = ["status = 'a'", "not (status = 'a')", "status <> 'a'", "status in ('a')", "status not in ('a')"]
  for (const text of [...unknown, 'open', 'not open', 'id between 1 and 2', 'status = null', "status like '%'"]) {
    assert.equal(holds(text, {}), false, text)
  }
  assert.equal(holds("status = 'a' or id = 1", { id: '1' }), true)
  assert.equal(holds("not (status = 'a' and id = 1)", { id: '2' }), true)
  assert.equal(holds("not (id = 1 and status = 'a')", { id: '1' }), false)
  assert.equal(holds("not (id = 2 or status = 'a')", { id: '1' }), false)
  assert.equal(holds("status not in ('a', null)", { status: 'b' }), false)
  assert.equal(holds("(status = 'a') is not true", {}), true)
})

test('a condition that is not understood is told with line and column, and never evaluated otherwise', () => {
  const wrong: [string, RegExp][] = [
    ["status == 'a'", /not understood at `=` \(line 1, column 9\)/],
    ['status =', /not understood at its end/],
    ["status = 'a'\n  and and", /line 2, column 7/],
    ['status', /needs a comparison behind status/],
    ["status > 'a'", /order of status, which depends on the collation \(line 1/],
    ["id = 'one'", /compares id \(number\) with 'one'/],
    ['part = 0.1', /compares part \(number\) with 0\.1/],
    ['status = 5', /compares status \(text\) with 5/],
    ["seen > '2024-01-01 12:00:00'", /compares seen \(timestamptz\)/],
    ["data = '{}'", /type json can only be tested with IS NULL/],
    ['id = status', /compares id \(number\) with status \(text\)/],
    ["lower(status) = 'a'", /compares without naming a column/],
    ["status = lower('a')", /`lower\('a'\)` where a value is needed/],
    ['1 = 1', /compares without naming a column/],
    ["status ~ 'a'", /uses ~/],
    ['id = 1; select 1', /not understood at `;`/],
    ['(select true)', /where a condition is needed/],
    ["status like 'a\\'", /ends with its escape/],
    [`${'('.repeat(300)}open${')'.repeat(300)} and x`, /./],
    ['open or '.repeat(200) + 'open', /nested deeper/],
    ['x'.repeat(20_000), /longer than/]
  ]
  for (const [text, message] of wrong) {
    assert.throws(
      () => rowFilter(text, account),
      (error: unknown) => isTidemarkError(error) && message.test(error.message),
      text.slice(0, 80)
    )
  }
  assert.throws(() => rowFilter("colour = 'a'", account), { code: 'COLUMN_UNKNOWN', message: /line 1, column 1/ })
})

test('a column that was not sent stops, for it is not null', () => {
  assert.throws(() => holds("status = 'a'", { status: UNCHANGED }), { code: 'ROW_UNSUITABLE' })
})

test('LIKE agrees with a regular expression made of the pattern, and its time is bounded', () => {
  const letter = fc.constantFrom('a', 'b', '%', '_')
  const pattern = fc.array(letter, { maxLength: 8 })
  fc.assert(
    fc.property(pattern, fc.array(fc.constantFrom('a', 'b'), { maxLength: 10 }), (pieces, letters) => {
      const source = pieces.map(piece => (piece === '%' ? '.*' : piece === '_' ? '.' : piece)).join('')
      const text = letters.join('')
      return likePattern(pieces.join(''))!(text) === new RegExp(`^${source}$`, 's').test(text)
    })
  )
  assert.equal(likePattern('%a'.repeat(50))!('a'.repeat(20_000) + 'b'), false)
})

test('numbers compare as their digits do', () => {
  const digits = fc.tuple(fc.bigInt({ min: -(10n ** 22n), max: 10n ** 22n }), fc.integer({ min: 0, max: 12 }))
  const textOf = ([value, scale]: [bigint, number]) => {
    const text = (value < 0n ? -value : value).toString().padStart(scale + 1, '0')
    const whole = text.slice(0, text.length - scale)
    return `${value < 0n ? '-' : ''}${whole}${scale === 0 ? '' : `.${text.slice(text.length - scale)}`}`
  }
  fc.assert(
    fc.property(digits, digits, (left, right) => {
      const a = left[0] * 10n ** BigInt(12 - left[1])
      const b = right[0] * 10n ** BigInt(12 - right[1])
      assert.equal(holds(`balance < ${textOf(right)}`, { balance: textOf(left) }), a < b)
      assert.equal(holds(`balance = ${textOf(right)}`, { balance: textOf(left) }), a === b)
    })
  )
})
