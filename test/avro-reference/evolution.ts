import type pg from 'pg'
import type { JsonValue } from '@tidemark/schemas/json-text.ts'
import type { ReadBack, Reading } from './java-reader.ts'
import { formatNames, writtenRows, type AvroFormatName, type WrittenRow } from './written-records.ts'

type Row = Record<string, JsonValue>

/** A state of the table: how it came about, its columns' types, and a row of it as each envelope tells it. */
interface Version {
  sql: string
  columns: Readonly<Record<string, string>>
  row: Row
  /** Where Debezium has other forms for the same values. */
  debezium: Row
}

const joined = { date: '2024-02-29', days: 19782 }
const seen = '2024-02-29T12:34:56.789012Z'
const token = '4d47e190-0402-4048-bc2c-89dd54343cdc'

const first = { id: 'int', owner: 'text', rate: 'real', joined: 'date', amount: 'numeric(10,2)' }
const added = { note: 'text', seen: 'timestamptz', token: 'uuid' }
const { owner: _dropped, ...kept } = { ...first, ...added }
const grown = { ...kept, id: 'bigint', rate: 'double precision' }
const nothing = { joined: null, amount: null, seen: null, token: null }

/** Columns come, go and grow, and come back as another type. */
const versions: readonly Version[] = [
  {
    sql: `CREATE TABLE account (id int PRIMARY KEY, owner text, rate real, joined date, amount numeric(10, 2));
      INSERT INTO account VALUES (1, 'Ann', 1.5, '${joined.date}', 10.5)`,
    columns: first,
    row: { id: 1, owner: 'Ann', rate: 1.5, joined: joined.date, amount: '10.50' },
    debezium: { joined: joined.days }
  },
  {
    sql: `ALTER TABLE account ADD note text, ADD seen timestamptz, ADD token uuid, ADD tags text[];
      INSERT INTO account VALUES (2, 'Bob', 2.5, NULL, NULL, 'new', '${seen}', '${token}', '{a,NULL}')`,
    columns: { ...first, ...added, tags: 'text[]' },
    row: { ...nothing, id: 2, owner: 'Bob', rate: 2.5, note: 'new', seen, token, tags: ['a', null] },
    debezium: {}
  },
  {
    sql: `ALTER TABLE account DROP owner, DROP tags;
      INSERT INTO account VALUES (3, 3.5, '${joined.date}', 3, 'third')`,
    columns: kept,
    row: { ...nothing, id: 3, rate: 3.5, joined: joined.date, amount: '3.00', note: 'third' },
    debezium: { joined: joined.days }
  },
  {
    sql: `ALTER TABLE account ALTER id TYPE bigint, ALTER rate TYPE double precision;
      INSERT INTO account VALUES (4, 4.5, NULL, NULL, 'fourth')`,
    columns: grown,
    row: { ...nothing, id: 4, rate: 4.5, note: 'fourth' },
    debezium: {}
  },
  {
    sql: `ALTER TABLE account ALTER note TYPE int USING length(note);
      INSERT INTO account VALUES (5, 5.5, NULL, NULL, 5)`,
    columns: { ...grown, note: 'int' },
    row: { ...nothing, id: 5, rate: 5.5, note: 5 },
    debezium: {}
  }
]
const grows: ReadonlySet<string> = new Set(['int bigint', 'real double precision'])

export interface EvolutionReading extends Reading {
  what: string
  isReadable: boolean
  expected: Row
  /** Of what was read, the part that `expected` tells. */
  rowIn(record: Row): Row
}

/** Each row by the schema of every other version, before and after, key and value, in every format. */
export async function evolutionReadings(client: pg.Client): Promise<EvolutionReading[]> {
  await client.query(versions[0]!.sql.split(';')[0]!)
  await client.query('CREATE PUBLICATION evolution FOR TABLE account')
  await client.query(`SELECT pg_create_logical_replication_slot('evolution', 'pgoutput')`)
  for (const [index, { sql }] of versions.entries()) await client.query(index > 0 ? sql : sql.split(';')[1]!)
  const readings: EvolutionReading[] = []
  for (const format of formatNames) {
    readings.push(...readingsOf(format, await writtenRows(client, 'evolution', ['account'], format)))
  }
  return readings
}

function readingsOf(format: AvroFormatName, rows: readonly WrittenRow[]): EvolutionReading[] {
  return versions.flatMap((writer, from) =>
    versions.flatMap((reader, to) =>
      (['key', 'value'] as const).map(part => {
        const [written, by] = [rows[from]![part], rows[to]![part]]
        const columns = Object.keys(reader.columns).filter(name => part === 'value' || name === 'id')
        const values: Row = format === 'debezium-avro' ? { ...writer.row, ...writer.debezium } : writer.row
        return {
          what: `${format} ${part} of version ${from + 1} by version ${to + 1}`,
          writer: written.schema,
          reader: by.schema,
          bytes: written.bytes,
          isReadable: columns.every(name => carries(writer.columns[name], reader.columns[name]!)),
          expected: Object.fromEntries(columns.map(name => [name, values[name] ?? null])),
          rowIn: part === 'key' ? same : rowsIn[format]
        }
      })
    )
  )
}

/** A column that was not there is null by default. */
function carries(from: string | undefined, to: string): boolean {
  return from === undefined || from === to || grows.has(`${from} ${to}`)
}

const same = (record: Row): Row => record
const rowsIn: Readonly<Record<AvroFormatName, (record: Row) => Row>> = {
  avro: same,
  'audit-avro': ({ A_ENTTYP: entry, A_TIMSTAMP: at, A_CCID: id, A_SEQNO: ordinal, ...row }) =>
    entry === 'PT' && typeof at === 'string' && typeof id === 'string' && ordinal === 0 ? row : {},
  'audit-single-avro': ({ beforeImage, afterImage }) => (beforeImage === null ? (afterImage as Row) : {}),
  'debezium-avro': ({ before, after, op }) => (before === null && op === 'c' ? (after as Row) : {})
}

/** For each format and part: which versions read the one before (BACKWARD), and are read by it (FORWARD). */
export function judgement(readings: readonly EvolutionReading[], read: readonly ReadBack[]): string[] {
  const names = ['columns added', 'columns dropped', 'types grown', 'text to int']
  return (['key', 'value'] as const).map(part => {
    const judged = names.map((name, index) => {
      const says = (from: number, to: number): string => {
        const all = formatNames.map(format => {
          const what = `${format} ${part} of version ${from} by version ${to}`
          return read[readings.findIndex(reading => reading.what === what)]!.isCompatible
        })
        return all.every(Boolean) ? 'yes' : all.some(Boolean) ? 'some' : 'no'
      }
      return `${name}: backward ${says(index + 1, index + 2)}, forward ${says(index + 2, index + 1)}`
    })
    return `${part}s: ${judged.join('; ')}`
  })
}
