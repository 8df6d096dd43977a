import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it, type TestContext } from 'node:test'
import { ProcessorHarness, recordedTransactions } from '@tidemark/kcop/testing'
import { startProgram } from '../../test/support/child.ts'
import { until } from '../../test/support/until.ts'
import { useSubscription, whatExists, type SubscriptionFixture } from './testing/subscription-fixture.ts'

const schema = `
CREATE TYPE mood AS ENUM ('happy', 'sad');
CREATE TABLE customer (id bigint PRIMARY KEY, name text, ssn text, mood mood, balance numeric(12,2), at timestamptz, raw bytea);
ALTER TABLE customer REPLICA IDENTITY FULL;
INSERT INTO customer VALUES (1, 'Ada', '123-45-6789', 'happy', 10.50, '2024-02-29 12:00:00+00', '\\x00ff'),
  (2, 'Bea ' || chr(27) || '[2J', '987-65-4321', NULL, NULL, NULL, NULL);
CREATE TABLE outbox (id uuid PRIMARY KEY, aggregatetype text, aggregateid text, type text, payload jsonb);
INSERT INTO outbox VALUES ('4d47e190-0402-4048-bc2c-89dd54343cdc', 'order', '7', 'placed', '{"total": 3}');`

const processor = `
export default {
  name: 'large',
  process(operation, out) {
    out.default(operation)
    if (operation.kind === 'insert' && operation.after.number('id') > 1) {
      out.send({ topic: 'large', key: 'k', value: 'seen ' + operation.after.text('ssn'), headers: { by: 'me' } })
    }
  }
}`

/** Files of a test: a key and a processor. */
function useFiles(t: TestContext): { key: string; processor: string } {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-preview-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const key = join(folder, 'pii.pem')
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 3072 })
  writeFileSync(key, publicKey.export({ type: 'spki', format: 'pem' }))
  const file = join(folder, 'large.ts')
  writeFileSync(file, processor)
  return { key, processor: file }
}

const dummyRegistry = 'registry: {url: "http://127.0.0.1:1"}'

async function customers(t: TestContext, more = ''): Promise<SubscriptionFixture> {
  const fixture = await useSubscription(t)
  const files = useFiles(t)
  await fixture.sql(schema)
  fixture.configure(
    [
      'public.customer:',
      '  deletes: both',
      `  processor: ${files.processor}`,
      '  columns: {ssn: {encrypt: pii}, raw: drop}',
      '  also:',
      '    - {topic: shared.csv, format: csv, columns: [name, ssn]}',
      '    - {topic: full.restricted, columns: all, restricted: true}',
      '    - {topic: shared.avro, format: avro, columns: [mood, balance, at]}'
    ].join('\n'),
    ['outbox: {public.outbox: {}}', `encryption: {keys: {pii: {publicKey: ${files.key}}}}`, dummyRegistry, more].join(
      '\n'
    )
  )
  return fixture
}

/** Nothing that was not there before: no slot, publication or topic, and the database as it was. */
async function untouched(fixture: SubscriptionFixture): Promise<void> {
  assert.deepEqual(await whatExists(fixture), [])
  const slots = () => fixture.sql(`SELECT slot_name FROM pg_replication_slots WHERE database = current_database()`)
  await until(async () => (await slots()).length === 0)
}

type Line = { type: string; records?: ShownLine[]; [name: string]: unknown }
type ShownLine = {
  topic: string
  key: unknown
  value: unknown
  output: string | null
  place: string | null
  headers: object
}

function linesOf(out: string): Line[] {
  return out
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Line)
}

it('shows the final records of present rows before anything was applied, protected ones protected', async t => {
  const fixture = await customers(t)
  const answer = await fixture.tidemark('preview', '--json')
  assert.equal(answer.code, 0, answer.out + answer.err)
  for (const secret of ['123-45-6789', '987-65-4321'])
    assert.ok(!answer.out.includes(secret), 'a protected value is shown')
  const lines = linesOf(answer.out)
  assert.deepEqual(
    lines.map(line => line.type),
    ['table', 'schema', 'schema', 'operation', 'operation', 'table', 'operation', 'done']
  )
  const [first, second, event] = lines.filter(line => line.type === 'operation').map(line => line.records!)
  assert.deepEqual(
    first!.map(({ topic, output }) => [topic, output]),
    [
      [`${fixture.name}.public.customer`, 'public.customer'],
      ['shared.csv', 'public.customer also[0]'],
      ['full.restricted', 'public.customer also[1]'],
      ['shared.avro', 'public.customer also[2]']
    ]
  )
  const row = first![0]!.value as Record<string, unknown>
  assert.deepEqual(
    [row['id'], row['name'], row['mood'], row['balance'], 'raw' in row],
    [1, 'Ada', 'happy', '10.50', false]
  )
  assert.match(first![0]!.place!, /tidemark\.yaml:6:3$/)
  assert.deepEqual(first![2]!.key, { withheldBytes: 8 })
  assert.deepEqual(first![3]!.value, { id: 1, mood: 'happy', balance: '10.50', at: 1_709_208_000_000_000 })
  assert.deepEqual(Object.keys(first![3]!.key as object), ['id'])
  const sent = second!.find(record => record.topic === 'large')!
  assert.deepEqual([sent.key, sent.headers], ['k', { by: 'me' }])
  assert.match(sent.output!, /large\.ts$/)
  assert.match(sent.value as string, /^seen [A-Za-z0-9+/=]{40}/)
  assert.deepEqual([event![0]!.topic, event![0]!.value], ['outbox.event.order', { total: 3 }])
  await untouched(fixture)
})

it('is readable in a terminal, whatever rows hold', async t => {
  const fixture = await customers(t)
  const answer = await fixture.tidemark('preview', 'public.customer', '--rows', '2')
  assert.equal(answer.code, 0)
  assert.match(answer.out, /^public\.customer: 2 of its present rows\n/)
  assert.match(answer.out, / {2}shared\.csv {2}by key {2}from public\.customer also\[0\] \(.*tidemark\.yaml:11:9\)\n/)
  assert.match(answer.out, / {4}key {6}\{"id":1\}\n/)
  assert.match(answer.out, / {4}value {4}\(\d+ bytes, not shown: the topic is restricted\)\n/)
  assert.match(answer.out, / {4}header {3}by = me\n/)
  assert.match(answer.out, /schema of shared\.avro-value, not registered:/)
  assert.ok(!answer.out.includes('\u001b'), 'a row has written an escape sequence')
  assert.ok(!answer.out.includes('outbox'))
})

it('shows live changes by the rules until the transactions asked for have come, and leaves no slot', async t => {
  const fixture = await customers(
    t,
    'monitor: [{name: rows, topic: watch, table: public.customer, count: true, above: 1, per: transaction}]'
  )
  await fixture.sql(`CREATE PUBLICATION tidemark_${fixture.name} FOR TABLE customer, outbox`)
  const running = fixture.tidemark('preview', '--live', '--transactions', '2', '--seconds', '60', '--json')
  const streaming = () =>
    fixture.sql(`SELECT FROM pg_replication_slots WHERE active AND temporary AND slot_name LIKE 'tidemark_preview_%'
      AND database = current_database()`)
  await until(async () => (await streaming()).length === 1)
  await fixture.sql(
    `BEGIN; INSERT INTO customer VALUES (8, 'Eve', '111-22-3333'); DELETE FROM customer WHERE id = 1; COMMIT`
  )
  await fixture.sql(`BEGIN; UPDATE customer SET name = 'Z'; TRUNCATE customer; COMMIT`)
  const answer = await running
  assert.equal(answer.code, 0, answer.out + answer.err)
  for (const secret of ['123-45-6789', '111-22-3333']) assert.ok(!answer.out.includes(secret))
  const lines = linesOf(answer.out)
  assert.deepEqual(
    lines.filter(line => line.type !== 'schema').map(line => line.type),
    [
      'live',
      'transaction',
      'operation',
      'operation',
      'transaction',
      'operation',
      'operation',
      'operation',
      'end',
      'done'
    ]
  )
  const [inserted, deleted] = lines.filter(line => line.type === 'operation')
  assert.deepEqual([inserted!['kind'], inserted!['on']], ['insert', 'public.customer'])
  const removal = deleted!.records!.filter(({ topic }) => topic === `${fixture.name}.public.customer`)
  assert.deepEqual(
    removal.map(({ value }) => value === null),
    [false, true]
  )
  const end = lines.find(line => line.type === 'end')!
  assert.deepEqual(
    end.records!.map(({ topic, output }) => [topic, output]),
    [['watch', 'monitor rows']]
  )
  assert.match(JSON.stringify(end['annotations']), /truncate.*public\.customer/)
  await fixture.sql(`DROP PUBLICATION tidemark_${fixture.name}`)
  await untouched(fixture)
})

it('ends live changes when their time is up', async t => {
  const fixture = await customers(t)
  await fixture.sql(`CREATE PUBLICATION tidemark_${fixture.name} FOR TABLE customer`)
  const answer = await fixture.tidemark('preview', '--live', '--seconds', '1')
  assert.equal(answer.code, 0, answer.err)
  assert.match(answer.out, /live changes from here on, for 1 s/)
  assert.match(answer.out, /public\.outbox is not in the publication yet/)
})

it('ends live changes at Ctrl-C with 0, and leaves no slot', async t => {
  const fixture = await customers(t)
  await fixture.sql(`CREATE PUBLICATION tidemark_${fixture.name} FOR TABLE customer, outbox`)
  const running = fixture.tidemark('preview', '--live')
  const slots = () => fixture.sql('SELECT FROM pg_replication_slots WHERE active AND database = current_database()')
  await until(async () => (await slots()).length === 1)
  process.emit('SIGINT')
  const answer = await running
  assert.deepEqual([answer.code, answer.err], [0, ''])
  await fixture.sql(`DROP PUBLICATION tidemark_${fixture.name}`)
  await untouched(fixture)
})

it('ends by name when a processor does not come back', async t => {
  const fixture = await useSubscription(t)
  await fixture.sql('CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1)')
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-preview-'))
  t.after(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'endless.ts'), `export default { name: 'endless', process() { for (;;); } }`)
  const text = `
subscription: ${fixture.name}
postgres: {url: "${fixture.url}"}
kafka: {brokers: ["127.0.0.1:1"]}
processors: {callMsMax: 300}
tables: {public.a: {processor: ./endless.ts}}`
  writeFileSync(join(folder, 'tidemark.yaml'), text)
  const program = join(import.meta.dirname, '..', 'bin', 'tidemark.mjs')
  const child = startProgram(t, program, { args: ['preview'], cwd: folder })
  const { code } = await child.ended
  assert.notEqual(code, 0, child.output)
  assert.match(child.output, /PROCESSOR_STUCK/)
})

it('refuses what it cannot show, by name and with the cure', async t => {
  const fixture = await customers(t)
  const live = await fixture.tidemark('preview', '--live')
  assert.deepEqual(
    [live.code, /PUBLICATION_UNSUITABLE.*tidemark_/.test(live.err), /apply/.test(live.err)],
    [1, true, true]
  )
  for (const options of [['--rows', 'x'], ['--seconds', '5'], ['--live', '--seconds', '0'], ['public.nothing']]) {
    assert.equal((await fixture.tidemark('preview', ...options)).code, 2, options.join(' '))
  }
})

it('tells what a row or processor breaks by table, and shows the other tables', async t => {
  const fixture = await useSubscription(t)
  await fixture.sql(`CREATE TABLE a (id int PRIMARY KEY, t text); INSERT INTO a VALUES (1, 'secret');
    CREATE TABLE b (id int PRIMARY KEY); INSERT INTO b VALUES (1)`)
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-preview-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'broken.ts')
  writeFileSync(file, `export default { name: 'broken', process(o) { throw new Error(o.after.text('t')) } }`)
  fixture.configure(`public.a: {processor: ${file}}\npublic.b: {}\npublic.c: {}`)
  const answer = await fixture.tidemark('preview')
  assert.equal(answer.code, 1)
  assert.match(answer.out, /PROCESSOR_FAILED.*insert on public\.a/)
  assert.match(answer.out, /TABLE_MISSING.*public\.c/)
  assert.match(answer.out, /public\.b: 1 of its present rows\n.*public\.b/)
  assert.ok(!answer.out.includes('secret'))
})

it('records the operations for tests, without what must not leave, and the records come again', async t => {
  const fixture = await customers(t)
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-preview-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'operations.jsonl')
  const shown = await fixture.tidemark('preview', 'public.customer', '--record', file, '--json')
  assert.equal(shown.code, 0, shown.out)
  const recorded = readFileSync(file, 'utf8')
  assert.match(recorded, /"Ada"/)
  for (const secret of ['123-45-6789', '987-65-4321', '\\\\x00ff']) assert.ok(!recorded.includes(secret), secret)
  assert.equal(statSync(file).mode & 0o777, 0o600)

  const harness = new ProcessorHarness({})
  const replayed = harness.run(recordedTransactions(file))
  const values = replayed.map(({ value }) => value as Record<string, unknown>)
  assert.deepEqual(
    values.map(({ id, name, mood, balance, at }) => [id, name, mood, balance, at]),
    [
      [1, 'Ada', 'happy', '10.50', '2024-02-29T12:00:00Z'],
      [2, 'Bea \u001b[2J', null, null, null]
    ]
  )
  assert.match(values[0]!['ssn'] as string, /^[\w-]{16}$/)
  const again = await fixture.tidemark('preview', '--record', file)
  assert.deepEqual([again.code, /not there yet/.test(again.err)], [2, true])
})
