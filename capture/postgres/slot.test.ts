import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import pg from 'pg'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { usePostgres } from '../../test/support/postgres.ts'
import { systemSourceClock } from '../system-surroundings.ts'
import { inspectServer, type OpenWriter } from './inspection.ts'
import { createSlot, dropSlot, type SlotCreation } from './slot.ts'
import { readSlot } from './slot-state.ts'
import { SqlSession } from './sql-session.ts'

async function creation(t: TestContext): Promise<SlotCreation & { client: pg.Client }> {
  const { url, name } = await (await usePostgres(t)).createDatabase()
  const client = new pg.Client({ connectionString: url, application_name: 'writer' })
  await client.connect()
  const sql = new SqlSession({ url })
  t.after(() => Promise.all([client.end(), sql.close()]))
  await client.query('CREATE TABLE account (id int PRIMARY KEY)')
  const { signal } = new AbortController()
  return { session: { url }, sql, clock: systemSourceClock, slot: `${name}_slot`, signal, client }
}

/** As a clock, but what is to be done after a while is done at once. */
const hastyClock = { ...systemSourceClock, after: (_ms: number, task: () => void) => systemSourceClock.after(1, task) }

test('a slot is created with the rows committed before it, and none after', async t => {
  const all = await creation(t)
  await all.client.query('INSERT INTO account VALUES (1)')
  const created = await createSlot(all)
  await all.client.query('INSERT INTO account VALUES (2)')
  const reader = new pg.Client(all.session.url)
  await reader.connect()
  await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
  await reader.query(`SET TRANSACTION SNAPSHOT '${created.snapshot}'`)
  const { rows } = await reader.query('SELECT id FROM account')
  await reader.end()
  await created.release()
  assert.deepEqual(rows, [{ id: 1 }])
  const slot = await all.sql.do('testing', client => readSlot(client, all.slot))
  assert.equal(slot!.confirmedFlushLsn, created.consistentPoint)
})

test('creating waits aloud for open transactions that have written, and names them', async t => {
  const all = await creation(t)
  await all.client.query('BEGIN; INSERT INTO account VALUES (1)')
  const { promise, resolve } = Promise.withResolvers<OpenWriter>()
  const onWaiting = (writers: readonly OpenWriter[]): void => {
    const ours = writers.find(writer => writer.applicationName === 'writer')
    if (ours) resolve(ours)
  }
  const creating = createSlot({ ...all, clock: hastyClock, onWaiting })
  const writer = await promise
  assert.equal(writer.pid, (all.client as unknown as { processID: number }).processID)
  await all.client.query('COMMIT')
  await (await creating).release()
})

test('creating that is aborted while it waits leaves no slot', async t => {
  const all = await creation(t)
  await all.client.query('BEGIN; INSERT INTO account VALUES (1)')
  const abort = new AbortController()
  const reason = new Error('enough')
  const onWaiting = (): void => abort.abort(reason)
  await assert.rejects(createSlot({ ...all, clock: hastyClock, onWaiting, signal: abort.signal }), reason)
  await all.client.query('COMMIT')
  await all.client.query('CREATE TABLE after_all (id int)')
  // The server ends the backend when it next looks at its connection: at the latest when the slot would be ready.
  for (;;) {
    const { rowCount } = await all.client.query(
      "SELECT FROM pg_stat_activity WHERE backend_type = 'walsender' AND datname = current_database()"
    )
    if (rowCount === 0) break
  }
  assert.equal(await all.sql.do('testing', client => readSlot(client, all.slot)), null)
})

test('a slot that exists, a name that cannot be and a role that may not are named', async t => {
  const all = await creation(t)
  await (await createSlot(all)).release()
  await assert.rejects(createSlot(all), error => isTidemarkError(error, 'SLOT_EXISTS'))
  await assert.rejects(createSlot({ ...all, slot: 'Not-a-slot' }), error => isTidemarkError(error, 'CONFIG_INVALID'))
  const role = `plain_${all.slot}`
  await all.client.query(`CREATE ROLE ${role} LOGIN PASSWORD 'x'`)
  const url = new URL(all.session.url)
  Object.assign(url, { username: role, password: 'x' })
  await assert.rejects(createSlot({ ...all, session: { url: url.href }, slot: `${all.slot}_2` }), error =>
    isTidemarkError(error, 'POSTGRES_PERMISSION')
  )
  await all.client.query(`DROP ROLE ${role}`)
})

test('a failover slot is one, where the server has such', async t => {
  const all = await creation(t)
  const { version } = await all.sql.do('testing', inspectServer)
  await (await createSlot({ ...all, failover: true })).release()
  assert.equal(
    (await all.sql.do('testing', client => readSlot(client, all.slot)))!.failover,
    version < 170_000 ? null : true
  )
})

test('dropping tells whether there was a slot', async t => {
  const all = await creation(t)
  await (await createSlot(all)).release()
  assert.equal(await dropSlot(all.sql, all.slot), true)
  assert.equal(await dropSlot(all.sql, all.slot), false)
})
