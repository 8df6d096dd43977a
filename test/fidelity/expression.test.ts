import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import pg from 'pg'
import { expression } from '../../kcop/enrichment/expression.ts'
import { isTidemarkError } from '../../schemas/tidemark-error.ts'
import { table, tuple } from '../../kcop/testing/operations.ts'
import { usePostgres } from '../support/postgres.ts'

/** k, z and d are the same in every row: the server would compute literals before it looks at a row. */
const kinds = {
  i: 'int8',
  j: 'int8',
  n: 'numeric',
  m: 'numeric',
  t: 'text',
  s: 'text',
  b: 'boolean',
  k: 'int8',
  z: 'int8',
  d: 'numeric'
} as const
type Name = keyof typeof kinds
const rows = table('rows', { ...kinds })
const values: Record<Name, readonly string[]> = {
  i: ['-7', '0', '1', '3', '9007199254740993'],
  j: ['2', '-3', '0', '10', '5'],
  n: ['-1.5', '0.000', '123456789012345678901234.5678', '0.00012', '10000', '9999.5'],
  m: ['3', '-0.07', '10000.0001', '0', '1e-20', '7.50'],
  t: ["''", "'abc'", "'Zoë 🦊'", "' a b '", "'a,b,,c'"],
  s: ["','", "'a'", "' '", "'xyz'", "''"],
  b: ['true', 'false'],
  k: ['2'],
  z: ['0'],
  d: ['1.50']
}
const names = Object.keys(kinds) as Name[]

const { integer, number, text } = fc.letrec<Record<'integer' | 'number' | 'text' | 'truth', string>>(tie => {
  const small = fc.integer({ min: -4, max: 6 }).map(String)
  const call = (name: string, ...parts: fc.Arbitrary<string>[]) =>
    fc.tuple(...parts).map(given => `${name}(${given.join(', ')})`)
  const choice = (kind: 'integer' | 'number' | 'text') =>
    fc
      .tuple(tie('truth'), tie(kind), tie(kind))
      .map(([when, then, or]) => `case when ${when} then ${then} else ${or} end`)
  const infix = (kind: 'integer' | 'number') =>
    fc.tuple(tie(kind), fc.constantFrom('+', '-', '*', '/', '%'), tie(kind)).map(([a, op, b]) => `${a} ${op} ${b}`)
  const parenthesised = (kind: 'integer' | 'number' | 'text') => tie(kind).map(inner => `(${inner})`)
  return {
    integer: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      fc.constantFrom('i', 'j', 'k', 'z', 'i::int8'),
      infix('integer'),
      parenthesised('integer'),
      tie('integer').map(inner => `- (${inner})`),
      call('abs', tie('integer')),
      call('length', tie('text')).map(inner => `${inner}::int8`),
      call('coalesce', tie('integer'), tie('integer')),
      call('nullif', tie('integer'), tie('integer')),
      choice('integer')
    ),
    number: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      fc.constantFrom('n', 'm', 'd', 'i::numeric', 'n::numeric(30, 2)'),
      infix('number'),
      parenthesised('number'),
      call('round', tie('number'), small),
      call('trunc', tie('number'), small),
      call('floor', tie('number')),
      call('ceil', tie('number')),
      call('round', tie('number')),
      call('coalesce', tie('number'), tie('integer')),
      call('mod', tie('number'), tie('number')),
      choice('number')
    ),
    text: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      fc.constantFrom('t', 's', 'i::text', 'b::text'),
      fc.tuple(tie('text'), tie('text')).map(([a, b]) => `${a} || ${b}`),
      parenthesised('text'),
      call('left', tie('text'), small),
      call('right', tie('text'), small),
      call('substr', tie('text'), small),
      call('substr', tie('text'), small, fc.constantFrom('0', '1', '3')),
      call('replace', tie('text'), tie('text'), tie('text')),
      call('split_part', tie('text'), tie('text'), fc.constantFrom('1', '2', '-1')),
      call('btrim', tie('text')),
      call('ltrim', tie('text')),
      call('rtrim', tie('text')),
      call('concat', tie('text'), tie('integer')),
      choice('text')
    ),
    truth: fc.constantFrom('b', 'i > 0', 'n <= 1', "t = 'abc'", 'j is null', 'not b', "s in (',', 'a') or b")
  }
})
const value = fc.oneof(integer, number, text)

/** Texts in PostgreSQL's form of each row, null where it refuses to compute; the whole when it refuses the expression. */
async function computed(client: pg.Client, sql: string, count: number): Promise<(string | null)[]> {
  const found: (string | null)[] = []
  for (let id = 1; id <= count; id++) {
    try {
      const { rows: one } = await client.query<[string | null]>({
        text: `SELECT (${sql})::text FROM rows WHERE id = ${id}`,
        rowMode: 'array'
      })
      found.push(one[0]![0])
    } catch {
      found.push('refused')
    }
  }
  return found
}

test('expressions give what PostgreSQL gives, to the last digit', async t => {
  const { url } = await (await usePostgres(t)).createDatabase()
  const client = new pg.Client(url)
  await client.connect()
  t.after(() => client.end())
  const definition = names.map(name => `${name} ${kinds[name]}`).join(', ')
  await client.query(`CREATE TABLE rows (id serial, ${definition})`)
  const count = 7
  for (let row = 0; row < count; row++) {
    const given = names.map((name, at) =>
      row === 6 && at % 2 === 0 ? 'NULL' : values[name][(row + at) % values[name].length]
    )
    await client.query(`INSERT INTO rows (${names.join(', ')}) VALUES (${given.join(', ')})`)
  }
  const { rows: present } = await client.query<(string | null)[]>({
    text: `SELECT ${names.map(name => `${name}::text`).join(', ')} FROM rows ORDER BY id`,
    rowMode: 'array'
  })
  const images = present.map(row =>
    tuple(row.map((column, at) => (kinds[names[at]!] === 'boolean' && column !== null ? column[0]! : column)))
  )
  const own = (sql: string) => {
    const { text: textOf } = expression(sql, rows)
    return images.map(image => {
      try {
        return textOf(image)
      } catch (error) {
        if (isTidemarkError(error) && error.code === 'ROW_UNSUITABLE') return 'refused'
        throw error
      }
    })
  }
  await fc.assert(
    fc.asyncProperty(value, async sql => {
      assert.deepEqual(own(sql), await computed(client, sql, count), sql)
    }),
    { numRuns: 1_000 }
  )
})
