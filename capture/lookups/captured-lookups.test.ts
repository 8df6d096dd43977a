import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { lsnToBytes, parseLsn, type PositionBytes } from '@tidemark/schemas/position.ts'
import { startPostgres } from '../../services/postgres.ts'
import { until } from '../../test/support/until.ts'
import { CapturedDatabase } from '../postgres/testing/captured-database.ts'
import { systemSourceClock } from '../system-surroundings.ts'
import { CapturedLookups, type CapturedLookup } from './captured-lookups.ts'

const lookup: CapturedLookup = {
  name: 'rates',
  table: 'public.rate',
  tableName: { schema: 'public', name: 'rate' },
  key: 'code',
  columns: ['value', 'mood'],
  bytesMax: 1_000_000,
  guarded: [],
  definition: null,
  place: 'tidemark.yaml:5:1'
}
const never = new AbortController().signal
const setup = `CREATE TYPE mood AS ENUM ('calm', 'wild');
  CREATE TABLE rate (code text PRIMARY KEY, value int, other text, mood mood);
  ALTER TABLE rate REPLICA IDENTITY FULL;
  INSERT INTO rate VALUES ('a', 1), ('b', 1)`

/** Lookups in a table of a server of its own, which no other slot keeps back. */
async function useLookups(t: TestContext, more = '', settings: Record<string, string | number> = {}) {
  const server = await startPostgres({ durable: false, settings })
  const tables = more === '' ? 'rate' : 'rate, spare'
  const database = await CapturedDatabase.create(t, setup + more, `FOR TABLE ${tables}`, server.url)
  let delays = 0
  const { url, slot, publication } = database
  const lookups = new CapturedLookups({
    session: { url },
    slot,
    publication,
    lookups: [lookup],
    published: tables.split(', ').map(name => ({ schema: 'public', name })),
    clock: {
      ...systemSourceClock,
      delay: (ms, signal) => {
        delays++
        return systemSourceClock.delay(ms, signal)
      }
    }
  })
  t.after(async () => {
    await lookups.close()
    await server.stop()
  })
  const values = () => ['a', 'b', 'c'].map(key => lookups.tables.get('rates')!.find(key, 0))
  return { database, lookups, values, delays: () => delays }
}

async function endOfLog(database: CapturedDatabase): Promise<PositionBytes> {
  const { rows } = await database.query<{ lsn: string }>('SELECT pg_current_wal_insert_lsn()::text AS lsn')
  return lsnToBytes(parseLsn(rows[0]!.lsn))
}

test('rows are those of the position: what came later is taken back, by a slot that is gone afterwards', async t => {
  const { database, lookups, values } = await useLookups(t)
  await lookups.claim({ claimed: new Map() })
  await database.query("UPDATE rate SET value = 2 WHERE code = 'a'; INSERT INTO rate VALUES ('c', 2)")
  const middle = await endOfLog(database)
  await database.query("DELETE FROM rate; INSERT INTO rate VALUES ('b', 3)")
  const open = await database.session()
  await open.query("BEGIN; UPDATE rate SET value = 9 WHERE code = 'b'")
  await lookups.load(database.start, never)
  assert.deepEqual(values(), ['1', '1', undefined])
  await lookups.load(middle, never)
  assert.deepEqual(values(), ['2', '1', '2'])
  await lookups.load(await endOfLog(database), never)
  assert.deepEqual(values(), [undefined, '3', undefined])
  await open.query('ROLLBACK')
  await until(async () => {
    const { rows } = await database.query('SELECT FROM pg_replication_slots WHERE temporary')
    return rows.length === 0
  })
})

test('a commit that is in the log and visible to nobody yet is waited for', async t => {
  const { database, lookups, values, delays } = await useLookups(t, '', {
    synchronous_standby_names: 'nobody',
    synchronous_commit: 'local'
  })
  await lookups.claim({ claimed: new Map() })
  const writer = await database.session()
  await writer.query('SET synchronous_commit = on')
  const written = writer.query("UPDATE rate SET value = 2 WHERE code = 'a'")
  const waits = "FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
  await until(async () => (await database.query(`SELECT ${waits}`)).rows.length === 1)
  const loading = lookups.load(await endOfLog(database), never)
  loading.catch(() => {})
  await until(() => delays() > 2)
  await database.query(`SELECT pg_cancel_backend(pid) ${waits}`)
  await written
  await loading
  assert.deepEqual(values(), ['2', '1', undefined])
})

test('a definition that is not claimed must be as old as the slot; another than was claimed is refused', async t => {
  const { database, lookups } = await useLookups(t)
  const claimed = await lookups.claim({ claimed: new Map() })
  await lookups.load(database.start, never)
  await lookups.verify()
  await database.query('ALTER TABLE rate ADD COLUMN more int, ALTER COLUMN other SET NOT NULL').catch(() => {})
  await database.query('ALTER TABLE rate ADD COLUMN more int')
  await lookups.verify()
  // There and back: the values are the same, but between they were not.
  await database.query('ALTER TABLE rate RENAME value TO was; ALTER TABLE rate RENAME was TO value')
  const altered = {
    code: 'LOOKUP_ALTERED',
    place: 'tidemark.yaml:5:1',
    message: /column value of public\.rate was altered/
  }
  await assert.rejects(lookups.verify(), altered)
  await assert.rejects(lookups.claim({ claimed }), altered)
  await assert.rejects(lookups.claim({ claimed: new Map() }), altered)
  await assert.rejects(lookups.load(database.start, never), altered)
})

test('who changes labels or the publication holds flushing up until it is known whether he has', async t => {
  const { database, lookups } = await useLookups(t)
  await lookups.claim({ claimed: new Map() })
  await lookups.load(database.start, never)
  const open = await database.session()
  const busy = { code: 'LOOKUP_BUSY', message: /alters public\.rate, an enum it is made of, or its publication/ }
  for (const statement of [
    "ALTER TYPE mood RENAME VALUE 'wild' TO 'angry'",
    'ALTER PUBLICATION captured DROP TABLE rate'
  ]) {
    await open.query(`BEGIN; ${statement}`)
    await assert.rejects(lookups.verify(), busy)
    await open.query('ROLLBACK')
    await lookups.verify()
  }
  await database.query("ALTER TYPE mood RENAME VALUE 'wild' TO 'angry'")
  await assert.rejects(lookups.verify(), { code: 'LOOKUP_ALTERED', message: /column mood/ })
})

test('a table is followed by what it is, not by a name that another had for a while', async t => {
  const spare = '; CREATE TABLE spare (LIKE rate INCLUDING ALL); ALTER TABLE spare REPLICA IDENTITY FULL'
  const { database, lookups, values } = await useLookups(t, spare)
  await lookups.claim({ claimed: new Map() })
  const swap = 'ALTER TABLE rate RENAME TO was; ALTER TABLE spare RENAME TO rate; ALTER TABLE was RENAME TO spare'
  await database.query(swap)
  await database.query("INSERT INTO rate VALUES ('b', 7); UPDATE spare SET value = 5 WHERE code = 'a'")
  await database.query(swap)
  await lookups.load(database.start, never)
  assert.deepEqual(values(), ['1', '1', undefined])
})

test('rows of a key that was not unique for a while are refused, not guessed', async t => {
  const { database, lookups } = await useLookups(t)
  await database.query('ALTER TABLE rate DROP CONSTRAINT rate_pkey')
  await database.query("INSERT INTO rate VALUES ('a', 7); DELETE FROM rate WHERE code = 'a' AND value = 1")
  await database.query('ALTER TABLE rate ADD PRIMARY KEY (code)')
  await assert.rejects(lookups.load(database.start, never), {
    code: 'LOOKUP_UNTOLD',
    message: /not unique|known otherwise/
  })
})

test('what makes the key unique must have been there all along, but may be built anew', async t => {
  const { database, lookups } = await useLookups(t)
  const claimed = await lookups.claim({ claimed: new Map() })
  await database.query('REINDEX INDEX CONCURRENTLY rate_pkey')
  await lookups.claim({ claimed })
  await database.query('ALTER TABLE rate DROP CONSTRAINT rate_pkey')
  await database.query("INSERT INTO rate VALUES ('a', 1); DELETE FROM rate WHERE ctid = (SELECT max(ctid) FROM rate)")
  await database.query('ALTER TABLE rate ADD PRIMARY KEY (code)')
  const refused = { code: 'LOOKUP_ALTERED', message: /what makes code of public\.rate unique was altered/ }
  await assert.rejects(lookups.claim({ claimed }), refused)
  await assert.rejects(lookups.claim({ claimed: new Map() }), refused)
})

test('a key whose NOT NULL was never checked is refused', async t => {
  const { database, lookups } = await useLookups(t)
  await database.query(
    'ALTER TABLE rate DROP CONSTRAINT rate_pkey, ADD UNIQUE (code); ALTER TABLE rate ALTER code DROP NOT NULL'
  )
  await database.query(
    'INSERT INTO rate VALUES (NULL, 1); ALTER TABLE rate ADD CONSTRAINT told NOT NULL code NOT VALID'
  )
  await assert.rejects(lookups.claim({ claimed: new Map() }), {
    code: 'LOOKUP_INVALID',
    message: /not a key of its own/
  })
})

test('without a free slot for a moment the agent tries again', async t => {
  const { database, lookups, values } = await useLookups(t, '', { max_replication_slots: 1 })
  await lookups.claim({ claimed: new Map() })
  await database.query("UPDATE rate SET value = 2 WHERE code = 'a'")
  await lookups.load(await endOfLog(database), never)
  assert.deepEqual(values(), ['2', '1', undefined])
  const refused = { code: 'LOOKUP_BUSY', cure: /raise max_replication_slots/ }
  await assert.rejects(lookups.load(database.start, never), refused)
  assert.equal(lookups.tables.size, 0)
})
