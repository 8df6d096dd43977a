import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import pg from 'pg'
import { usePostgres } from '../../test/support/postgres.ts'
import { inspectTables, lacksIdentity } from './catalog.ts'
import { inspectPublication, inspectRole, inspectServer, openWriters } from './inspection.ts'
import { applyPublication, planPublication, type PublicationWish } from './publication.ts'
import { readSlot } from './slot-state.ts'
import { SqlSession } from './sql-session.ts'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'

interface Database {
  url: string
  name: string
  client: pg.Client
  sql: SqlSession
}

async function database(t: TestContext, setup = 'SELECT 1'): Promise<Database> {
  const { url, name } = await (await usePostgres(t)).createDatabase()
  const client = new pg.Client(url)
  await client.connect()
  const sql = new SqlSession({ url })
  t.after(() => Promise.all([client.end(), sql.close()]))
  await client.query(setup)
  return { url, name, client, sql }
}

const named = (name: string) => ({ schema: 'public', name })

test('the server tells its version, its settings and what of them is used', async t => {
  const { sql, name, client } = await database(t)
  await client.query(`SELECT pg_create_logical_replication_slot('${name}', 'pgoutput')`)
  const facts = await sql.do('testing', inspectServer)
  assert.ok(facts.version >= 140_000)
  assert.equal(facts.walLevel, 'logical')
  assert.equal(facts.inRecovery, false)
  assert.ok(facts.usedReplicationSlots >= 1 && facts.usedReplicationSlots <= facts.maxReplicationSlots)
  assert.ok(facts.usedWalSenders <= facts.maxWalSenders)
  assert.equal(facts.walSenderTimeoutMs, 60_000)
  assert.equal(facts.maxSlotWalKeepMb, -1)
  assert.equal(facts.idleReplicationSlotTimeoutS, facts.version < 180_000 ? null : 0)
  assert.equal(facts.synchronizedStandbySlots, facts.version < 170_000 ? null : '')
  assert.equal(typeof facts.walPosition, 'bigint')
})

test('a slot tells its state; a missing one is null', async t => {
  const { sql, name, client } = await database(t)
  await client.query(`SELECT pg_create_logical_replication_slot('${name}', 'pgoutput')`)
  const slot = (await sql.do('testing', session => readSlot(session, name)))!
  assert.deepEqual(
    [slot.plugin, slot.database, slot.activePid, slot.walStatus, slot.temporary, slot.twoPhase],
    ['pgoutput', name, null, 'reserved', false, false]
  )
  const { version } = await sql.do('testing', inspectServer)
  assert.equal(slot.failover, version < 170_000 ? null : false)
  assert.equal(slot.invalidationReason, null)
  assert.ok(slot.confirmedFlushLsn! >= slot.restartLsn!)
  assert.ok(slot.retainedBytes! >= slot.lagBytes! && slot.lagBytes! >= 0n)
  assert.equal(await sql.do('testing', session => readSlot(session, 'nobody')), null)
})

test('the role tells what it may', async t => {
  const { sql, name } = await database(t)
  assert.deepEqual(await sql.do('testing', inspectRole), {
    name: 'postgres',
    superuser: true,
    replication: true,
    createInDatabase: true,
    database: name
  })
})

test('a deferrable key is told, which the server takes for no identity', async t => {
  const { sql, client } = await database(
    t,
    `CREATE TABLE deferred (id int PRIMARY KEY DEFERRABLE, note text); INSERT INTO deferred VALUES (1);
     CREATE PUBLICATION p FOR TABLE deferred`
  )
  const [facts] = await sql.do('testing', session => inspectTables(session, [named('deferred')]))
  assert.equal(lacksIdentity(facts!), true)
  await assert.rejects(client.query('UPDATE deferred SET note = 1'), { code: '55000' })
})

test('partitions with another identity than their table are told', async t => {
  const { sql } = await database(
    t,
    `CREATE TABLE root (id int PRIMARY KEY) PARTITION BY RANGE (id);
     CREATE TABLE low PARTITION OF root FOR VALUES FROM (0) TO (10);
     CREATE TABLE high PARTITION OF root FOR VALUES FROM (10) TO (20);
     ALTER TABLE root REPLICA IDENTITY FULL; ALTER TABLE low REPLICA IDENTITY FULL`
  )
  const [facts] = await sql.do('testing', session => inspectTables(session, [named('root')]))
  assert.deepEqual(facts!.unlikePartitions, [named('high')])
})

test('tables tell kind, key, identity and what stands against capturing them', async t => {
  const { sql } = await database(
    t,
    `CREATE TABLE plain (b int, a int, note text, twice int GENERATED ALWAYS AS (a * 2) STORED, PRIMARY KEY (a, b));
     CREATE TABLE keyless (id int);
     CREATE UNLOGGED TABLE fleeting (id int PRIMARY KEY);
     CREATE TABLE root (id int PRIMARY KEY) PARTITION BY RANGE (id);
     CREATE TABLE part PARTITION OF root FOR VALUES FROM (0) TO (10);
     CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child () INHERITS (parent);
     CREATE VIEW shown AS SELECT 1 AS one;
     CREATE TABLE "Odd ""name" (id int PRIMARY KEY, k int NOT NULL UNIQUE);
     ALTER TABLE "Odd ""name" REPLICA IDENTITY USING INDEX "Odd ""name_k_key";
     ALTER TABLE plain DROP note`
  )
  const names = ['plain', 'keyless', 'fleeting', 'root', 'part', 'parent', 'shown', 'Odd "name', 'missing'].map(named)
  const tables = await sql.do('testing', client => inspectTables(client, names))
  assert.deepEqual(
    tables.map(table => [table.name, table.kind, table.persistence, table.hasChildren, table.root?.name ?? null]),
    [
      ['plain', 'table', 'permanent', false, null],
      ['keyless', 'table', 'permanent', false, null],
      ['fleeting', 'table', 'unlogged', false, null],
      ['root', 'partitioned', 'permanent', false, null],
      ['part', 'partition', 'permanent', false, 'root'],
      ['parent', 'table', 'permanent', true, null],
      ['shown', 'view', 'permanent', false, null],
      ['Odd "name', 'table', 'permanent', false, null]
    ]
  )
  const [plain, keyless] = tables
  assert.deepEqual(plain!.primaryKey, ['a', 'b'])
  assert.deepEqual(
    plain!.columns.map(({ name, generated, notNull }) => [name, generated, notNull]),
    [
      ['b', 'no', true],
      ['a', 'no', true],
      ['twice', 'stored', false]
    ]
  )
  const odd = tables.at(-1)!
  assert.deepEqual([odd.replicaIdentity, odd.identityIndex, odd.primaryKey], ['index', ['k'], ['id']])
  assert.deepEqual(
    [plain, keyless, odd].map(table => lacksIdentity(table!)),
    [false, true, false]
  )
  assert.ok(tables.every(table => table.owned && table.readable && !table.rowSecurity))
})

test('row security that would thin a copy shows for the role it applies to', async t => {
  const { client, sql, url, name } = await database(
    t,
    `CREATE TABLE secret (id int PRIMARY KEY); ALTER TABLE secret ENABLE ROW LEVEL SECURITY;
     CREATE POLICY none ON secret USING (false)`
  )
  const role = `reader_${name}`
  await client.query(`CREATE ROLE ${role} LOGIN PASSWORD 'x'; GRANT SELECT ON secret TO ${role}`)
  const other = new URL(url)
  Object.assign(other, { username: role, password: 'x' })
  const theirs = new SqlSession({ url: other.href })
  const [seen] = await theirs.do('testing', session => inspectTables(session, [named('secret')]))
  assert.deepEqual([seen!.rowSecurity, seen!.owned, seen!.readable], [true, false, true])
  const [ours] = await sql.do('testing', session => inspectTables(session, [named('secret')]))
  assert.equal(ours!.rowSecurity, false)
  await assert.rejects(
    applyPublication(theirs, { url: other.href }, planPublication(null, wish(['secret']))),
    error =>
      isTidemarkError(error, 'POSTGRES_PERMISSION') && error.cure.includes('CREATE PUBLICATION "wished" FOR TABLE')
  )
  await theirs.close()
  await client.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`)
})

test('transactions that have written and are open are shown, prepared ones too', async t => {
  const { client, sql, url, name } = await database(t, 'CREATE TABLE account (id int)')
  const other = new pg.Client({ connectionString: url, application_name: 'writer' })
  await other.connect()
  await other.query('BEGIN; INSERT INTO account VALUES (1)')
  await client.query(`BEGIN; INSERT INTO account VALUES (2); PREPARE TRANSACTION '${name}'`)
  const writers = (await sql.do('testing', openWriters)).filter(writer => writer.database === name)
  assert.deepEqual(writers.map(writer => [writer.applicationName, writer.prepared, writer.state]).sort(), [
    ['', name, 'prepared'],
    ['writer', null, 'idle in transaction']
  ])
  assert.ok(writers.every(writer => writer.ageSeconds >= 0 && (writer.pid === null) === (writer.prepared !== null)))
  await client.query(`ROLLBACK PREPARED '${name}'`)
  await other.end()
})

function wish(tables: string[], change: Partial<PublicationWish> = {}): PublicationWish {
  const changes = ['insert', 'update', 'delete', 'truncate'] as const
  return { name: 'wished', tables: tables.map(named), changes, viaRoot: false, ...change }
}

test('a publication is made, changed to what is wished, and then needs nothing', async t => {
  const { sql, url } = await database(
    t,
    'CREATE TABLE one (id int PRIMARY KEY, a int); CREATE TABLE two (id int PRIMARY KEY); CREATE TABLE "Odd ""x" (id int PRIMARY KEY)'
  )
  const inspect = () => sql.do('testing', client => inspectPublication(client, 'wished'))
  assert.equal(await inspect(), null)
  for (const wished of [
    wish(['one']),
    wish(['one', 'two', 'Odd "x'], { viaRoot: true }),
    wish(['Odd "x'], { changes: ['insert'] }),
    wish([], {})
  ]) {
    await applyPublication(sql, { url }, planPublication(await inspect(), wished))
    const facts = (await inspect())!
    assert.deepEqual(facts.tables.map(table => table.name).sort(), wished.tables.map(table => table.name).sort())
    assert.deepEqual([facts.viaRoot, facts.update], [wished.viaRoot, wished.changes.includes('update')])
    assert.deepEqual(planPublication(facts, wished), [])
  }
})

test('column lists and row filters that somebody set are seen and left alone', async t => {
  const { sql } = await database(
    t,
    `CREATE TABLE one (id int PRIMARY KEY, a int, b int);
     CREATE PUBLICATION wished FOR TABLE one (id, b) WHERE (id > 5)`
  )
  const facts = (await sql.do('testing', client => inspectPublication(client, 'wished')))!
  assert.deepEqual(facts.tables, [{ schema: 'public', name: 'one', columns: ['id', 'b'], filter: '(id > 5)' }])
  assert.deepEqual(planPublication(facts, wish(['one'])), [])
})

test('a publication of all tables or of schemas is refused', async t => {
  for (const what of ['ALL TABLES', 'TABLES IN SCHEMA public']) {
    const { sql } = await database(t, `CREATE PUBLICATION wished FOR ${what}`)
    const facts = await sql.do('testing', client => inspectPublication(client, 'wished'))
    assert.throws(
      () => planPublication(facts, wish(['one'])),
      error => isTidemarkError(error, 'PUBLICATION_UNSUITABLE')
    )
  }
})

test('a publication that cannot be made leaves nothing behind', async t => {
  const { sql, url } = await database(t, 'CREATE UNLOGGED TABLE fleeting (id int PRIMARY KEY)')
  const apply = (tables: string[]) => applyPublication(sql, { url }, planPublication(null, wish(tables)))
  await assert.rejects(apply(['missing']), error => isTidemarkError(error, 'TABLE_MISSING'))
  await assert.rejects(apply(['fleeting']), error => isTidemarkError(error, 'PUBLICATION_UNSUITABLE'))
  assert.equal(await sql.do('testing', client => inspectPublication(client, 'wished')), null)
})
