import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import avsc from 'avsc'
import type { Operation } from '@tidemark/schemas/operation.ts'
import { useSchemaRegistry, type TestRegistry } from '../../test/support/schema-registry.ts'
import { Producer } from '../producer.ts'
import { RegistryClient } from '../registry/registry-client.ts'
import { SchemaRegistry } from '../registry/schema-registry.ts'
import { tableRule, type TableRule } from '../rules.ts'
import { insert, remove, table, UNCHANGED, update } from '../testing/operations.ts'
import { RecordingSink } from '../testing/recording-sink.ts'
import { avroFormat } from './avro-format.ts'
import { avroName, avroNamespace } from './avro-name.ts'

const topic = 'bank.public.account'
const account = table('account', { id: 'int8', owner: 'text' })
const whole = { ...account, replicaIdentity: 'full' as const }

class AvroBench {
  readonly server: TestRegistry
  readonly sink = new RecordingSink()
  readonly producer: Producer

  constructor(server: TestRegistry, t: TestContext, given: Partial<TableRule> = {}) {
    this.server = server
    const client = new RegistryClient({ url: server.url, username: null, password: null, token: null, ca: null })
    const registry = new SchemaRegistry({ client, delay: () => Promise.resolve(), notify: () => {} })
    t.after(() => registry.close())
    const rules = {
      tables: [tableRule('public.account', 'bank', { format: 'avro', ...given })],
      outbox: { tables: [], messages: [] }
    }
    const format = avroFormat({ registry, subjects: 'topic', namespace: 'bank' })
    this.producer = new Producer({ rules, sink: this.sink, formats: [format] })
  }

  /** Keys and values read back with the schemas their ids name. */
  async records(...operations: Operation[]): Promise<{ key: unknown; value: unknown; headers: object }[]> {
    for (const operation of operations) {
      if (operation.table !== null) this.producer.schema(operation.table)
      await this.producer.ready()
      this.producer.process(operation)
    }
    const { values, keys } = this.sink
    const read = values.map((value, index) => ({
      key: this.read(keys[index]!),
      value: this.read(value),
      headers: this.sink.records[index]!.headers
    }))
    this.sink.take()
    return read
  }

  private read(bytes: Buffer | null): unknown {
    if (bytes === null) return null
    assert.equal(bytes[0], 0)
    const schema = JSON.parse(this.server.schema(bytes.readInt32BE(1))) as avsc.Schema
    const read: unknown = avsc.Type.forSchema(schema, { wrapUnions: false }).fromBuffer(bytes.subarray(5))
    return { ...(read as object) }
  }
}

test('keys and values are read back by the schemas their ids name', async t => {
  const bench = new AvroBench(await useSchemaRegistry(t), t)
  assert.deepEqual(await bench.records(insert(account, ['1', 'Ann']), update(account, null, ['1', null])), [
    { key: { id: 1 }, value: { id: 1, owner: 'Ann' }, headers: {} },
    { key: { id: 1 }, value: { id: 1, owner: null }, headers: {} }
  ])
  assert.deepEqual(
    bench.server.versions(`${topic}-value`).map(text => JSON.parse(text) as unknown),
    [
      {
        type: 'record',
        namespace: 'bank.public',
        name: 'account',
        fields: [
          { name: 'id', type: ['null', 'long'], default: null },
          { name: 'owner', type: ['null', 'string'], default: null }
        ]
      }
    ]
  )
  assert.deepEqual(
    bench.server.versions(`${topic}-key`).map(text => JSON.parse(text) as unknown),
    [{ type: 'record', namespace: 'bank.public', name: 'accountKey', fields: [{ name: 'id', type: 'long' }] }]
  )
})

test('what was not sent is null and named', async t => {
  const bench = new AvroBench(await useSchemaRegistry(t), t, { deletes: 'both' })
  assert.deepEqual(await bench.records(update(account, null, ['1', UNCHANGED])), [
    { key: { id: 1 }, value: { id: 1, owner: null }, headers: { 'tidemark.unchanged': '["owner"]' } }
  ])
  assert.deepEqual(await bench.records(remove(account, ['1', null], true)), [
    {
      key: { id: 1 },
      value: { id: 1, owner: null },
      headers: { 'tidemark.operation': 'delete', 'tidemark.unknown': '["owner"]' }
    },
    { key: { id: 1 }, value: null, headers: {} }
  ])
  assert.deepEqual(await bench.records(remove(whole, ['1', 'Ann'])), [
    { key: { id: 1 }, value: { id: 1, owner: 'Ann' }, headers: { 'tidemark.operation': 'delete' } },
    { key: { id: 1 }, value: null, headers: {} }
  ])
})

test('ids are asked for once', async t => {
  const bench = new AvroBench(await useSchemaRegistry(t), t)
  await bench.records(insert(account, ['1', 'Ann']))
  await bench.records(insert({ ...account, version: 2 }, ['1', 'Ann']))
  assert.deepEqual(bench.server.requests.sort(), [
    `POST /subjects/${topic}-key/versions`,
    `POST /subjects/${topic}-value/versions`
  ])
})

test('rows from before and after columns came, went and grew are read by the newest schema and by the oldest', async t => {
  const bench = new AvroBench(await useSchemaRegistry(t), t)
  const versions = [
    table('account', { id: 'int4', owner: 'text' }),
    table('account', { id: 'int4', owner: 'text', note: 'text' }),
    table('account', { id: 'int4', note: 'text' }),
    table('account', { id: 'int8', note: 'text' })
  ]
  const rows = [
    ['1', 'Ann'],
    ['2', 'Bob', 'x'],
    ['3', 'y'],
    ['4', 'z']
  ]
  // The key's own type grows too, which its subject must allow.
  for (const [index, version] of versions.entries())
    await bench.records(insert({ ...version, version: index + 1 }, rows[index]!))
  const texts = bench.server.versions(`${topic}-value`)
  assert.equal(texts.length, 4)
  const types = texts.map(text => avsc.Type.forSchema(JSON.parse(text) as avsc.Schema, { wrapUnions: false }))
  const newest = types.at(-1)!
  for (const older of types) assert.doesNotThrow(() => newest.createResolver(older))
  const oldest = types[0]!
  assert.doesNotThrow(() => oldest.createResolver(types[1]!))
  const old = types[0]!.toBuffer({ id: 1, owner: 'Ann' })
  assert.deepEqual({ ...(newest.fromBuffer(old, newest.createResolver(oldest)) as object) }, { id: 1, note: null })
})

test('a type that the rows before cannot be read as stops by the name of its subject', async t => {
  const bench = new AvroBench(await useSchemaRegistry(t), t)
  await bench.records(insert(account, ['1', 'Ann']))
  const retyped = { ...table('account', { id: 'int8', owner: 'int4' }), version: 2 }
  await assert.rejects(bench.records(insert(retyped, ['1', '7'])), {
    code: 'SCHEMA_INCOMPATIBLE',
    message: /refuses the new schema of subject bank\.public\.account-value: incompatible/
  })
})

test('names are legal, stay what they are, and two columns never share one', async t => {
  assert.deepEqual(['owner', 'größe', 'a b', '1st', 'a-b', '\u{1f600}', ''].map(avroName), [
    'owner',
    'gr_xf6_xdfe',
    'a_x20b',
    '_1st',
    'a_x2db',
    '_x1f600',
    '_'
  ])
  assert.equal(avroNamespace('my-bank.v1', 'public'), 'my_x2dbank.v1.public')
  const bench = new AvroBench(await useSchemaRegistry(t), t)
  const odd = table('account', { id: 'int8', 'Löhne €': 'text' })
  assert.deepEqual((await bench.records(insert(odd, ['1', 'x'])))[0]!.value, { id: 1, L_xf6hne_x20_x20ac: 'x' })
  const clashing = { ...table('account', { id: 'int8', 'a b': 'text', a_x20b: 'text' }), version: 2 }
  assert.throws(() => bench.producer.schema(clashing), {
    code: 'ROW_UNSUITABLE',
    message: /columns a b and a_x20b .* both have the Avro name a_x20b/
  })
})

test("a column of one's own in the key may be null, one of the table's key may not", async t => {
  const bench = new AvroBench(await useSchemaRegistry(t), t, { key: ['id', 'owner'] })
  assert.deepEqual((await bench.records(insert(whole, ['1', null])))[0]!.key, { id: 1, owner: null })
})
