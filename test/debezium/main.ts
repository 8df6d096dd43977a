// npm run debezium: a real Debezium and Tidemark on the same work, compared record by record and field by field: JSON with
// JSON, the Avro schemas with those an AvroConverter makes, and what sinks behind one get of our Avro.
// Fails when they differ in anything that deliberate-differences.ts does not name.
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import kafkajs from 'kafkajs'
import type pg from 'pg'
import { connectSession } from '@tidemark/capture/postgres/session.ts'
import { startKafka } from '../../services/kafka.ts'
import { startPostgres } from '../../services/postgres.ts'
import { asSinksSee, bothForms } from './avro-bytes.ts'
import { compileConverter, debeziumVersion, fetchDebezium, startDebezium } from './debezium-connect.ts'
import { deliberateDifferences } from './deliberate-differences.ts'
import { compare, type Comparison, type Seen } from './envelope-comparison.ts'
import { learnedFile, learnedSchemas } from './learned-schemas.ts'
import { ourRecords, ourSchemas, type Written } from './our-records.ts'
import { compareSchemas, type TopicSchemas } from './schema-comparison.ts'
import { createTables, lastKey, lastTopic, typeTables, work } from './work.ts'

const prefix = 'compared'
const publication = 'compared'
const waitMs = 240_000
/** Without a record, after the last change's. */
const quietMs = 8_000
const converter = 'AvroBesideJson'
/** Each record as JSON and as Avro, which stand beside each other. */
const workerSettings = { 'key.converter': converter, 'value.converter': converter }
const shownMax = 40

const say = (line: string): void => void process.stderr.write(`${line}\n`)

/** By topic. */
const theirSchemas = new Map<string, TopicSchemas>()

const libs = fetchDebezium(say)
const classes = compileConverter(libs)
const [postgres, kafka] = await Promise.all([startPostgres({ durable: false }), startKafka({ say })])
try {
  const client = await connectSession({ url: postgres.url })
  const theirs = await debeziumOn(client, postgres.url, kafka.brokers)
  const [json, avro] = [await written(client, 'debezium'), await written(client, 'debezium-avro')]
  await client.end()
  const text = compare(theirs, json.records.map(asText), typeTables, deliberateDifferences)
  const bare = theirs.map(record => ({ ...record, headers: {} }))
  const binary = compare(bare, asSinksSee(libs, classes, avro), typeTables, deliberateDifferences)
  const tables = [...avro.tables.values()]
  const own = new Map(tables.map(table => [table.qualifiedName, ourSchemas(table, prefix)]))
  const schemas = compareSchemas(theirSchemas, own, isOtherwise)
  process.stdout.write(report('JSON', text) + report('Avro, through AvroData', binary))
  process.stdout.write(`${schemas.compared} topics' Avro schemas compared, ${schemas.differences.length} differences\n`)
  for (const difference of schemas.differences.slice(0, shownMax)) process.stdout.write(`  ${difference}\n`)
  if (process.argv.includes('--learn'))
    writeFileSync(learnedFile, learnedSchemas(theirSchemas, avro.tables, isOtherwise))
  const others = text.others.length + binary.others.length + schemas.differences.length
  process.exitCode = others === 0 ? 0 : 1
} finally {
  await kafka.stop()
  await postgres.stop()
}

/** What a real Debezium makes of the work; slot `ours` holds the same changes. */
async function debeziumOn(client: pg.Client, url: string, brokers: string[]): Promise<Seen[]> {
  await client.query('SET search_path = public, pg_catalog')
  await client.query("SET lc_monetary = 'C'")
  await createTables(client)
  await client.query(`CREATE PUBLICATION ${publication} FOR ALL TABLES`)
  for (const slot of ['ours', 'theirs']) {
    await client.query(`SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`)
  }
  say('starting Debezium')
  const options = { libs, classes, brokers, postgresUrl: url, slot: 'theirs', publication, prefix, workerSettings }
  const debezium = await startDebezium(options)
  await work(client)
  const theirs = await debeziumRecords(brokers)
  await debezium.stop()
  await client.query('SET search_path = pg_catalog')
  return theirs
}

function written(client: pg.Client, format: string): Promise<Written> {
  const names = [...typeTables.map(({ name }) => name), 'account', 'full_account', 'pair_key', 'precise', 'doc']
  return ourRecords(client, 'ours', publication, { prefix, tables: names, format })
}

function asText({ key, value, ...record }: Written['records'][number]): Seen {
  return { ...record, key: key?.toString() ?? null, value: value?.toString() ?? null }
}

/** Every record of Debezium's data topics up to the last change. */
async function debeziumRecords(brokers: string[]): Promise<Seen[]> {
  const client = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING })
  const admin = client.admin()
  await admin.connect()
  const wanted = typeTables.length
  const topics = await topicsOf(admin, wanted)
  await admin.disconnect()
  const consumer = client.consumer({ groupId: 'comparison' })
  await consumer.connect()
  await consumer.subscribe({ topics, fromBeginning: true })
  const records: Seen[] = []
  const end = new EventTarget()
  let ending: NodeJS.Timeout | null = null
  await consumer.run({
    eachMessage: ({ topic, message }) => {
      const record = seen(topic, message)
      records.push(record)
      // Partitions are read in no order: what others still have may come later.
      if (ending !== null) ending.refresh()
      else if (record.topic === lastTopic && record.key === lastKey)
        ending = setTimeout(() => end.dispatchEvent(new Event('end')), quietMs)
      return Promise.resolve()
    }
  })
  await once(end, 'end', { signal: AbortSignal.timeout(waitMs) })
  await consumer.disconnect()
  return records
}

/** Connect makes topics as records come. */
async function topicsOf(admin: kafkajs.Admin, wanted: number): Promise<string[]> {
  const deadline = performance.now() + waitMs
  let before = -1
  for (;;) {
    const topics = (await admin.listTopics()).filter(topic => topic.startsWith(`${prefix}.public.`))
    if (topics.length > wanted && topics.length === before) return topics
    before = topics.length
    if (performance.now() > deadline) throw new Error(`Debezium made ${topics.length} topics within ${waitMs} ms`)
    await new Promise(done => setTimeout(done, 2000))
  }
}

function seen(topic: string, message: kafkajs.KafkaMessage): Seen {
  const headers = Object.entries(message.headers ?? {})
  const name = topic.slice(prefix.length + 1)
  const key = bothForms(message.key)
  const value = bothForms(message.value)
  if (key !== null && value !== null && !theirSchemas.has(name)) {
    theirSchemas.set(name, { key: key.schema, value: value.schema })
  }
  return {
    topic: name,
    key: key?.json ?? null,
    value: value?.json ?? null,
    headers: Object.fromEntries(headers.map(([name, value]) => [name, value === undefined ? null : String(value)]))
  }
}

/**
 * Columns whose schema is another on purpose: int2vector and oidvector are text here, where Debezium has arrays that it leaves
 * empty; elements of an array of an enum may be null here, as those of every other array may in both.
 */
function isOtherwise(topic: string, column: string): boolean {
  const type = typeTables.find(({ name }) => topic === `public.${name}`)?.type
  return column === 'v' && type !== undefined && ['int2vector', 'oidvector', 'mood[]'].includes(type)
}

function report(form: string, { records, fields, deliberate, others }: Comparison): string {
  const differing = others.length + [...deliberate.values()].reduce((sum, count) => sum + count, 0)
  const lines = [
    `Debezium ${debeziumVersion()}, ${form}: ${records} records, ${fields} fields, ${fields - differing} equal, ${differing} not`,
    '',
    '| fields | on purpose |',
    '| --- | --- |',
    ...[...deliberate].map(([what, count]) => `| ${count} | ${what} |`),
    '',
    `${others.length} other differences`,
    ...others.slice(0, shownMax).map(({ topic, type, path, debezium, ours }) => {
      return `  ${topic} ${type} ${path}: Debezium ${debezium.slice(0, 120)}, Tidemark ${ours.slice(0, 120)}`
    })
  ]
  return `${lines.join('\n')}\n`
}
