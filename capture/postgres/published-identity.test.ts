import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { CapturedDatabase, changes } from './testing/captured-database.ts'

const viaRoot = 'FOR TABLE root WITH (publish_via_partition_root = true)'
const partitioned = `
  CREATE TABLE root (id int PRIMARY KEY, note text, body text) PARTITION BY RANGE (id);
  ALTER TABLE root ALTER body SET STORAGE EXTERNAL;
  CREATE TABLE low PARTITION OF root FOR VALUES FROM (0) TO (10);`

test('of a partition without its FULL a partitioned table shows old keys only, and keeps long values', async t => {
  // New partitions do not inherit REPLICA IDENTITY FULL: the server marks their old keys as whole rows.
  const setup = `${partitioned} ALTER TABLE root REPLICA IDENTITY FULL; INSERT INTO root VALUES (1, 'a', repeat('x', 9000))`
  const database = await CapturedDatabase.create(t, setup, viaRoot)
  await database.query('UPDATE root SET id = 2')
  await database.query('DELETE FROM root')
  assert.deepEqual(changes(await database.captureAll()), [
    'schema public.root v2 (id int4 key, note text, body text)',
    '0 update public.root key 1 after 2|a|unchanged',
    '0 delete public.root key 2'
  ])
})

test('a later partition without FULL changes what the table tells of old rows, for good', async t => {
  const setup = `${partitioned} ALTER TABLE root REPLICA IDENTITY FULL; ALTER TABLE low REPLICA IDENTITY FULL;
    INSERT INTO root VALUES (1, 'a', 'b'), (2, 'c', 'd')`
  const database = await CapturedDatabase.create(t, setup, viaRoot)
  await database.query('DELETE FROM root WHERE id = 1')
  await database.query('CREATE TABLE high PARTITION OF root FOR VALUES FROM (10) TO (20)')
  await database.query("INSERT INTO root VALUES (11, 'e', 'f')")
  await database.query('DELETE FROM root')
  const log = changes(await database.captureAll()).filter(line => !line.startsWith('schema'))
  assert.deepEqual(log, [
    '0 delete public.root before 1|a|b',
    '0 insert public.root after 11|e|f',
    '0 delete public.root key 2',
    '1 delete public.root key 11'
  ])
})

test('a partition with an identity of another index is refused: changes of the key would not be told', async t => {
  const setup = `${partitioned} ALTER TABLE low ALTER note SET NOT NULL; CREATE UNIQUE INDEX other ON low (note);
    ALTER TABLE low REPLICA IDENTITY USING INDEX other`
  const database = await CapturedDatabase.create(t, setup, viaRoot)
  await database.query("INSERT INTO root VALUES (1, 'a', 'b')")
  await assert.rejects(database.captureAll(), error => isTidemarkError(error, 'TABLE_UNSUITABLE'))
})
