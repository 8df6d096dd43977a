import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type pg from 'pg'
import { connectSession } from '@tidemark/capture/postgres/session.ts'
import type { TransactionReceiver } from '@tidemark/capture/source.ts'
import { Producer } from '@tidemark/kcop/producer.ts'
import type { Processor } from '@tidemark/kcop/processor.ts'
import { tableRule } from '@tidemark/kcop/rules.ts'
import { RecordingSink, type RecordedRecord } from '@tidemark/kcop/testing/recording-sink.ts'
import type { ColumnValue } from '@tidemark/schemas/column-value.ts'
import { parseJson, type JsonValue } from '@tidemark/schemas/json-text.ts'
import { usePostgres } from '../support/postgres.ts'
import { decodeChanges } from './decoded-changes.ts'
import { ownTypesSql, typeCases, typesWithoutValues } from './type-cases.ts'

/** A session on a new database, with the settings every session of the agent has. */
async function openDatabase(t: TestContext): Promise<pg.Client> {
  const { createDatabase } = await usePostgres(t)
  const client = await connectSession({ url: (await createDatabase()).url })
  t.after(() => client.end())
  await client.query('SET search_path = public, pg_catalog')
  await client.query("SET lc_monetary = 'C'")
  return client
}

async function createSlot(client: pg.Client): Promise<string> {
  await client.query('CREATE PUBLICATION p FOR ALL TABLES')
  const { rows } = await client.query<{ slot: string }>(
    `SELECT slot_name AS slot FROM pg_create_logical_replication_slot('fidelity_' || replace(gen_random_uuid()::text, '-', ''), 'pgoutput')`
  )
  return rows[0]!.slot
}

/** The records the configured processor makes of everything in the slot. */
async function recordsOf(
  client: pg.Client,
  slot: string,
  table: string,
  processor?: Processor
): Promise<RecordedRecord[]> {
  const sink = new RecordingSink()
  const file = processor === undefined ? null : '/processor.ts'
  const rules = {
    tables: [tableRule(`public.${table}`, 'bank', { processor: file })],
    outbox: { tables: [], messages: [] }
  }
  const producer = new Producer({
    rules,
    sink,
    ...(processor === undefined ? {} : { processors: new Map([['/processor.ts', processor]]) })
  })
  const receiver: TransactionReceiver = {
    schema: definition => producer.schema(definition),
    begin: transaction => producer.begin(transaction),
    operation: operation => producer.process(operation),
    commit: () => {},
    idle: () => {}
  }
  await client.query('SET search_path = pg_catalog')
  await decodeChanges(client, slot, 'p', receiver)
  return sink.take()
}

function membersOf(record: RecordedRecord): Record<string, JsonValue> {
  return parseJson(record.value!) as Record<string, JsonValue>
}

/** What JSON makes of a value a processor sees. */
function inJson(value: ColumnValue): JsonValue {
  if (Buffer.isBuffer(value)) return value.toString('base64')
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
  return Array.isArray(value) ? value.map(item => inJson(item as ColumnValue)) : (value as JsonValue)
}

async function createEveryType(client: pg.Client): Promise<string> {
  await client.query(ownTypesSql)
  const columns = typeCases.map(({ type }, index) => `c${index} ${type}`)
  await client.query(`CREATE TABLE every_type (id int PRIMARY KEY, ${columns.join(', ')})`)
  return createSlot(client)
}

test('every built-in type comes through JSON as docs/types.md says', async t => {
  const client = await openDatabase(t)
  const slot = await createEveryType(client)
  const values = typeCases.map(({ type, sql }) => (sql.startsWith("'") ? `${sql}::${type}` : sql))
  await client.query(`INSERT INTO every_type VALUES (1, ${values.join(', ')})`)
  const objects: Record<string, ColumnValue>[] = []
  const records = await recordsOf(client, slot, 'every_type', {
    name: 'look',
    process(operation, out) {
      objects.push(operation.after!.toObject())
      out.default(operation)
    }
  })
  assert.equal(records.length, 1)
  assert.equal(records[0]!.key, '{"id":1}')
  const members = membersOf(records[0]!)
  typeCases.forEach(({ type, sql, json }, index) => {
    assert.deepEqual(members[`c${index}`], json, `${type} ${sql.slice(0, 80)}`)
    assert.deepEqual(inJson(objects[0]![`c${index}`]!), json, `${type} ${sql.slice(0, 80)} seen by a processor`)
  })
})

test('NULL is null in every type', async t => {
  const client = await openDatabase(t)
  await client.query(ownTypesSql)
  const nullable = typeCases.filter(({ type }) => type !== 'd_text')
  const columns = nullable.map(({ type }, index) => `c${index} ${type}`)
  await client.query(`CREATE TABLE every_type (id int PRIMARY KEY, ${columns.join(', ')})`)
  const slot = await createSlot(client)
  await client.query('INSERT INTO every_type (id) VALUES (1)')
  const [record] = await recordsOf(client, slot, 'every_type')
  const { id, ...others } = membersOf(record!)
  assert.equal(id, 1)
  assert.equal(Object.keys(others).length, nullable.length)
  assert.deepEqual(new Set(Object.values(others)), new Set([null]))
})

test('no type of the server is left without a case', async t => {
  const client = await openDatabase(t)
  const { rows } = await client.query<{ name: string }>(
    `SELECT typname AS name FROM pg_type
     WHERE typnamespace = 'pg_catalog'::regnamespace AND typtype IN ('b', 'r', 'm') AND typcategory NOT IN ('A', 'Z')
       OR typnamespace = 'pg_catalog'::regnamespace AND typname IN ('char', 'int2vector', 'oidvector')`
  )
  const { rows: covered } = await client
    .query(ownTypesSql)
    .then(() =>
      client.query<{ name: string }>(
        `SELECT DISTINCT t.typname AS name FROM unnest($1::text[]) AS c(type) JOIN pg_type t ON t.oid = c.type::regtype`,
        [typeCases.map(({ type }) => type)]
      )
    )
  const names = new Set(covered.map(({ name }) => name))
  const missing = rows.map(({ name }) => name).filter(name => !names.has(name) && !typesWithoutValues.has(name))
  assert.deepEqual(missing, [])
})

test('xml and types of extensions come as their text, where the server has them', async t => {
  const client = await openDatabase(t)
  const { rows } = await client.query<{ name: string }>(
    `SELECT name FROM pg_available_extensions WHERE name IN ('hstore', 'citext')`
  )
  const columns: [type: string, text: string][] = []
  for (const { name } of rows) {
    await client.query(`CREATE EXTENSION ${name}`)
    columns.push(name === 'hstore' ? ['hstore', '"a"=>"1", "b"=>NULL'] : ['citext', 'MiXed'])
  }
  const hasXml = await client.query(`SELECT '<a/>'::xml`).then(
    () => true,
    () => false
  )
  if (hasXml) columns.push(['xml', '<a b="c">d</a>'])
  await client.query(`CREATE TABLE odd (id int PRIMARY KEY${columns.map(([type]) => `, "${type}" ${type}`).join('')})`)
  const slot = await createSlot(client)
  await client.query(
    `INSERT INTO odd VALUES (1${columns.map((_, index) => `, $${index + 1}`).join('')})`,
    columns.map(([, text]) => text)
  )
  const [record] = await recordsOf(client, slot, 'odd')
  assert.deepEqual(membersOf(record!), { id: 1, ...Object.fromEntries(columns) })
})

test('a value stored out of line that did not change is left out and named, or filled from a whole old row', async t => {
  const client = await openDatabase(t)
  await client.query(`CREATE TABLE doc (id int PRIMARY KEY, title text, body text);
    ALTER TABLE doc ALTER body SET STORAGE EXTERNAL`)
  const slot = await createSlot(client)
  await client.query(`INSERT INTO doc VALUES (1, 'a', repeat('x', 10000))`)
  await client.query(`UPDATE doc SET title = 'b'`)
  await client.query('ALTER TABLE doc REPLICA IDENTITY FULL')
  await client.query(`UPDATE doc SET title = 'c'`)
  await client.query(`UPDATE doc SET body = NULL`)
  const records = await recordsOf(client, slot, 'doc')
  const body = 'x'.repeat(10_000)
  assert.deepEqual(
    records.map(record => [membersOf(record), record.headers]),
    [
      [{ id: 1, title: 'a', body }, {}],
      [{ id: 1, title: 'b' }, { 'tidemark.unchanged': '["body"]' }],
      [{ id: 1, title: 'c', body }, {}],
      [{ id: 1, title: 'c', body: null }, {}]
    ]
  )
})

test('key changes and deletes reach the right keys under each replica identity', async t => {
  const client = await openDatabase(t)
  await client.query(`CREATE TABLE account (number numeric, branch text, note text, PRIMARY KEY (branch, number))`)
  const slot = await createSlot(client)
  for (const identity of ['DEFAULT', 'FULL']) {
    await client.query(`ALTER TABLE account REPLICA IDENTITY ${identity}`)
    await client.query(`INSERT INTO account VALUES (1.0, 'a"b', 'n')`)
    await client.query(`UPDATE account SET note = 'm'`)
    await client.query(`UPDATE account SET number = 2`)
    await client.query(`DELETE FROM account`)
  }
  const records = await recordsOf(client, slot, 'account')
  const keyOf = (number: string) => JSON.stringify({ branch: 'a"b', number })
  const rounds = [
    [keyOf('1.0'), 'n'],
    [keyOf('1.0'), 'm'],
    [keyOf('1.0'), null],
    [keyOf('2'), 'm'],
    [keyOf('2'), null]
  ]
  assert.deepEqual(
    records.map(({ key, value }) => [key, value === null ? null : (JSON.parse(value) as { note: string }).note]),
    [...rounds, ...rounds]
  )
})
