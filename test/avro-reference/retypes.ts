import type pg from 'pg'
import type { JsonValue } from '@tidemark/schemas/json-text.ts'
import type { Reading } from './java-reader.ts'
import { writtenRows } from './written-records.ts'

export interface Retype {
  from: string
  to: string
  sql: string
  /** What Avro's rules say of the old row by the new schema, and of the new row by the old one. */
  backward: boolean
  forward: boolean
  /** The old row by the new schema; left out where it cannot be read. */
  read?: JsonValue
}

/** ALTER COLUMN .. TYPE, and what Avro makes of rows on the other side of it. */
export const retypes: readonly Retype[] = [
  { from: 'int', to: 'bigint', sql: '7', backward: true, forward: false, read: 7 },
  { from: 'smallint', to: 'int', sql: '7', backward: true, forward: true, read: 7 },
  { from: 'real', to: 'double precision', sql: '1.5', backward: true, forward: false, read: 1.5 },
  { from: 'int', to: 'double precision', sql: '7', backward: true, forward: false, read: 7 },
  { from: 'varchar(9)', to: 'text', sql: "'a'", backward: true, forward: true, read: 'a' },
  { from: 'numeric(10,2)', to: 'numeric(12,2)', sql: '1.5', backward: true, forward: true, read: '1.50' },
  { from: 'text', to: 'int', sql: "'7'", backward: false, forward: false },
  { from: 'bigint', to: 'int', sql: '7', backward: false, forward: true },
  { from: 'boolean', to: 'text', sql: 'true', backward: false, forward: false },
  { from: 'int', to: 'int[]', sql: '7', backward: false, forward: false },
  // Compatible to Avro, which does not look at logical types, and read as something else.
  { from: 'numeric(10,2)', to: 'numeric(10,4)', sql: '1.5', backward: true, forward: true, read: '0.0150' },
  {
    from: 'date',
    to: 'timestamp',
    sql: "'2024-02-29'",
    backward: true,
    forward: false,
    read: '1970-01-01T00:00:00.019782'
  },
  { from: 'numeric', to: 'numeric(10,2)', sql: '1.5', backward: true, forward: true, read: '32230.93' },
  {
    from: 'timestamp',
    to: 'timestamptz',
    sql: "'2024-02-29 12:00'",
    backward: true,
    forward: true,
    read: '2024-02-29T12:00:00Z'
  }
]

export interface RetypeReading extends Reading {
  retype: Retype
  isForward: boolean
}

/** The row before by the schema after, and the row after by the schema before, in format avro. */
export async function retypeReadings(client: pg.Client): Promise<RetypeReading[]> {
  const names = retypes.map((_, index) => `retype_${index}`)
  for (const [index, { from }] of retypes.entries()) {
    await client.query(`CREATE TABLE retype_${index} (id int PRIMARY KEY, v ${from})`)
  }
  await client.query(`CREATE PUBLICATION retypes FOR TABLE ${names.join(', ')}`)
  await client.query(`SELECT pg_create_logical_replication_slot('retypes', 'pgoutput')`)
  for (const [index, { from, to, sql }] of retypes.entries()) {
    await client.query(`INSERT INTO retype_${index} VALUES (1, ${sql})`)
    const using = to === 'int[]' ? 'ARRAY[v]' : `v::${from === 'boolean' || to !== 'int' ? 'text' : from}::${to}`
    await client.query(`ALTER TABLE retype_${index} ALTER v TYPE ${to} USING ${using}`)
    await client.query(`INSERT INTO retype_${index} SELECT 2, v FROM retype_${index}`)
  }
  const rows = await writtenRows(client, 'retypes', names, 'avro')
  return retypes.flatMap((retype, index) => {
    const [before, after] = rows.filter(({ table }) => table === `retype_${index}`).map(({ value }) => value)
    return [
      { retype, isForward: false, writer: before!.schema, reader: after!.schema, bytes: before!.bytes },
      { retype, isForward: true, writer: after!.schema, reader: before!.schema, bytes: after!.bytes }
    ]
  })
}
