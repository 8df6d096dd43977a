import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { usePostgres } from './postgres.ts'

test('a test database is real PostgreSQL 18 with logical decoding', async t => {
  const { url } = await (await usePostgres(t)).createDatabase()
  const client = new pg.Client(url)
  await client.connect()
  t.after(() => client.end())
  const { rows } = await client.query(
    "SELECT current_setting('wal_level') AS level, current_setting('server_version_num') AS version"
  )
  assert.equal(rows[0].level, 'logical')
  assert.ok(Number(rows[0].version) >= 180000)
  await client.query("SELECT pg_create_logical_replication_slot(current_database() || '_slot', 'pgoutput')")
})

test('two databases of one test are apart', async t => {
  const postgres = await usePostgres(t)
  const [one, other] = await Promise.all([postgres.createDatabase(), postgres.createDatabase()])
  assert.notEqual(one.name, other.name)
})
