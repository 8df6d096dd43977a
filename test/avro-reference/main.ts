// npm run avro-reference: what Tidemark writes as Avro, read back by Avro's own Java implementation. Every type of the
// server, and rows from before and after columns came, went and grew, by newer and older schemas. Fails on any difference.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type pg from 'pg'
import { connectSession } from '@tidemark/capture/postgres/session.ts'
import { avroFormat } from '@tidemark/kcop/avro/avro-format.ts'
import { Producer } from '@tidemark/kcop/producer.ts'
import { tableRule } from '@tidemark/kcop/rules.ts'
import { RecordingSink } from '@tidemark/kcop/testing/recording-sink.ts'
import { parseJson, type JsonValue } from '@tidemark/schemas/json-text.ts'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { adopt, cacheDirectory } from '../../services/cache.ts'
import { startPostgres } from '../../services/postgres.ts'
import { decodeChanges } from '../fidelity/decoded-changes.ts'
import { ownTypesSql, typeCases } from '../fidelity/type-cases.ts'

/** A record to be read: by its own schema or another's. */
interface Reading {
  what: string
  writer: string
  reader: string
  bytes: Buffer
  expected: Record<string, JsonValue>
}

interface Written {
  table: string
  schema: string
  bytes: Buffer
}

const evolutionRecords = 5
/** Types that are strings of JSON in Avro, and JSON itself in what is expected. */
const jsonTypes = /^(?:d_)?jsonb?(?:\[\])?$/

const libs = fetchAvro()
const postgres = await startPostgres({ durable: false })
try {
  const client = await connectSession({ url: postgres.url })
  const readings = [...(await typeReadings(client)), ...(await evolutionReadings(client))]
  await client.end()
  const faults = readBack(readings)
  const refused = typeCases.length + evolutionRecords - readings.length
  process.stdout.write(`${refused} values refused, since Avro's types cannot tell them\n`)
  process.stdout.write(`${readings.length} records read by org.apache.avro, ${faults.length} otherwise than written\n`)
  for (const fault of faults) process.stdout.write(`  ${fault}\n`)
  process.exitCode = faults.length === 0 ? 0 : 1
} finally {
  await postgres.stop()
}

function fetchAvro(): string {
  const place = join(cacheDirectory(), 'avro-reference')
  if (existsSync(place)) return place
  const fresh = `${place}-${process.pid}`
  const pom = join(import.meta.dirname, 'pom.xml')
  const args = ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${fresh}`]
  const { status, stdout, stderr } = spawnSync('mvn', args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`Java 17 and Maven (mvn) must be in PATH\n${stdout}${stderr}`)
  adopt(fresh, place)
  return place
}

/** One table for each value of each type. Values Avro's types cannot tell are refused, and left out here. */
async function typeReadings(client: pg.Client): Promise<Reading[]> {
  await client.query('SET search_path = public, pg_catalog')
  await client.query("SET lc_monetary = 'C'")
  await client.query(ownTypesSql)
  for (const [index, { type }] of typeCases.entries()) {
    await client.query(`CREATE TABLE type_${index} (id int PRIMARY KEY, v ${type})`)
  }
  await client.query('CREATE PUBLICATION types FOR ALL TABLES')
  await client.query(`SELECT pg_create_logical_replication_slot('types', 'pgoutput')`)
  for (const [index, { type, sql }] of typeCases.entries()) {
    await client.query(`INSERT INTO type_${index} VALUES (1, ${sql.startsWith("'") ? `${sql}::${type}` : sql})`)
  }
  const written = await writtenRecords(client, 'types')
  return written.map(({ table, schema, bytes }) => {
    const { type, json } = typeCases[Number(table.slice('type_'.length))]!
    return { what: type, writer: schema, reader: schema, bytes, expected: { id: 1, v: json } }
  })
}

/** Each version of a row by the schemas of the others. */
async function evolutionReadings(client: pg.Client): Promise<Reading[]> {
  await client.query('SET search_path = public, pg_catalog')
  await client.query(`
    CREATE TABLE account (id int PRIMARY KEY, owner text, rate real);
    CREATE PUBLICATION evolution FOR TABLE account`)
  await client.query(`SELECT pg_create_logical_replication_slot('evolution', 'pgoutput')`)
  await client.query(`INSERT INTO account VALUES (1, 'Ann', 1.5)`)
  await client.query(`ALTER TABLE account ADD note text`)
  await client.query(`INSERT INTO account VALUES (2, 'Bob', 2.5, 'new')`)
  await client.query(`ALTER TABLE account DROP owner, ALTER id TYPE bigint, ALTER rate TYPE double precision`)
  await client.query(`INSERT INTO account VALUES (3, 3.5, 'last')`)
  const [first, second, third] = await writtenRecords(client, 'evolution')
  const reading = (what: string, of: Written, by: Written, expected: Record<string, JsonValue>): Reading => {
    return { what, writer: of.schema, reader: by.schema, bytes: of.bytes, expected }
  }
  return [
    reading('added, by newer', first!, second!, { id: 1, owner: 'Ann', rate: 1.5, note: null }),
    reading('added, by older', second!, first!, { id: 2, owner: 'Bob', rate: 2.5 }),
    reading('dropped and grown, by newer', first!, third!, { id: 1, rate: 1.5, note: null }),
    reading('dropped and grown, by newer', second!, third!, { id: 2, rate: 2.5, note: 'new' }),
    reading('by its own', third!, third!, { id: 3, rate: 3.5, note: 'last' })
  ]
}

/** The values written for what a slot holds, with their schemas. */
async function writtenRecords(client: pg.Client, slot: string): Promise<Written[]> {
  const schemas: string[] = []
  const registry = {
    entry: (subject: string, schema: string) => ({ subject, schema, id: schemas.push(schema) - 1, ready: null })
  }
  const names = [...typeCases.keys()].map(index => `type_${index}`)
  const tables = [...names, 'account'].map(name => tableRule(`public.${name}`, 'reference', { format: 'avro' }))
  const sink = new RecordingSink()
  const formats = [avroFormat({ registry, subjects: 'topic', namespace: 'reference' })]
  const producer = new Producer({ rules: { tables, outbox: { tables: [], messages: [] } }, sink, formats })
  const written: Written[] = []
  await client.query('SET search_path = pg_catalog')
  await decodeChanges(client, slot, slot, {
    schema: table => producer.schema(table),
    begin: transaction => producer.begin(transaction),
    operation: operation => {
      try {
        producer.process(operation)
      } catch (error) {
        if (!isTidemarkError(error, 'ROW_UNSUITABLE')) throw error
        return
      }
      const value = sink.values[0]!
      sink.take()
      written.push({ table: operation.table!.name, schema: schemas[value!.readInt32BE(1)]!, bytes: value!.subarray(5) })
    },
    commit: () => {},
    idle: () => {}
  })
  return written
}

function readBack(readings: readonly Reading[]): string[] {
  const base64 = (text: string): string => Buffer.from(text).toString('base64')
  const input = readings.map(({ writer, reader, bytes }) =>
    [base64(writer), base64(reader), bytes.toString('base64')].join('\t')
  )
  const { status, stdout, stderr } = spawnSync(
    'java',
    ['-Dfile.encoding=UTF-8', '-cp', `${libs}/*`, join(import.meta.dirname, 'read-back.java')],
    { input: `${input.join('\n')}\n`, encoding: 'utf8', maxBuffer: 100_000_000 }
  )
  if (status !== 0) throw new Error(`Java ended with ${status}\n${stderr.slice(-4000)}`)
  const lines = stdout.trimEnd().split('\n')
  return readings.flatMap(({ what, expected }, index) => {
    const members = parseJson(lines[index]!) as Record<string, JsonValue>
    const read = normal(jsonTypes.test(what) ? { ...members, v: parsed(members['v']!) } : members)
    const wanted = normal(expected)
    if (JSON.stringify(read) === JSON.stringify(wanted)) return []
    return [`${what}: ${JSON.stringify(read).slice(0, 200)}, not ${JSON.stringify(wanted).slice(0, 200)}`]
  })
}

function parsed(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(item => parsed(item as JsonValue))
  return typeof value === 'string' ? parseJson(value) : value
}

/** One text for a value, whether docs/types.md or Java wrote it: zeros at the end of a fraction, years before Christ. */
function normal(value: JsonValue): unknown {
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'number') return String(value)
  if (Array.isArray(value)) return value.map(item => normal(item as JsonValue))
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, normal(item as JsonValue)]))
  }
  return typeof value === 'string' ? normalTime(value) : value
}

function normalTime(text: string): string {
  const christ = /^(\d{4})-(\d\d-\d\d)(?: ([\d:.]+)(\+00)?)? BC$/.exec(text)
  if (christ !== null) {
    const [, year, day, time, zone] = christ
    const before = `-${String(Number(year) - 1).padStart(4, '0')}-${day}`
    return normalTime(time === undefined ? before : `${before}T${time}${zone === undefined ? '' : 'Z'}`)
  }
  if (!/^[+-]?\d{4,}-\d\d-\d\d(?:T|$)|^\d\d:\d\d(?::|$)/.test(text)) return text
  const whole = text.replace(/^\+/, '').replace(/((?:^|T)\d\d:\d\d)(Z?)$/, '$1:00$2')
  return whole.replace(/(\.\d*?)0+(Z?)$/, '$1$2').replace(/\.(Z?)$/, '$1')
}
