import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { test, type TestContext } from 'node:test'
import { useSchemaRegistry, type RegistryMode, type TestRegistry } from '../../test/support/schema-registry.ts'
import type { Notice } from '../notice.ts'
import { RegistryClient, type RegistryOptions } from './registry-client.ts'
import { SchemaRegistry } from './schema-registry.ts'
import { subjectOf } from './subject.ts'

const schema = JSON.stringify({ type: 'record', name: 'a', fields: [{ name: 'x', type: 'int' }] })
const plain = { username: null, password: null, token: null, ca: null }
const never = new AbortController().signal

function clientOf(server: TestRegistry, given: Partial<RegistryOptions> = {}): RegistryClient {
  return new RegistryClient({ ...plain, url: server.url, ...given })
}

/** A registry whose waits are told and, after some of them, mended. */
function registryOf(server: TestRegistry, t: TestContext, mendAfter: number) {
  const waits: number[] = []
  const notices: Notice[] = []
  const registry = new SchemaRegistry({
    client: clientOf(server),
    delay: (ms, signal) => {
      signal.throwIfAborted()
      waits.push(ms)
      if (waits.length === mendAfter) server.mode = 'well'
      return Promise.resolve()
    },
    notify: notice => notices.push(notice)
  })
  t.after(() => registry.close())
  return { registry, waits, notices }
}

test('a schema is registered and keeps its id', async t => {
  const server = await useSchemaRegistry(t)
  const { registry } = registryOf(server, t, 0)
  const first = registry.entry('a-value', schema)
  assert.equal(first.id, -1)
  await first.ready
  assert.deepEqual([first.id, first.ready], [1, null])
  assert.equal(registry.entry('a-value', schema), first)
  const other = registry.entry('b value/ü', schema)
  await other.ready
  assert.equal(other.id, 1)
  assert.deepEqual(server.requests, ['POST /subjects/a-value/versions', 'POST /subjects/b value/ü/versions'])
})

for (const mode of ['unavailable', 'resetting', 'babbling'] satisfies RegistryMode[]) {
  test(`while the registry is ${mode} a schema waits, told now and then, and what is known stays`, async t => {
    const server = await useSchemaRegistry(t)
    const { registry, waits, notices } = registryOf(server, t, 5)
    const known = registry.entry('known', schema)
    await known.ready
    server.mode = mode
    assert.equal(registry.entry('known', schema).ready, null)
    const waiting = registry.entry('new', schema)
    await waiting.ready
    assert.equal(waiting.id, 1)
    assert.deepEqual(waits, [200, 400, 800, 1600, 3200])
    assert.deepEqual(
      notices.map(notice => [notice.level, notice.count]),
      [
        ['error', 1],
        ['error', 2],
        ['error', 4],
        ['warn', 6]
      ]
    )
    assert.match(notices[0]!.message, /schema registry .*; held until subject new is registered/)
  })
}

test('nobody listening is as a registry that is down', async t => {
  const server = createServer()
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as { port: number }
  await new Promise(done => server.close(done))
  const client = new RegistryClient({ ...plain, url: `http://127.0.0.1:${port}` })
  await assert.rejects(client.register('a', schema, never), {
    code: 'REGISTRY_UNREACHABLE',
    message: `the schema registry at http://127.0.0.1:${port} does not answer: ECONNREFUSED`
  })
  void t
})

test('closing ends a wait for a registry that says nothing', async t => {
  const server = await useSchemaRegistry(t)
  server.mode = 'silent'
  const { registry } = registryOf(server, t, 0)
  const entry = registry.entry('a', schema)
  registry.close()
  await assert.rejects(entry.ready!, { name: 'AbortError' })
})

test('refused credentials stop at once, without being quoted', async t => {
  const server = await useSchemaRegistry(t)
  server.credentials = `Basic ${Buffer.from('ann:geheim').toString('base64')}`
  const wrong = clientOf(server, { username: 'ann', password: 'falsch' })
  await assert.rejects(wrong.register('a', schema, never), error => {
    assert.ok(error instanceof Error && 'code' in error)
    assert.equal(error.code, 'REGISTRY_AUTHENTICATION')
    return !error.message.includes('falsch')
  })
  assert.equal(await clientOf(server, { username: 'ann', password: 'geheim' }).register('a', schema, never), 1)
  server.credentials = 'Bearer abc'
  assert.equal(await clientOf(server, { token: 'abc' }).register('a', schema, never), 1)
})

test('compatibility is asked for without registering', async t => {
  const server = await useSchemaRegistry(t)
  const client = clientOf(server)
  assert.equal(await client.incompatibility('a', schema, never), null)
  assert.deepEqual(server.versions('a'), [])
  await client.register('a', schema, never)
  const other = JSON.stringify({ type: 'record', name: 'a', fields: [{ name: 'y', type: 'int' }] })
  const fault = await client.incompatibility('a', other, never)
  assert.equal(fault?.code, 'SCHEMA_INCOMPATIBLE')
  assert.equal(fault.place, server.url)
  server.mode = 'unavailable'
  await assert.rejects(client.incompatibility('a', schema, never), { code: 'REGISTRY_UNREACHABLE' })
})

test('after a refusal the schema is asked for anew', async t => {
  const server = await useSchemaRegistry(t)
  const { registry } = registryOf(server, t, 0)
  await registry.entry('a', schema).ready
  const other = JSON.stringify({ type: 'record', name: 'a', fields: [{ name: 'y', type: 'int' }] })
  const refused = registry.entry('a', other)
  await assert.rejects(refused.ready!, { code: 'SCHEMA_INCOMPATIBLE' })
  assert.notEqual(registry.entry('a', other), refused)
})

test('subjects are named by strategy', () => {
  assert.equal(subjectOf('topic', 'bank.a', 'key', 'bank.a.Key'), 'bank.a-key')
  assert.equal(subjectOf('record', 'bank.a', 'value', 'bank.public.a'), 'bank.public.a')
  assert.equal(subjectOf('topic-record', 'bank.a', 'value', 'bank.public.a'), 'bank.a-bank.public.a')
})
