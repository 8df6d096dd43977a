import assert from 'node:assert/strict'
import { test } from 'node:test'
import type pg from 'pg'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { startPostgres } from '../../services/postgres.ts'
import { until } from '../../test/support/until.ts'
import { systemSourceClock } from '../system-surroundings.ts'
import { SqlSession } from './sql-session.ts'
import { CapturedDatabase, changes } from './testing/captured-database.ts'
import { untilVisible } from './visibility.ts'

test('a transaction decoded before its commit is visible waits, and its table has the key it was given in it', async t => {
  // Under synchronous replication without a standby that answers, a commit is flushed, decoded, and visible to nobody.
  const server = await startPostgres({ durable: false })
  const database = await CapturedDatabase.create(
    t,
    `CREATE TABLE account (id int, iban text NOT NULL, PRIMARY KEY (id));
     ALTER TABLE account REPLICA IDENTITY FULL;`,
    'FOR ALL TABLES',
    server.url
  )
  t.after(() => server.stop())
  const capture = await database.capture()
  const standby = async (name: string): Promise<void> => {
    await database.query(`ALTER SYSTEM SET synchronous_standby_names = '${name}'`)
    await database.query('SELECT pg_reload_conf()')
  }
  await standby('nobody')
  const writer = await database.session()
  await until(
    async () => (await writer.query('SHOW synchronous_standby_names')).rows[0].synchronous_standby_names !== ''
  )
  const written = writer.query(`
    BEGIN; ALTER TABLE account DROP CONSTRAINT account_pkey, ADD PRIMARY KEY (iban);
    INSERT INTO account VALUES (1, 'DE1'); COMMIT`)
  await until(() => capture.receiver.log.some(line => line.startsWith('begin')))
  assert.deepEqual(changes(capture.receiver.log), [])
  await database.query('SET synchronous_commit = local')
  await standby('')
  await written
  await database.untilMarked(capture)
  assert.equal(changes(capture.receiver.log)[0], 'schema public.account v1 (id int4, iban text key)')
})

test('closing ends the wait; a minute of it is CATALOGUE_BEHIND', async t => {
  const database = await CapturedDatabase.create(t, 'CREATE TABLE a (id int PRIMARY KEY)', 'FOR TABLE a')
  const open = await database.session()
  const { rows } = await open
    .query<{ xid: string }>('BEGIN; SELECT pg_current_xact_id()::xid::text AS xid')
    .then(results => (results as unknown as pg.QueryResult<{ xid: string }>[])[1]!)
  const xid = Number(rows[0]!.xid)
  const sql = new SqlSession({ url: database.url })
  t.after(() => sql.close())
  const closing = new AbortController()
  let nowMs = 0
  const clock = {
    ...systemSourceClock,
    steadyMs: () => nowMs,
    delay: (ms: number, signal?: AbortSignal) => {
      nowMs += ms
      signal?.throwIfAborted()
      return Promise.resolve()
    }
  }
  await assert.rejects(untilVisible(sql, clock, xid, closing.signal), error =>
    isTidemarkError(error, 'CATALOGUE_BEHIND')
  )
  assert.ok(nowMs > 60_000)
  closing.abort(new Error('closed'))
  await assert.rejects(untilVisible(sql, clock, xid, closing.signal), /closed/)
  await open.query('COMMIT')
  await untilVisible(sql, clock, xid, new AbortController().signal)
})
