import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import pg from 'pg'
import { rowFilter } from '../../kcop/filter/row-filter.ts'
import { table, tuple } from '../../kcop/testing/operations.ts'
import { usePostgres } from '../support/postgres.ts'

const kinds = {
  i: 'int4',
  n: 'numeric',
  f: 'float8',
  r: 'float4',
  b: 'boolean',
  t: 'text',
  d: 'date',
  z: 'timestamptz',
  u: 'uuid'
} as const
type Name = keyof typeof kinds
const rows = table('rows', { ...kinds })

const literals: Record<Name, readonly string[]> = {
  i: ['-1', '0', '1', '7', '2147483647'],
  n: ['-1.5', '0', '1', '1.0', '7.000000000000000000001', '12345678901234567890.5', "'NaN'"],
  f: ['-1.5', '0', '0.1', "'1e300'", "'Infinity'", "'NaN'", '7'],
  r: ['-1.5', '0', '16777216', '0.5', "'NaN'"],
  b: ['true', 'false'],
  t: ["''", "'a'", "'A'", "'a%'", "'it''s'", "'ä'"],
  d: ["'2024-02-29'", "'0044-03-15 BC'", "'infinity'", "'10000-01-01'", "'-infinity'"],
  z: ["'2024-02-29 12:00:00Z'", "'2024-02-29 12:00:00.5Z'", "'infinity'", "'1999-12-31 23:59:59.999999Z'"],
  u: ["'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", "'00000000-0000-0000-0000-000000000000'"]
}
const names = Object.keys(kinds) as Name[]
const column = fc.constantFrom(...names)
const equality = fc.constantFrom('=', '<>', '!=')
const ordering = fc.constantFrom('<', '<=', '>', '>=')

const atom = column.chain(name => {
  const literal = fc.constantFrom(...literals[name], 'NULL')
  const op = name === 't' ? equality : fc.oneof(equality, ordering)
  return fc.oneof(
    fc.tuple(op, literal).map(([o, l]) => `${name} ${o} ${l}`),
    fc.tuple(op, fc.constantFrom(...literals[name])).map(([o, l]) => `${l} ${o} ${name}`),
    fc.array(literal, { minLength: 1, maxLength: 3 }).map(list => `${name} in (${list.join(', ')})`),
    fc.array(literal, { minLength: 1, maxLength: 3 }).map(list => `${name} not in (${list.join(', ')})`),
    fc.constantFrom(`${name} is null`, `${name} is not null`),
    ...(name === 't'
      ? [fc.constantFrom("t like 'a%'", "t not like '_'", "t like '%\\%'", "t like '%s'")]
      : [fc.tuple(literal, literal).map(([low, high]) => `${name} between ${low} and ${high}`)]),
    ...(['i', 'n', 'f', 'r'].includes(name)
      ? [fc.tuple(op, fc.constantFrom('i', 'n', 'f', 'r')).map(([o, other]) => `${name} ${o} ${other}`)]
      : []),
    ...(name === 'b' ? [fc.constantFrom('b', 'not b', 'b is true', 'b is not true', 'b is not false')] : [])
  )
})
const { condition } = fc.letrec<{ condition: string }>(tie => ({
  condition: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    atom,
    fc.tuple(tie('condition'), fc.constantFrom('and', 'or'), tie('condition')).map(parts => parts.join(' ')),
    fc.tuple(tie('condition'), fc.constantFrom('and', 'or'), tie('condition')).map(parts => `(${parts.join(' ')})`),
    tie('condition').map(inner => `not (${inner})`)
  )
}))

test('conditions choose the rows that PostgreSQL chooses', async t => {
  const { url } = await (await usePostgres(t)).createDatabase()
  const client = new pg.Client(url)
  await client.connect()
  t.after(() => client.end())
  await client.query("SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET extra_float_digits = 3")
  const definition = names.map(name => `${name} ${kinds[name]}`).join(', ')
  await client.query(`CREATE TABLE rows (id serial, ${definition})`)
  const longest = Math.max(...names.map(name => literals[name].length))
  for (let row = 0; row < longest * 2; row++) {
    const values = names.map((name, at) =>
      (row + at) % 5 === 4 ? 'NULL' : literals[name][(row + at) % literals[name].length]
    )
    await client.query(`INSERT INTO rows (${names.join(', ')}) VALUES (${values.join(', ')})`)
  }
  const texts = names.map(name => `${name}::text`).join(', ')
  const { rows: present } = await client.query<(string | null)[]>({
    text: `SELECT ${texts} FROM rows ORDER BY id`,
    rowMode: 'array'
  })
  // A cast to text writes booleans out; the stream has `t` and `f`.
  const images = present.map(row =>
    tuple(row.map((text, at) => (kinds[names[at]!] === 'boolean' && text !== null ? text[0]! : text)))
  )
  await fc.assert(
    fc.asyncProperty(condition, async text => {
      const { rows: wanted } = await client.query<[boolean]>({
        text: `SELECT coalesce(${text}, false) FROM rows ORDER BY id`,
        rowMode: 'array'
      })
      const chosen = rowFilter(text, rows)
      assert.deepEqual(
        images.map(chosen),
        wanted.map(([holds]) => holds)
      )
    }),
    { numRuns: 1_500 }
  )
})
