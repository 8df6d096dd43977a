import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import pg from 'pg'
import { startPostgres } from './postgres.ts'

async function ask(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

test('what was committed is there after a crash and a restart, and gone after the stop', async t => {
  const server = await startPostgres()
  t.after(() => server.stop())
  await ask(server.url, 'CREATE TABLE kept (id int PRIMARY KEY); INSERT INTO kept VALUES (7)')
  await server.crash()
  await assert.rejects(ask(server.url, 'SELECT 1'))
  await server.restart()
  assert.deepEqual(await ask(server.url, 'SELECT id FROM kept'), [{ id: 7 }])
  await server.stop()
  assert.equal(existsSync(server.dataDirectory), false)
})

test('settings are taken, and a server that cannot start says why', async t => {
  const server = await startPostgres({ durable: false, settings: { max_wal_senders: 3 } })
  t.after(() => server.stop())
  assert.deepEqual(await ask(server.url, 'SHOW max_wal_senders'), [{ max_wal_senders: '3' }])
  assert.deepEqual(await ask(server.url, 'SHOW fsync'), [{ fsync: 'off' }])
  await assert.rejects(startPostgres({ settings: { no_such_setting: 1 } }), /no_such_setting/)
})
