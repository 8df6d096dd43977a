// npm run debezium: a real Debezium and Tidemark on the same work, compared record by record and field by field.
// Fails when they differ in anything that deliberate-differences.ts does not name.
import { once } from 'node:events'
import kafkajs from 'kafkajs'
import type pg from 'pg'
import { connectSession } from '@tidemark/capture/postgres/session.ts'
import { debeziumAvroFormat } from '@tidemark/kcop/formats/debezium/debezium-avro.ts'
import { debeziumFormat } from '@tidemark/kcop/formats/debezium/debezium.ts'
import { Producer } from '@tidemark/kcop/producer.ts'
import { tableRule } from '@tidemark/kcop/rules.ts'
import { RecordingSink } from '@tidemark/kcop/testing/recording-sink.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { startPostgres } from '../../services/postgres.ts'
import { startKafka } from '../../services/kafka.ts'
import { decodeChanges } from '../fidelity/decoded-changes.ts'
import { debeziumVersion, fetchDebezium, startDebezium } from './debezium-connect.ts'
import { deliberateDifferences } from './deliberate-differences.ts'
import { compare, type Comparison, type Seen } from './envelope-comparison.ts'
import { compareSchemas, type TopicSchemas } from './schema-comparison.ts'
import { createTables, lastKey, lastTopic, typeTables, work } from './work.ts'

const prefix = 'compared'
const publication = 'compared'
const waitMs = 240_000
/** Without a record, after the last change's. */
const quietMs = 8_000
/** Connect's schemas stand beside keys and values, and columns have names that Avro allows. */
const workerSettings = { 'key.converter.schemas.enable': 'true', 'value.converter.schemas.enable': 'true' }
const shownMax = 40

const say = (line: string): void => void process.stderr.write(`${line}\n`)

/** By topic. */
const theirSchemas = new Map<string, TopicSchemas>()
const ourSchemas = new Map<string, TopicSchemas>()

const libs = fetchDebezium(say)
const [postgres, kafka] = await Promise.all([startPostgres({ durable: false }), startKafka({ say })])
try {
  const client = await connectSession({ url: postgres.url })
  const comparison = await compareOn(client, postgres.url, kafka.brokers)
  await client.end()
  const schemas = compareSchemas(theirSchemas, ourSchemas, isVector)
  process.stdout.write(report(comparison))
  process.stdout.write(`${schemas.compared} Avro schemas compared, ${schemas.differences.length} differences\n`)
  for (const difference of schemas.differences.slice(0, shownMax)) process.stdout.write(`  ${difference}\n`)
  process.exitCode = comparison.others.length + schemas.differences.length === 0 ? 0 : 1
} finally {
  await kafka.stop()
  await postgres.stop()
}

async function compareOn(client: pg.Client, url: string, brokers: string[]): Promise<Comparison> {
  await client.query('SET search_path = public, pg_catalog')
  await client.query("SET lc_monetary = 'C'")
  await createTables(client)
  await client.query(`CREATE PUBLICATION ${publication} FOR ALL TABLES`)
  for (const slot of ['ours', 'theirs']) {
    await client.query(`SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`)
  }
  say('starting Debezium')
  const debezium = await startDebezium({
    libs,
    brokers,
    postgresUrl: url,
    slot: 'theirs',
    publication,
    prefix,
    workerSettings
  })
  await work(client)
  const theirs = await debeziumRecords(brokers)
  await debezium.stop()
  await client.query('SET search_path = pg_catalog')
  return compare(theirs, await ourRecords(client), typeTables, deliberateDifferences)
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
  const key = withSchema(message.key)
  const value = withSchema(message.value)
  if (key !== null && value !== null && !theirSchemas.has(name)) {
    theirSchemas.set(name, { key: key.schema, value: value.schema })
  }
  return {
    topic: name,
    key: key?.payload ?? null,
    value: value?.payload ?? null,
    headers: Object.fromEntries(headers.map(([name, value]) => [name, value === undefined ? null : String(value)]))
  }
}

/** int2vector and oidvector are text here; Debezium has arrays for them, which it leaves empty. */
function isVector(topic: string, column: string): boolean {
  const type = typeTables.find(({ name }) => topic === `public.${name}`)?.type
  return column === 'v' && (type === 'int2vector' || type === 'oidvector')
}

/** `{"schema":..,"payload":..}` as the JsonConverter writes it; no column is called payload. */
function withSchema(bytes: Buffer | null): { schema: string; payload: string } | null {
  if (bytes === null) return null
  const text = bytes.toString()
  const at = text.indexOf(',"payload":')
  return { schema: text.slice('{"schema":'.length, at), payload: text.slice(at + ',"payload":'.length, -1) }
}

/** The same changes through our decoder and producer. A record that is refused stands as its refusal. */
async function ourRecords(client: pg.Client): Promise<Seen[]> {
  const names = [...typeTables.map(({ name }) => name), 'account', 'full_account', 'pair_key', 'precise', 'doc']
  const rules = names.map(name => tableRule(`public.${name}`, prefix, { format: 'debezium' }))
  const sink = new RecordingSink()
  const { rows } = await client.query<{ name: string }>('SELECT current_database() AS name')
  const format = debeziumFormat({
    prefix,
    database: rows[0]!.name,
    version: '0',
    decimals: 'precise',
    now: Date.now
  })
  const producer = new Producer({
    rules: { tables: rules, outbox: { tables: [], messages: [] } },
    sink,
    formats: [format]
  })
  const records: Seen[] = []
  const take = (): void =>
    void records.push(...sink.take().map(record => ({ ...record, topic: record.topic.slice(prefix.length + 1) })))
  await decodeChanges(client, 'ours', publication, {
    schema: table => {
      noteSchemas(table)
      producer.schema(table)
    },
    begin: transaction => producer.begin(transaction),
    operation: operation => {
      try {
        producer.process(operation)
      } catch (error) {
        if (!isTidemarkError(error, 'ROW_UNSUITABLE')) throw error
        const topic = operation.table!.qualifiedName
        records.push({ topic, key: null, value: null, headers: {}, refused: error.code })
      }
      take()
    },
    commit: () => {},
    idle: () => {}
  })
  return records
}

function report({ records, fields, deliberate, others }: Comparison): string {
  const differing = others.length + [...deliberate.values()].reduce((sum, count) => sum + count, 0)
  const lines = [
    `Debezium ${debeziumVersion()}: ${records} records, ${fields} fields, ${fields - differing} equal, ${differing} not`,
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

/** The schemas we register for a table. */
function noteSchemas(table: Table): void {
  const noted: Partial<TopicSchemas> = {}
  const entry = (subject: string, schema: string) => {
    noted[subject.endsWith('-key') ? 'key' : 'value'] = schema
    return { subject, schema, id: 1, ready: null }
  }
  const { qualifiedName, keyColumns } = table
  const surroundings = { prefix, database: '', version: '0', decimals: 'precise', now: Date.now } as const
  debeziumAvroFormat({ ...surroundings, registry: { entry }, subjects: 'topic' }).compile(table, keyColumns, prefix)
  ourSchemas.set(qualifiedName, { key: '', value: '', ...noted })
}
