import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import pg from 'pg'
import { lsnToBytes } from '@tidemark/schemas/position.ts'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { usePostgres } from '../../test/support/postgres.ts'
import { systemSourceClock } from '../system-surroundings.ts'
import { PostgresSource } from './postgres-source.ts'
import { createSlot, type CreatedSlot } from './slot.ts'
import { SnapshotCopy, type SnapshotCopyOptions } from './snapshot-copy.ts'
import { SqlSession } from './sql-session.ts'
import { changes } from './testing/captured-database.ts'
import { RecordingReceiver } from './testing/recording-receiver.ts'

interface Prepared {
  client: pg.Client
  created: CreatedSlot
  url: string
  slot: string
  open(options?: Partial<SnapshotCopyOptions>): Promise<SnapshotCopy>
}

async function prepared(t: TestContext, setup: string, publication: string): Promise<Prepared> {
  const { url, name } = await (await usePostgres(t)).createDatabase()
  const client = new pg.Client(url)
  await client.connect()
  const sql = new SqlSession({ url })
  await client.query(setup)
  await client.query(`CREATE PUBLICATION copied ${publication}`)
  const slot = `${name}_slot`
  const created = await createSlot({
    session: { url },
    sql,
    clock: systemSourceClock,
    slot,
    signal: new AbortController().signal
  })
  t.after(() => Promise.all([client.end(), sql.close(), created.release()]))
  const { snapshot, consistentPoint: position } = created
  const open = async (options: Partial<SnapshotCopyOptions> = {}): Promise<SnapshotCopy> => {
    const copy = await SnapshotCopy.open({
      url,
      clock: systemSourceClock,
      publication: 'copied',
      snapshot,
      position,
      ...options
    })
    t.after(() => copy.close())
    return copy
  }
  return { client, created, url, slot, open }
}

test("present rows come as inserts in bounded transactions, table after table, all at the slot's position", async t => {
  const setup = `
    CREATE TABLE b (id int PRIMARY KEY, note text); INSERT INTO b SELECT i, 'n' || i FROM generate_series(1, 5) i;
    CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1); CREATE TABLE empty (id int PRIMARY KEY)`
  const { open, created } = await prepared(t, setup, 'FOR TABLE a, b, empty')
  const receiver = new RecordingReceiver()
  const copy = await open({ chunkRowsMax: 2 })
  assert.deepEqual(
    copy.tables.map(table => table.qualifiedName),
    ['public.a', 'public.b', 'public.empty']
  )
  await copy.run(receiver)
  assert.deepEqual(
    receiver.log.map(line => line.replace(/ at .*/, '').replace(/^commit .*/, 'commit')),
    [
      'schema public.a v1 (id int4 key)',
      'begin refresh:public.a:0',
      '0 insert public.a after 1',
      'commit',
      'schema public.b v1 (id int4 key, note text)',
      'begin refresh:public.b:0',
      '0 insert public.b after 1|n1',
      '1 insert public.b after 2|n2',
      'commit',
      'begin refresh:public.b:1',
      '0 insert public.b after 3|n3',
      '1 insert public.b after 4|n4',
      'commit',
      'begin refresh:public.b:2',
      '0 insert public.b after 5|n5',
      'commit',
      'schema public.empty v1 (id int4 key)'
    ]
  )
  assert.ok(receiver.positions.every(position => Buffer.compare(lsnToBytes(created.consistentPoint), position) === 0))
  assert.ok(receiver.log.filter(line => line.startsWith('begin')).every(line => line.endsWith(' refresh')))
})

const everyType = `
  CREATE TYPE mood AS ENUM ('sad', 'with ''quote');
  CREATE DOMAIN cents AS numeric(10, 2);
  CREATE TYPE pair AS (a int, b text);
  CREATE TABLE typed (
    id int PRIMARY KEY, bool bool, i2 int2, i8 int8, o oid, f4 float4, f8 float8, n numeric, n2 numeric(20, 5), m money,
    t text, v varchar(20), c char(5), ch "char", na name, ba bytea, d date, ti time, tz timetz, ts timestamp,
    tstz timestamptz, iv interval, u uuid, j json, jb jsonb, jp jsonpath, x xml, b bit(5), vb varbit, ine inet, ci cidr,
    ma macaddr, ma8 macaddr8, pt point, l line, ls lseg, bx box, p path, po polygon, ci2 circle, tv tsvector,
    tq tsquery, r int4range, mr int4multirange, tr tstzrange, lsn pg_lsn, xid xid8, rc regclass, mo mood, ce cents,
    pr pair, ia int[], ta text[][], ba2 bytea[], boxes box[], moods mood[])`
const aRow = `
  INSERT INTO typed VALUES (
    $id, true, -32768, 9223372036854775807, 4294967295, 1.1, 'Infinity', '123456789012345678901234567890.123456789',
    'NaN', 12.34, E'tab\\there\\\\N "quoted" \\n é €', 'v', 'c', 'x', 'name', '\\x00ff5c6e', '0044-03-15 BC',
    '23:59:59.999999', '12:00:00.5+02:30', 'infinity', '2024-02-29 12:34:56.789012+02', '-1 year 2 mons -3 days 04:05:06.7',
    'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{"a" : [1, "x\\ty"]}', '{"b": 1e400}', '$.a[*]', '<a b="c">d</a>', '10101',
    '101', '10.0.0.1/8', '10.0.0.0/8', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', '(1.1,2)', '{1,2,3}',
    '[(1,2),(3,4)]', '(1,2),(3,4)', '[(1,2),(3,4)]', '((1,2),(3,4),(5,6))', '<(1,2),3>', 'a fat:1A cat', 'fat & !cat',
    '[1,5)', '{[1,2),[5,7)}', '["2024-01-01 00:00+00","2024-02-01 00:00+00")', '16/B374D848', '42', 'pg_catalog.pg_class',
    'with ''quote', 3, ROW(1, E'x,"\\\\y'), '{1,NULL,3}', '{{a,"b c"},{NULL,"d\\"\\\\"}}', '{"\\\\x0102"}',
    '{(2,2),(1,1);(4,4),(3,3)}', '{sad,"with ''quote"}')`

test('a copied row has the same text, byte for byte, as the row in the log', async t => {
  const { client, open, url, slot, created } = await prepared(
    t,
    `${everyType};${aRow.replace('$id', '1')}`,
    'FOR TABLE typed'
  )
  await client.query(aRow.replace('$id', '2'))
  await client.query('INSERT INTO typed (id) VALUES (3)')
  const copied = new RecordingReceiver()
  await (await open()).run(copied)
  await created.release()
  const source = new PostgresSource({ url, slot, publication: 'copied', clock: systemSourceClock })
  const connection = await source.open(new AbortController().signal)
  const streamed = new RecordingReceiver()
  const running = connection.run(streamed, lsnToBytes(created.consistentPoint))
  await streamed.until(({ positions }) => positions.length === 2)
  await connection.close()
  await running
  assert.equal(copied.log.length, 4)
  const inserts = changes(streamed.log).filter(line => line.includes(' insert '))
  assert.equal(inserts[0]!.replace('after 2|', 'after 1|'), changes(copied.log)[1])
  assert.deepEqual(streamed.tables[0], copied.tables[0])
  assert.match(inserts[1]!, /after 3(\|null)+$/)
})

test('rows written while the slot is made come once: in the copy or in the log', async t => {
  const { url } = await (await usePostgres(t)).createDatabase()
  const client = new pg.Client(url)
  await client.connect()
  t.after(() => client.end())
  await client.query('CREATE TABLE account (id serial PRIMARY KEY, writer int)')
  await client.query('CREATE PUBLICATION copied FOR TABLE account')
  const enough = new AbortController()
  const writers = Array.from({ length: 4 }, async (_, writer) => {
    const session = new pg.Client(url)
    await session.connect()
    while (!enough.signal.aborted) await session.query(`INSERT INTO account (writer) VALUES (${writer})`)
    await session.end()
  })
  const sql = new SqlSession({ url })
  const slot = `slot_${process.pid}_${Date.now()}`
  const { signal } = new AbortController()
  const created = await createSlot({ session: { url }, sql, clock: systemSourceClock, slot, signal })
  const copied = new RecordingReceiver()
  const { snapshot, consistentPoint: position } = created
  const copy = await SnapshotCopy.open({ url, clock: systemSourceClock, publication: 'copied', snapshot, position })
  await created.release()
  await copy.run(copied)
  await copy.close()
  enough.abort()
  await Promise.all(writers)
  const { rows } = await client.query('SELECT id, writer FROM account ORDER BY id')
  const source = new PostgresSource({ url, slot, publication: 'copied', clock: systemSourceClock })
  const connection = await source.open(signal)
  const running = connection.run(copied, lsnToBytes(position))
  const inserted = (): string[] => copied.log.filter(line => line.includes(' insert '))
  await copied.until(() => inserted().length >= rows.length && copied.log.at(-1)!.startsWith('commit'))
  await connection.close()
  await running
  await sql.close()
  const seen = inserted().map(line => line.replace(/.* after /, ''))
  assert.deepEqual(seen.sort(), rows.map(({ id, writer }) => `${id}|${writer}`).sort())
})

test('columns left out, row filters, generated columns, partitions and children are as published', async t => {
  const setup = `
    CREATE TABLE listed (id int PRIMARY KEY, secret text, note text); INSERT INTO listed VALUES (1, 's', 'n'), (9, 's', 'm');
    CREATE TABLE computed (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) STORED); INSERT INTO computed VALUES (1);
    CREATE TABLE root (id int PRIMARY KEY) PARTITION BY RANGE (id);
    CREATE TABLE part PARTITION OF root FOR VALUES FROM (0) TO (10); INSERT INTO root VALUES (3);
    CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child () INHERITS (parent); INSERT INTO child VALUES (7);
    INSERT INTO parent VALUES (6)`
  const tables = 'FOR TABLE listed (id, note) WHERE (id > 5), computed, root, ONLY parent'
  const { open } = await prepared(t, setup, `${tables} WITH (publish_via_partition_root = true)`)
  const receiver = new RecordingReceiver()
  await (await open()).run(receiver)
  assert.deepEqual(changes(receiver.log), [
    'schema public.computed v1 (id int4 key)',
    '0 insert public.computed after 1',
    'schema public.listed v1 (id int4 key, note text)',
    '0 insert public.listed after 9|m',
    'schema public.parent v1 (id int4 key)',
    '0 insert public.parent after 6',
    'schema public.root v1 (id int4 key)',
    '0 insert public.root after 3'
  ])
})

test('only the tables asked for are copied', async t => {
  const { open } = await prepared(
    t,
    'CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY)',
    'FOR TABLE a, b'
  )
  const copy = await open({ only: new Set(['public.b']) })
  assert.deepEqual(
    copy.tables.map(table => table.name),
    ['b']
  )
})

test('a chunk ends by bytes as well', async t => {
  const setup =
    "CREATE TABLE a (id int PRIMARY KEY, note text); INSERT INTO a SELECT i, repeat('x', 500) FROM generate_series(1, 10) i"
  const { open } = await prepared(t, setup, 'FOR TABLE a')
  const receiver = new RecordingReceiver()
  await (await open({ chunkBytesMax: 1000 })).run(receiver)
  assert.equal(receiver.positions.length, 5)
})

test('a paused copy hands nothing over; resumed, every row comes once', async t => {
  const setup =
    "CREATE TABLE a (id int PRIMARY KEY, note text); INSERT INTO a SELECT i, repeat('x', 100) FROM generate_series(1, 20000) i"
  const { open } = await prepared(t, setup, 'FOR TABLE a')
  const copy = await open()
  const receiver = new RecordingReceiver()
  const commit = receiver.commit.bind(receiver)
  let paused = false
  const operation = receiver.operation.bind(receiver)
  receiver.operation = one => {
    assert.equal(paused, false)
    operation(one)
  }
  receiver.commit = position => {
    commit(position)
    copy.pause()
    paused = true
    setImmediate(() => {
      paused = false
      copy.resume()
    })
  }
  await copy.run(receiver)
  const ids = receiver.log.flatMap(line => / after (\d+)\|/.exec(line)?.[1] ?? [])
  assert.deepEqual(
    ids.map(Number),
    Array.from({ length: 20_000 }, (_, index) => index + 1)
  )
})

test('a copy that is closed rejects, and the snapshot is given up', async t => {
  const setup =
    "CREATE TABLE a (id int PRIMARY KEY, note text); INSERT INTO a SELECT i, repeat('x', 1000) FROM generate_series(1, 20000) i"
  const { open, client } = await prepared(t, setup, 'FOR TABLE a')
  const copy = await open()
  const receiver = new RecordingReceiver()
  const running = copy.run(receiver)
  await receiver.until(({ positions }) => positions.length === 1)
  copy.pause()
  const closing = copy.close()
  await assert.rejects(running, error => isTidemarkError(error, 'REFRESH_INCOMPLETE'))
  await closing
  // The lock on the table is gone with it.
  await client.query('DROP TABLE a')
})

test('a snapshot that is gone is named', async t => {
  const { open, created } = await prepared(t, 'CREATE TABLE a (id int PRIMARY KEY)', 'FOR TABLE a')
  await created.release()
  await assert.rejects(open(), error => isTidemarkError(error, 'REFRESH_INCOMPLETE'))
})

test('row security makes the copy fail by name instead of thinning it, and so does a missing grant', async t => {
  const setup = 'CREATE TABLE secret (id int PRIMARY KEY); INSERT INTO secret VALUES (1)'
  const { open, client, slot, url } = await prepared(t, setup, 'FOR TABLE secret')
  const role = `reader_${slot}`
  await client.query(`CREATE ROLE ${role} LOGIN PASSWORD 'x'`)
  const theirs = new URL(url)
  Object.assign(theirs, { username: role, password: 'x' })
  const cure = (text: string) => (error: unknown) =>
    isTidemarkError(error, 'POSTGRES_PERMISSION') && error.cure.includes(text)
  await assert.rejects(open({ url: theirs.href }), cure(`GRANT SELECT ON "public"."secret" TO "${role}"`))
  await client.query(`GRANT SELECT ON secret TO ${role}; ALTER TABLE secret ENABLE ROW LEVEL SECURITY`)
  await client.query('CREATE POLICY none ON secret USING (false)')
  const copy = await open({ url: theirs.href })
  await assert.rejects(copy.run(new RecordingReceiver()), cure(`ALTER ROLE "${role}" BYPASSRLS`))
  await copy.close()
  await client.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`)
})

for (const [what, statement] of [
  ['rewritten', 'ALTER TABLE a ALTER COLUMN note TYPE int USING 1'],
  ['emptied', 'TRUNCATE a'],
  ['given other columns', 'ALTER TABLE a RENAME COLUMN note TO text'],
  ['of which one partition was emptied', 'TRUNCATE part'],
  ['taken out of the publication', 'ALTER PUBLICATION copied DROP TABLE a']
] as const) {
  test(`a table ${what} between snapshot and lock is refused: the snapshot would not show its rows`, async t => {
    const setup = `
      CREATE TABLE a (id int PRIMARY KEY, note text);
      CREATE TABLE b (id int PRIMARY KEY);
      CREATE TABLE root (id int PRIMARY KEY) PARTITION BY RANGE (id);
      CREATE TABLE part PARTITION OF root FOR VALUES FROM (0) TO (10);`
    const { client, open } = await prepared(t, setup, 'FOR TABLE a, b, root WITH (publish_via_partition_root = true)')
    await client.query(statement)
    const opened = open({ only: new Set(['public.a', 'public.root']) })
    await assert.rejects(opened, error => isTidemarkError(error, 'REFRESH_INCOMPLETE') || assert.fail(String(error)))
  })
}

test('what happens to tables that are not copied does not matter', async t => {
  const setup = 'CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY); INSERT INTO a VALUES (1)'
  const { client, open } = await prepared(t, setup, 'FOR TABLE a, b')
  await client.query('TRUNCATE b')
  const receiver = new RecordingReceiver()
  await (await open({ only: new Set(['public.a']) })).run(receiver)
  assert.equal(changes(receiver.log).at(-1), '0 insert public.a after 1')
})

test('settings of the database change neither the text of values nor how long the copy may take', async t => {
  const setup = `CREATE TABLE a (id int PRIMARY KEY, r regclass, b bytea, i interval);
    INSERT INTO a VALUES (1, 'pg_class', '\\x00', '1 day');
    DO $$ BEGIN
      EXECUTE format('ALTER DATABASE %I SET quote_all_identifiers = on', current_database());
      EXECUTE format('ALTER DATABASE %I SET bytea_output = escape', current_database());
      EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database());
      EXECUTE (SELECT format('ALTER DATABASE %I SET transaction_timeout = 400', current_database())
        FROM pg_settings WHERE name = 'transaction_timeout' UNION ALL SELECT 'SELECT 1' LIMIT 1);
    END $$`
  const { open, client } = await prepared(t, setup, 'FOR TABLE a')
  const receiver = new RecordingReceiver()
  const copy = await open()
  await client.query('SELECT pg_sleep(0.5)')
  await copy.run(receiver)
  assert.equal(changes(receiver.log).at(-1), '0 insert public.a after 1|pg_class|\\x00|P1D')
})
