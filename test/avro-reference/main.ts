// npm run avro-reference: what Tidemark writes as Avro, read back by Avro's own Java implementation. Every type of the server
// in avro and audit rows; rows from before and after columns came, went, grew and were retyped, by the schemas of all other
// versions, in every format in Avro, keys and values, with what SchemaCompatibility says of each. Fails on any difference.
import type pg from 'pg'
import { connectSession } from '@tidemark/capture/postgres/session.ts'
import type { JsonValue } from '@tidemark/schemas/json-text.ts'
import { startPostgres } from '../../services/postgres.ts'
import { ownTypesSql, typeCases } from '../fidelity/type-cases.ts'
import { evolutionReadings, judgement } from './evolution.ts'
import { fetchAvro, readBack, type ReadBack, type Reading } from './java-reader.ts'
import { difference } from './read-values.ts'
import { retypeReadings } from './retypes.ts'
import { writtenRows, type AvroFormatName } from './written-records.ts'

interface TypeReading extends Reading {
  what: string
  type: string
  expected: Record<string, JsonValue>
  rowIn(record: Record<string, JsonValue>): Record<string, JsonValue>
}

const shownMax = 40

const libs = fetchAvro()
const postgres = await startPostgres({ durable: false })
try {
  const client = await connectSession({ url: postgres.url })
  const faults = [...(await types(client)), ...(await evolution(client)), ...(await retyping(client))]
  await client.end()
  say(`${faults.length} otherwise than expected`)
  for (const fault of faults.slice(0, shownMax)) say(`  ${fault}`)
  process.exitCode = faults.length === 0 ? 0 : 1
} finally {
  await postgres.stop()
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** One table for each value of each type. Values Avro's types cannot tell are refused, and left out here. */
async function types(client: pg.Client): Promise<string[]> {
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
  const readings = [
    ...(await typeReadings(client, 'avro', record => record)),
    ...(await typeReadings(client, 'audit-avro', ({ id, v }) => ({ id: id!, v: v! }))),
    ...(await typeReadings(client, 'audit-single-avro', ({ afterImage }) => afterImage as Record<string, JsonValue>))
  ]
  const keys = readings.filter(({ what }) => what.endsWith('key')).length
  say(`types: ${keys} keys and ${readings.length - keys} values read by org.apache.avro`)
  return readBack(libs, readings).flatMap((read, index) => typeFault(readings[index]!, read))
}

async function typeReadings(
  client: pg.Client,
  format: AvroFormatName,
  rowIn: TypeReading['rowIn']
): Promise<TypeReading[]> {
  const rows = await writtenRows(
    client,
    'types',
    typeCases.map((_, index) => `type_${index}`),
    format
  )
  say(
    `${format}: ${typeCases.length - rows.length} of ${typeCases.length} values refused, since Avro's types cannot tell them`
  )
  return rows.flatMap(({ table, key, value }) => {
    const { type, json } = typeCases[Number(table.slice('type_'.length))]!
    const reading = ({ schema, bytes }: typeof key) => ({ writer: schema, reader: schema, bytes, type })
    return [
      {
        ...reading(key),
        what: `${format} ${type} key`,
        expected: { id: 1 },
        rowIn: (record: object) => record as never
      },
      { ...reading(value), what: `${format} ${type}`, expected: { id: 1, v: json }, rowIn }
    ]
  })
}

function typeFault({ what, type, expected, rowIn }: TypeReading, { isCompatible, record }: ReadBack): string[] {
  if (record === null || !isCompatible) return [`${what}: not readable by its own schema`]
  const isKey = what.endsWith(' key')
  const otherwise = difference(rowIn(record), expected, isKey ? '' : type)
  return otherwise === null ? [] : [`${what}: ${otherwise}`]
}

async function evolution(client: pg.Client): Promise<string[]> {
  const readings = await evolutionReadings(client)
  const read = readBack(libs, readings)
  const readable = readings.filter(({ isReadable }) => isReadable).length
  say(`evolution: ${readings.length} rows by schemas of other versions, ${readable} of them readable`)
  for (const line of judgement(readings, read)) say(`  ${line}`)
  return readings.flatMap(({ what, isReadable, expected, rowIn }, index) => {
    const { isCompatible, record } = read[index]!
    if (isCompatible !== isReadable) return [`${what}: SchemaCompatibility says ${isCompatible}`]
    if (record === null) return isReadable ? [`${what}: cannot be read`] : []
    const otherwise = isReadable ? difference(rowIn(record), expected) : null
    return otherwise === null ? [] : [`${what}: ${otherwise}`]
  })
}

/** What docs/formats.md says of retyped columns. */
async function retyping(client: pg.Client): Promise<string[]> {
  const readings = await retypeReadings(client)
  return readBack(libs, readings).flatMap(({ isCompatible, record }, index) => {
    const { retype, isForward } = readings[index]!
    const what = `${retype.from} to ${retype.to}, ${isForward ? 'forward' : 'backward'}`
    const wanted = isForward ? retype.forward : retype.backward
    say(`  ${what}: ${isCompatible ? 'compatible' : 'not compatible'}, v ${JSON.stringify(record?.['v'])}`)
    if (isCompatible !== wanted) return [`${what}: SchemaCompatibility says ${isCompatible}`]
    if (isForward || retype.read === undefined) return []
    const otherwise = record === null ? 'unreadable' : difference(record, { id: 1, v: retype.read })
    return otherwise === null ? [] : [`${what}: ${otherwise}`]
  })
}
