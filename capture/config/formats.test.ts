import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfiguration } from './configuration-file.ts'
import type { Configuration } from './configuration.ts'
import { redacted, secretsOf } from './redaction.ts'

const head = `subscription: bank
postgres: {url: "postgres://a:b@127.0.0.1:5432/bank"}
kafka: {brokers: ["127.0.0.1:9092"]}
`
const noReferences = {
  variable: () => undefined,
  file: () => {
    throw new Error('no files here')
  }
}

function read(text: string) {
  return parseConfiguration(head + text, 'tidemark.yaml', noReferences)
}

function accepted(text: string): Configuration {
  const result = read(text)
  assert.ok('configuration' in result, JSON.stringify(result))
  return result.configuration as Configuration
}

/** Line, column and message of each fault. */
function faultsOf(text: string): string[] {
  const result = read(text)
  assert.ok('faults' in result)
  return result.faults.map(({ message, place }) => `${place?.split(':').slice(-2).join(':')} ${message}`)
}

test('a registry is completed with the default naming of subjects', () => {
  const { registry } = accepted('registry: {url: "http://127.0.0.1:8081/api"}\ntables: {public.a: {format: avro}}\n')
  assert.deepEqual(registry, {
    url: 'http://127.0.0.1:8081/api',
    username: null,
    password: null,
    token: null,
    ca: null,
    subjects: 'topic',
    place: 'tidemark.yaml:4:17'
  })
})

test('deletes are told as consumers of the format expect, unless said otherwise', () => {
  const { tables } = accepted(`tables:
  public.a: {format: debezium}
  public.b: {format: debezium, deletes: tombstone}
  public.c: {also: [{topic: x, format: debezium}, {topic: y}]}
  public.d: {deletes: none, also: [{topic: z, format: debezium}]}
  public.e: {format: csv-journal}
`)
  const deletes = tables.map(table => [table.deletes, ...table.also.map(also => also.deletes)])
  assert.deepEqual(deletes, [
    ['both'],
    ['tombstone'],
    ['tombstone', 'both', 'tombstone'],
    ['none', 'none'],
    ['tombstone']
  ])
})

test('Avro needs a registry, and subjects that do not hang on rows', () => {
  assert.deepEqual(faultsOf('tables: {public.a: {also: [{topic: b, format: avro}]}}\n'), [
    '4:47 `format: avro` needs a schema registry'
  ])
  const byRow = 'tables: {public.a: {format: avro, topic: "t.{column.kind}"}}\n'
  assert.deepEqual(faultsOf(`registry: {url: "http://127.0.0.1:8081"}\n${byRow}`), [
    '5:42 topic t.{column.kind} is chosen for each record, so its records have no subject'
  ])
  assert.equal(
    accepted(`registry: {url: "http://127.0.0.1:8081", subjects: record}\n${byRow}`).registry?.subjects,
    'record'
  )
  assert.ok(
    accepted('registry: {url: "http://127.0.0.1:8081"}\ntables: {public.a: {format: avro, topic: "t.{table}"}}\n')
  )
})

test('credentials of the registry are whole, not in its URL, and never shown', () => {
  const table = 'tables: {public.a: {format: avro}}\n'
  assert.deepEqual(faultsOf(`registry: {url: "http://127.0.0.1:8081", username: ann}\n${table}`), [
    '4:1 `registry.username` and `registry.password` belong together'
  ])
  assert.deepEqual(
    faultsOf(`registry: {url: "http://127.0.0.1:8081", username: ann, password: geheim1, token: abcdefg}\n${table}`),
    ['4:76 `registry` has both a token and a user name']
  )
  const credentials = 'ann:geheim1'
  assert.equal(faultsOf(`registry: {url: "http://${credentials}@127.0.0.1:8081"}\n${table}`).length, 1)
  const configuration = accepted(`registry: {url: "http://127.0.0.1:8081", username: ann, password: geheim1}\n${table}`)
  assert.ok(!JSON.stringify(redacted(configuration)).includes('geheim1'))
  assert.ok(secretsOf(configuration).includes('geheim1'))
  const withToken = accepted(`registry: {url: "http://127.0.0.1:8081", token: abcdefg}\n${table}`)
  assert.ok(!JSON.stringify(redacted(withToken)).includes('abcdefg'))
  assert.ok(secretsOf(withToken).includes('abcdefg'))
})

test("decimals of Debezium's envelope are precise by default", () => {
  assert.equal(accepted('tables: {public.a: {}}\n').debezium.decimal, 'precise')
  assert.equal(accepted('debezium: {decimal: string}\ntables: {public.a: {}}\n').debezium.decimal, 'string')
})
