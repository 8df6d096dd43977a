import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lsnFromBytes } from '@tidemark/schemas/position.ts'
import { CapturedDatabase, changes } from './testing/captured-database.ts'

const bank = `
  CREATE TABLE account (id int PRIMARY KEY, balance int);
  CREATE TABLE transfer (id int PRIMARY KEY, amount int)`

test('transactions that were open together come whole, one after the other, in commit order', async t => {
  const database = await CapturedDatabase.create(t, bank, 'FOR TABLE account, transfer')
  const [one, two] = [await database.session(), await database.session()]
  await one.query('BEGIN; INSERT INTO account VALUES (1, 10)')
  await two.query('BEGIN; INSERT INTO account VALUES (2, 20)')
  await one.query('INSERT INTO transfer VALUES (1, 5)')
  await two.query('INSERT INTO transfer VALUES (2, 6); COMMIT')
  await one.query('UPDATE account SET balance = 5 WHERE id = 1; COMMIT')
  const log = await database.captureAll()
  assert.deepEqual(changes(log), [
    'schema public.account v1 (id int4 key, balance int4)',
    '0 insert public.account after 2|20',
    'schema public.transfer v1 (id int4 key, amount int4)',
    '1 insert public.transfer after 2|6',
    '0 insert public.account after 1|10',
    '1 insert public.transfer after 1|5',
    '2 update public.account after 1|5'
  ])
  assert.deepEqual(
    log.map(line => line.split(' ')[0]).filter(word => word === 'begin' || word === 'commit'),
    ['begin', 'commit', 'begin', 'commit']
  )
})

test('what a savepoint rolled back does not come, what a transaction rolled back neither', async t => {
  const database = await CapturedDatabase.create(t, bank, 'FOR TABLE account, transfer')
  await database.query('BEGIN; INSERT INTO account VALUES (9, 9); ROLLBACK')
  await database.query(`
    BEGIN; INSERT INTO account VALUES (1, 10); SAVEPOINT s; INSERT INTO account VALUES (2, 20);
    ROLLBACK TO s; INSERT INTO account VALUES (3, 30); SAVEPOINT s; INSERT INTO account VALUES (4, 40); COMMIT`)
  assert.deepEqual(changes(await database.captureAll()).slice(1), [
    '0 insert public.account after 1|10',
    '1 insert public.account after 3|30',
    '2 insert public.account after 4|40'
  ])
})

test('a truncate names its tables, with those it cascades to', async t => {
  const setup = `${bank}; CREATE TABLE entry (id int PRIMARY KEY, account int REFERENCES account)`
  const database = await CapturedDatabase.create(t, setup, 'FOR TABLE account, transfer, entry')
  await database.query('TRUNCATE transfer')
  await database.query('TRUNCATE account CASCADE')
  assert.deepEqual(
    changes(await database.captureAll()).filter(line => !line.startsWith('schema')),
    ['0 truncate public.transfer', '0 truncate public.account, public.entry']
  )
})

const wide = `
  CREATE TABLE document (id int PRIMARY KEY, body text, note text);
  ALTER TABLE document ALTER body SET STORAGE EXTERNAL;
  INSERT INTO document VALUES (1, repeat('x', 9000), 'a')`

test('an unchanged long value is marked, or filled in where REPLICA IDENTITY FULL knows it', async t => {
  const database = await CapturedDatabase.create(t, wide, 'FOR TABLE document')
  await database.query("UPDATE document SET note = 'b'")
  await database.query('ALTER TABLE document REPLICA IDENTITY FULL')
  await database.query("UPDATE document SET note = 'c'")
  const body = 'x'.repeat(9000)
  assert.deepEqual(changes(await database.captureAll()), [
    'schema public.document v1 (id int4 key, body text, note text)',
    '0 update public.document after 1|unchanged|b',
    'schema public.document v2 (id int4 key, body text, note text)',
    `0 update public.document before 1|${body}|b after 1|${body}|c`
  ])
})

test('a changed key brings the old key, a delete its key, under FULL the whole old row', async t => {
  const database = await CapturedDatabase.create(t, `${bank}; INSERT INTO account VALUES (1, 10)`, 'FOR TABLE account')
  await database.query('UPDATE account SET id = 2')
  await database.query('DELETE FROM account')
  await database.query('ALTER TABLE account REPLICA IDENTITY FULL; INSERT INTO account VALUES (3, 30)')
  await database.query('DELETE FROM account')
  assert.deepEqual(
    changes(await database.captureAll()).filter(line => !line.startsWith('schema')),
    [
      '0 update public.account key 1 after 2|10',
      '0 delete public.account key 2',
      '0 insert public.account after 3|30',
      '0 delete public.account before 3|30'
    ]
  )
})

test('a replica identity index is the key; without identity the primary key is, for inserts', async t => {
  const setup = `
    CREATE TABLE indexed (id int PRIMARY KEY, b int NOT NULL, a int NOT NULL);
    CREATE UNIQUE INDEX other ON indexed (a, b);
    ALTER TABLE indexed REPLICA IDENTITY USING INDEX other;
    CREATE TABLE nothing (id int PRIMARY KEY, note text);
    ALTER TABLE nothing REPLICA IDENTITY NOTHING`
  const database = await CapturedDatabase.create(t, setup, 'FOR TABLE indexed, nothing')
  await database.query('INSERT INTO indexed VALUES (1, 2, 3)')
  await database.query('DELETE FROM indexed')
  await database.query("INSERT INTO nothing VALUES (1, 'x')")
  const capture = await database.capture()
  const { receiver, connection } = capture
  await database.untilMarked(capture)
  await connection.close()
  assert.deepEqual(changes(receiver.log).slice(0, -1), [
    'schema public.indexed v1 (id int4, b int4 key, a int4 key)',
    '0 insert public.indexed after 1|2|3',
    '0 delete public.indexed key 2|3',
    'schema public.nothing v1 (id int4 key, note text)',
    '0 insert public.nothing after 1|x'
  ])
  assert.deepEqual(receiver.tables[0]!.keyColumns, [2, 1])
})

test('types are resolved: domains to their base, enums, arrays, types of the user', async t => {
  const setup = `
    CREATE TYPE mood AS ENUM ('sad', 'happy');
    CREATE DOMAIN cents AS numeric(10, 2);
    CREATE DOMAIN money_cents AS cents CHECK (VALUE > 0);
    CREATE TYPE pair AS (a int, b text);
    CREATE TABLE typed (id bigint PRIMARY KEY, m mood, c money_cents, n numeric(7, 3)[], ms mood[], cs cents[],
      p pair, v int2vector, j jsonb, s varchar(9))`
  const database = await CapturedDatabase.create(t, setup, 'FOR TABLE typed')
  await database.query(
    `INSERT INTO typed VALUES (1, 'happy', 1.5, '{1.2,NULL}', '{sad}', '{3}', '(1,"x y")', '1 2', '{"a":1}', 'é')`
  )
  const capture = await database.capture()
  const { receiver, connection } = capture
  await database.untilMarked(capture)
  await connection.close()
  const described = receiver.tables[0]!.columns.map(({ type }) => {
    const element =
      type.element === null ? '' : ` of ${type.element.name} ${type.element.kind} ${type.element.modifier}`
    return `${type.name} ${type.kind} ${type.modifier}${element}`
  })
  assert.deepEqual(described, [
    'int8 int8 -1',
    'mood enum -1',
    'numeric numeric 655366',
    '_numeric array 458759 of numeric numeric 458759',
    '_mood array -1 of mood enum -1',
    '_cents array -1 of numeric numeric 655366',
    'pair other -1',
    'int2vector other -1',
    'jsonb json -1',
    'varchar text 13'
  ])
  assert.equal(
    changes(receiver.log)[1],
    '0 insert public.typed after 1|happy|1.50|{1.200,NULL}|{sad}|{3.00}|(1,"x y")|1 2|{"a": 1}|é'
  )
})

test('definitions follow the log: columns added, dropped and renamed, types made and dropped since', async t => {
  const database = await CapturedDatabase.create(t, bank, 'FOR TABLE account')
  await database.query('INSERT INTO account VALUES (1, 10)')
  await database.query("ALTER TABLE account ADD note text; INSERT INTO account VALUES (2, 20, 'n')")
  await database.query(
    "CREATE TYPE mood AS ENUM ('sad'); ALTER TABLE account ADD m mood; INSERT INTO account VALUES (3, 30, 'n', 'sad')"
  )
  await database.query(
    'ALTER TABLE account DROP note; ALTER TABLE account RENAME balance TO cents; INSERT INTO account VALUES (4, 40)'
  )
  await database.query('ALTER TABLE account ALTER cents TYPE bigint; INSERT INTO account VALUES (5, 50)')
  await database.query('ALTER TABLE account DROP m; DROP TYPE mood; INSERT INTO account VALUES (6, 60)')
  assert.deepEqual(
    changes(await database.captureAll()).filter(line => !line.includes('pg_temp')),
    [
      'schema public.account v1 (id int4 key, balance int4)',
      '0 insert public.account after 1|10',
      'schema public.account v2 (id int4 key, balance int4, note text)',
      '0 insert public.account after 2|20|n',
      'schema public.account v3 (id int4 key, balance int4, note text, m mood)',
      '0 insert public.account after 3|30|n|sad',
      'schema public.account v4 (id int4 key, cents int4, m mood)',
      '0 insert public.account after 4|40|null',
      'schema public.account v5 (id int4 key, cents int8, m mood)',
      '0 insert public.account after 5|50|null',
      'schema public.account v6 (id int4 key, cents int8)',
      '0 insert public.account after 6|60'
    ]
  )
})

test('a type made while the stream is read is looked up before its first row is handed over', async t => {
  const database = await CapturedDatabase.create(t, bank, 'FOR TABLE account')
  const capture = await database.capture()
  const { receiver, connection } = capture
  await database.query('INSERT INTO account VALUES (1, 10)')
  await database.untilMarked(capture)
  await database.query(
    "CREATE TYPE mood AS ENUM ('sad'); ALTER TABLE account ADD m mood; INSERT INTO account VALUES (2, 20, 'sad')"
  )
  await database.untilMarked(capture)
  await connection.close()
  assert.equal(receiver.tables[1]!.columns[2]!.type.kind, 'enum')
})

test('continued after any transaction border, nothing is lost and nothing comes twice', async t => {
  const database = await CapturedDatabase.create(t, bank, 'FOR TABLE account, transfer')
  await database.query('COPY (SELECT 1) TO STDOUT').catch(() => {})
  const other = await database.session()
  await other.query('BEGIN; INSERT INTO transfer VALUES (1, 1)')
  for (let id = 1; id <= 6; id++)
    await database.query(`INSERT INTO account SELECT ${id} * 100 + i, i FROM generate_series(1, ${id}) i`)
  await other.query('COMMIT')
  const capture = await database.capture()
  const { receiver, connection } = capture
  await database.untilMarked(capture)
  await connection.close()
  const ends = receiver.log.flatMap((line, index) => (line.startsWith('commit') ? [index] : []))
  // Nothing was settled, so the server sends all of it again each time.
  for (const [border, end] of ends.entries()) {
    const again = await database.capture(receiver.positions[border])
    if (border < ends.length - 1) {
      const rest = receiver.log.slice(end + 1).filter(line => !/^(idle|schema)/.test(line))
      const seen = (): string[] => again.receiver.log.filter(line => !/^(idle|schema)/.test(line))
      await again.receiver.until(() => seen().length >= rest.length)
      assert.deepEqual(seen(), rest)
    }
    await again.connection.close()
  }
})

test('a transaction of many chunks and a value larger than any come whole', async t => {
  const database = await CapturedDatabase.create(
    t,
    `${bank}; CREATE TABLE big (id int PRIMARY KEY, body text)`,
    'FOR TABLE account, big'
  )
  await database.query(`
    BEGIN; INSERT INTO account SELECT i, i FROM generate_series(1, 50000) i;
    INSERT INTO big VALUES (1, repeat('0123456789', 700000)); INSERT INTO account VALUES (0, 0); COMMIT`)
  const capture = await database.capture()
  const { receiver, connection } = capture
  await database.untilMarked(capture)
  await connection.close()
  const rows = receiver.log.filter(line => line.includes(' insert '))
  assert.equal(rows.length, 50_002)
  rows.slice(0, 50_000).forEach((row, index) => {
    assert.equal(row, `${index} insert public.account after ${index + 1}|${index + 1}`)
  })
  assert.equal(rows[50_000]!.length, '50000 insert public.big after 1|'.length + 7_000_000)
  assert.equal(rows[50_001], '50001 insert public.account after 0|0')
})

test('a logical message of a transaction is one of its operations', async t => {
  const database = await CapturedDatabase.create(t, bank, 'FOR TABLE account')
  await database.query("SELECT pg_logical_emit_message(false, 'beat', 'x')")
  await database.query(
    "BEGIN; INSERT INTO account VALUES (1, 1); SELECT pg_logical_emit_message(true, 'orders', 'é'); INSERT INTO account VALUES (2, 2); COMMIT"
  )
  await database.query("BEGIN; SELECT pg_logical_emit_message(true, 'orders', 'no'); ROLLBACK")
  assert.deepEqual(changes(await database.captureAll()).slice(1), [
    '0 insert public.account after 1|1',
    '1 message orders é',
    '2 insert public.account after 2|2'
  ])
})

test('non-transactional messages, where wanted, settle like transactions and come once', async t => {
  const database = await CapturedDatabase.create(t, bank, 'FOR TABLE account')
  const options = { nonTransactionalMessages: 'transaction' } as const
  await database.query(
    "BEGIN; INSERT INTO account VALUES (1, 1); SELECT pg_logical_emit_message(false, 'beat', '1'); COMMIT"
  )
  await database.query("SELECT pg_logical_emit_message(false, 'beat', '2')")
  const capture = await database.capture(database.start, options)
  const { receiver, connection } = capture
  // Such a message alone is not flushed by the server: the next commit carries it along.
  await database.untilMarked(capture)
  assert.deepEqual(
    changes(receiver.log).filter(line => !line.startsWith('schema')),
    ['0 message beat 1', '0 insert public.account after 1|1', '0 message beat 2', '0 message marker 1']
  )
  connection.settle(receiver.positions.at(-1)!)
  await connection.close()
  assert.deepEqual(await database.captureAll(receiver.positions.at(-1)!, options), [])
})

test('positions of commits rise and are what the server confirms', async t => {
  const database = await CapturedDatabase.create(t, bank, 'FOR TABLE account')
  for (let id = 1; id <= 5; id++) await database.query(`INSERT INTO account VALUES (${id}, 1)`)
  const capture = await database.capture()
  const { receiver, connection } = capture
  await database.untilMarked(capture)
  const positions = receiver.positions.map(lsnFromBytes)
  assert.deepEqual(
    positions,
    [...new Set(positions)].sort((a, b) => (a < b ? -1 : 1))
  )
  connection.settle(receiver.positions[2]!)
  await connection.close()
  const { rows } = await database.query<{ at: string }>(
    `SELECT (confirmed_flush_lsn - '0/0')::text AS at FROM pg_replication_slots WHERE slot_name = '${database.slot}'`
  )
  assert.equal(BigInt(rows[0]!.at), positions[2])
})
