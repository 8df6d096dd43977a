import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { CapturedDatabase, changes } from './testing/captured-database.ts'

const setup = 'CREATE TABLE account (id int PRIMARY KEY, note text)'
const account = { schema: 'public', name: 'account' }
const often = { tables: [account], tablesCheckMs: 20 }
/** Only what the stream itself says is looked at. */
const never = { tables: [account], tablesCheckMs: 2_000_000_000 }

const notSent = (error: unknown): boolean => {
  assert.ok(isTidemarkError(error, 'PUBLICATION_UNSUITABLE'), String(error))
  assert.match(error.message, /captured does not send public\.account/)
  return true
}

test('a configured table that the publication does not send is refused before anything is read', async t => {
  const database = await CapturedDatabase.create(
    t,
    `${setup}; CREATE TABLE other (id int PRIMARY KEY)`,
    'FOR TABLE other'
  )
  await assert.rejects(database.capture(database.start, never), notSent)
})

for (const [what, rename] of [
  ['renamed', 'ALTER TABLE account RENAME TO customer'],
  ['moved to another schema', 'CREATE SCHEMA s; ALTER TABLE account SET SCHEMA s']
] as const) {
  test(`a table that was ${what} stops the stream before its first row under the other name`, async t => {
    const database = await CapturedDatabase.create(t, setup, 'FOR TABLE account')
    const capture = await database.capture(database.start, never)
    await database.query(rename)
    await database.query(`INSERT INTO ${what === 'renamed' ? 'customer' : 's.account'} VALUES (1, 'x')`)
    await assert.rejects(database.untilMarked(capture), notSent)
    assert.deepEqual(changes(capture.receiver.log), [])
  })
}

for (const [what, statement] of [
  ['dropped and made again', `DROP TABLE account; ${setup}`],
  ['taken out of the publication', 'ALTER PUBLICATION captured DROP TABLE account']
] as const) {
  test(`a table that was ${what} stops the stream, although nothing comes of it`, async t => {
    const database = await CapturedDatabase.create(
      t,
      `${setup}; CREATE TABLE other (id int)`,
      'FOR TABLE account, other'
    )
    const { running } = await database.capture(database.start, often)
    await database.query(statement)
    await assert.rejects(running, notSent)
  })
}

test('changes made under a name a table had meanwhile come under the configured one', async t => {
  const database = await CapturedDatabase.create(t, setup, 'FOR TABLE account')
  await database.query('ALTER TABLE account RENAME TO customer')
  await database.query("INSERT INTO customer VALUES (1, 'x')")
  await database.query('ALTER TABLE customer RENAME TO account')
  await database.query("INSERT INTO account VALUES (2, 'y')")
  assert.deepEqual(changes(await database.captureAll(database.start, often)), [
    'schema public.account v1 (id int4 key, note text)',
    '0 insert public.account after 1|x',
    '0 insert public.account after 2|y'
  ])
})
