import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { KafkaAdmin } from '@tidemark/kafka/admin.ts'
import { Cluster } from '@tidemark/kafka/cluster.ts'
import { kafkaConnection } from '@tidemark/kafka/connection-options.ts'
import pg from 'pg'
import { makeScratchDirectory } from '../../services/scratch.ts'
import { useKafka } from '../support/kafka.ts'
import { usePostgres } from '../support/postgres.ts'
import { useSchemaRegistry, type TestRegistry } from '../support/schema-registry.ts'
import * as cases from './bad-input-cases.ts'
import type { BadInput } from './bad-input-cases.ts'
import { checkFile, lineOf, marked } from './bad-input-check.ts'

interface Checks {
  name: string
  sql(text: string): Promise<unknown>
  /** One line for each error found, and one for each expected. */
  told(bad: BadInput): Promise<{ seen: string[]; expected: string[] }>
  /** Publications, slots and topics of the subscription. */
  made(): Promise<unknown[]>
}

async function useChecks(t: TestContext): Promise<Checks> {
  const { url } = await (await usePostgres(t)).createDatabase()
  const { brokers } = await useKafka(t)
  const client = new pg.Client(url)
  await client.connect()
  const cluster = new Cluster(kafkaConnection({ brokers }))
  t.after(() => Promise.all([client.end(), cluster.close()]))
  await client.query(`
    CREATE TABLE customer (id int PRIMARY KEY, name text, ssn text, status text, amount numeric(12,2), born date);
    ALTER TABLE customer REPLICA IDENTITY FULL;
    CREATE TABLE transfer (id int PRIMARY KEY, amount numeric(12,2));
    CREATE TABLE event (id uuid PRIMARY KEY, aggregatetype text, aggregateid text, type text, payload jsonb);`)
  const name = `bad_${randomBytes(5).toString('hex')}`
  const file = join(directoryWithFiles(), 'tidemark.yaml')
  const kafka = `subscription: ${name}\nkafka: {brokers: [${brokers.join(', ')}]}\ntopics: {partitions: 2, replication: 1}`
  const tables = `${kafka}\npostgres: {url: '${url}'}`
  return {
    name,
    sql: text => client.query(text),
    told: async ({ yaml, codes, cures }) => {
      const { text, places } = marked(`${yaml.startsWith('mq:') ? kafka : tables}\n${yaml}`)
      writeFileSync(file, text)
      const { errors, err } = await checkFile(file)
      const cured = (index: number, remedy: string) => (cures[index]?.test(remedy) === true ? 'cured' : remedy)
      return {
        seen: [...errors.map((error, at) => `${error.code} ${lineOf(error.place)} ${cured(at, error.remedy)}`), err],
        expected: [...places.map((place, index) => `${codes[index]} ${place} cured`), '']
      }
    },
    made: async () => {
      const { rows } = await client.query<{ what: string }>(
        `SELECT pubname AS what FROM pg_publication
         UNION ALL SELECT slot_name FROM pg_replication_slots WHERE database = current_database()`
      )
      const topics = await new KafkaAdmin(cluster).listTopics()
      return [...rows.map(({ what }) => what), ...topics.filter(topic => topic.startsWith(name))]
    }
  }
}

function directoryWithFiles(): string {
  const directory = makeScratchDirectory('bad-input')
  const write = (name: string, text: string) => writeFileSync(join(directory, name), text)
  const rsa = (modulusLength: number) =>
    generateKeyPairSync('rsa', {
      modulusLength,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' }
    })
  const { publicKey, privateKey } = rsa(2048)
  const elliptic = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey
  write('pii.pub.pem', publicKey)
  write('private.pem', privateKey)
  write('small.pub.pem', rsa(1024).publicKey)
  write('ec.pub.pem', elliptic.export({ type: 'spki', format: 'pem' }).toString())
  write('garbage.pem', 'no key: at all')
  write('pii.key', randomBytes(32).toString('base64'))
  write('short.key', randomBytes(16).toString('base64'))
  write('countries.csv', 'code,name\nDE,Germany\n')
  mkdirSync(join(directory, 'directory'))
  return directory
}

/** Every fault is one error with its code, at its place, with a cure that says what to do, and nothing is made. */
async function expectTold(checks: Checks, inputs: readonly BadInput[]): Promise<void> {
  assert.ok(inputs.length > 0)
  const wrong: Record<string, unknown> = {}
  for (const bad of inputs) {
    const { seen, expected } = await checks.told(bad)
    if (seen.join('\n') !== expected.join('\n')) wrong[bad.what] = { seen, expected }
  }
  assert.deepEqual(wrong, {})
  assert.deepEqual(await checks.made(), [])
}

test('a column that a table has not is told wherever it can be named', async t => {
  await expectTold(await useChecks(t), cases.unknownColumns)
})

test('formats and key names that are not known are told wherever they can stand', async t => {
  await expectTold(await useChecks(t), [...cases.unknownFormats, ...cases.unknownKeys])
})

test('key files that cannot be used are told at the line that names them', async t => {
  await expectTold(await useChecks(t), cases.keyFiles)
})

test('expressions, conditions, templates, numbers and lookups that are not valid are told', async t => {
  await expectTold(await useChecks(t), cases.invalidTexts)
})

test('tables that are missing and rules that do not fit their table are told', async t => {
  await expectTold(await useChecks(t), cases.tablesAndKeys)
})

test('columns of tables that lookups read are told where they are named', async t => {
  await expectTold(await useChecks(t), cases.tableLookups)
})

test('entries of queues are told in the same way', async t => {
  await expectTold(await useChecks(t), cases.queues)
})

test('all faults of a file are told in one go, in its order', async t => {
  await expectTold(await useChecks(t), [cases.several, cases.severalInForm, cases.severalInRules])
})

const incompatible: readonly [what: string, entry: string, subject: string][] = [
  ['value, Avro', 'format: §avro', 'NAME.public.customer-value'],
  ['key, Avro', 'format: §avro', 'NAME.public.customer-key'],
  ['value, further output', 'also: [{topic: NAME.also, format: §avro}]', 'NAME.also-value'],
  ['key, further output', 'also: [{topic: NAME.also, format: §avro}]', 'NAME.also-key'],
  ['value, audit', 'format: §audit-avro', 'NAME.public.customer-value'],
  ['value, audit in one', 'format: §audit-single-avro', 'NAME.public.customer-value'],
  ['value, Debezium', 'format: §debezium-avro', 'NAME.public.customer-value'],
  ['key, Debezium', 'format: §debezium-avro', 'NAME.public.customer-key']
]

/** What nothing is compatible with that has other fields. */
const other = JSON.stringify({ type: 'record', name: 'other', fields: [{ name: 'needed', type: 'long' }] })

test('a schema that the registry refuses is told at the format that wants it; nothing is registered', async t => {
  const checks = await useChecks(t)
  for (const [what, entry, subject] of incompatible) {
    const registry = await useSchemaRegistry(t)
    await register(registry, subject.replace('NAME', checks.name), other)
    const yaml = `registry: {url: '${registry.url}'}\ntables: {public.customer: {${entry.replaceAll('NAME', checks.name)}}}`
    const bad = { what, yaml, codes: ['SCHEMA_INCOMPATIBLE'], cures: [/rule of the subject/] }
    await expectTold(checks, [bad])
    assert.deepEqual(
      registry.requests.filter(request => request.endsWith('versions') && !request.includes('compatibility')),
      [`POST /subjects/${subject.replace('NAME', checks.name)}/versions`]
    )
  }
})

async function register(registry: TestRegistry, subject: string, schema: string): Promise<void> {
  const body = JSON.stringify({ schema })
  const answer = await fetch(`${registry.url}/subjects/${subject}/versions`, { method: 'POST', body })
  assert.equal(answer.status, 200)
}

test('a registry that is away or refuses the credentials is told at its line, once', async t => {
  const checks = await useChecks(t)
  const registry = await useSchemaRegistry(t)
  const tables = 'tables: {public.customer: {format: avro}, public.transfer: {format: avro}}'
  const of = (what: string, url: string, code: string, cure: RegExp): BadInput => ({
    what,
    yaml: `registry: {url: §'${url}'}\n${tables}`,
    codes: [code],
    cures: [cure]
  })
  await expectTold(checks, [of('no port', 'http://127.0.0.1:1', 'REGISTRY_UNREACHABLE', /check `registry\.url`/)])
  for (const mode of ['unavailable', 'resetting', 'babbling'] as const) {
    registry.mode = mode
    await expectTold(checks, [of(mode, registry.url, 'REGISTRY_UNREACHABLE', /check `registry\.url`/)])
  }
  registry.mode = 'well'
  registry.credentials = 'Basic b:c'
  await expectTold(checks, [of('401', registry.url, 'REGISTRY_AUTHENTICATION', /check `registry\.username`/)])
})
