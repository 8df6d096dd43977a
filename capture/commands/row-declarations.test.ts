import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { it, type TestContext } from 'node:test'
import { useSubscription } from './testing/subscription-fixture.ts'

const root = join(import.meta.dirname, '..', '..')

const schema = `
CREATE TYPE mood AS ENUM ('sad', 'it''s "ok"', 'happy');
ALTER TYPE mood ADD VALUE 'calm' BEFORE 'happy';
CREATE DOMAIN price AS numeric(12,2) CHECK (VALUE >= 0);
CREATE DOMAIN needed_mood AS mood NOT NULL;
CREATE TABLE account (
  id bigint PRIMARY KEY, owner text NOT NULL, balance price, mood mood NOT NULL, moods mood[], must needed_mood,
  tags text[] NOT NULL, data jsonb, photo bytea, at timestamptz, "odd name" real, doubled int GENERATED ALWAYS AS (1) STORED,
  ssn text NOT NULL, secret text);
CREATE TABLE "Odd */ table" (a int, b boolean NOT NULL, PRIMARY KEY (b, a));`

const expected = (name: string) => `\
// Rows of the tables of subscription ${name}, as processors see them. Written by \`tidemark types\`, which can be run
// again when tables or column rules change; not to be edited.
import type { ArrayValue, JsonValue } from '@tidemark/kcop'

/** public.Odd *\\/ table */
export interface PublicOddTable {
  /** integer; key */
  a: number
  /** boolean; key */
  b: boolean
}

/** public.account */
export interface PublicAccount {
  /** bigint; key */
  id: number | bigint
  /** text */
  owner: string
  /** public.price */
  balance: string | null
  /** public.mood */
  mood: 'sad' | 'it\\'s "ok"' | 'calm' | 'happy'
  /** public.mood[] */
  moods: ArrayValue<'sad' | 'it\\'s "ok"' | 'calm' | 'happy'> | null
  /** public.needed_mood */
  must: 'sad' | 'it\\'s "ok"' | 'calm' | 'happy' | null
  /** text[] */
  tags: ArrayValue<string>
  /** jsonb */
  data: JsonValue | null
  /** bytea */
  photo: Buffer | null
  /** timestamp with time zone */
  at: string | null
  /** real */
  'odd name': number | null
  /** text; protected by mask: text */
  ssn: string
  /** text; derived */
  short: string | null
}

/** Row types by table, for \`defineProcessor<Tables>\`. */
export interface Tables {
  'public.Odd */ table': PublicOddTable
  'public.account': PublicAccount
}
`

const processor = `
import { defineProcessor, json } from '@tidemark/kcop'
import type { PublicAccount, Tables } from './rows.ts'

export default defineProcessor<Tables>({
  name: 'typed',
  process(operation, out) {
    if (operation.tableName === 'public.account' && operation.kind === 'insert') {
      const row: PublicAccount = operation.after.toObject()
      const mood: 'sad' | 'it\\'s "ok"' | 'calm' | 'happy' = operation.after.value('mood')
      const odd: number | null = row['odd name']
      out.send({ topic: 'a', key: operation.key, value: json({ mood, odd, picked: operation.after.pick('id', 'tags') }) })
      // @ts-expect-error a column the table has not
      operation.after.value('moode')
      // @ts-expect-error a column that never leaves
      operation.after.text('secret')
      // @ts-expect-error it may be null
      row.at.slice(0, 10)
    }
    if (operation.tableName === 'public.account' && operation.kind === 'update') {
      // @ts-expect-error a large value may not have been sent
      const owner: string = operation.after.toObject().owner
      out.send({ topic: 'a', key: operation.key, value: owner })
    }
    // @ts-expect-error no such table
    if (operation.tableName === 'public.acount') return
    out.default(operation)
  }
})
`

function scratch(t: TestContext): string {
  mkdirSync(join(root, '.tidemark'), { recursive: true })
  const folder = mkdtempSync(join(root, '.tidemark', 'types-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return folder
}

const configured = `
public.account: {columns: {ssn: {mask: {keepLast: 2}}, secret: drop, short: {expression: "upper(owner)"}}}
"public.Odd */ table": {topic: odd}`

it('writes rows as processors see them, the same text each time, and a processor compiles against it', async t => {
  const fixture = await useSubscription(t)
  const folder = scratch(t)
  await fixture.sql(schema)
  fixture.configure(configured.trim())
  const answer = await fixture.tidemark('types')
  assert.deepEqual(answer, { code: 0, out: expected(fixture.name), err: '', questions: [] })
  const file = join(folder, 'rows.ts')
  const written = await fixture.tidemark('types', '--out', file)
  assert.deepEqual([written.code, written.out], [0, `wrote ${file}: 2 tables\n`])
  assert.equal(readFileSync(file, 'utf8'), answer.out)

  writeFileSync(join(folder, 'processor.ts'), processor)
  const options = { extends: '../../tsconfig.json', include: ['*.ts'], exclude: [] }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(options))
  const compiler = join(root, 'node_modules', '.bin', 'tsc')
  const { status, stdout } = spawnSync(compiler, ['-p', folder, '--noEmit'], { encoding: 'utf8' })
  assert.equal(status, 0, stdout)
})

it('names a table that is not there, a column rule that fits none, and a file that cannot be written', async t => {
  const fixture = await useSubscription(t)
  await fixture.sql('CREATE TABLE a (id int PRIMARY KEY)')
  fixture.configure('public.nothing: {}')
  const missing = await fixture.tidemark('types', '--json')
  assert.equal(missing.code, 1)
  assert.match(missing.out, /"code": "TABLE_MISSING"[\s\S]*public\.nothing does not exist/)
  fixture.configure('public.a: {columns: {ssn: drop}}')
  const strange = await fixture.tidemark('types')
  assert.match(strange.err, /COLUMN_UNKNOWN.*column ssn/)
  fixture.configure('public.a: {}')
  const unwritable = await fixture.tidemark(
    'types',
    '--out',
    join(root, '.tidemark', 'no', 'such', 'folder', 'rows.ts')
  )
  assert.deepEqual([unwritable.code, /rows\.ts cannot be written/.test(unwritable.err)], [2, true])
})
