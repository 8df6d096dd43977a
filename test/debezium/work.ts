import type pg from 'pg'
import { ownTypesSql, typeCases, type TypeCase } from '../fidelity/type-cases.ts'

/** A table with one column `v` of a type, and what is put into it. */
export interface TypeTable extends TypeCase {
  name: string
}

/** Debezium 3.6.1 does not start in a database that has a domain over an enum (it reads labels the domain has not). */
const typesDebeziumCannotBear = new Set(['d_mood'])

export const typeTables: readonly TypeTable[] = typeCases
  .map((typeCase, index) => ({ ...typeCase, name: `type_${index}` }))
  .filter(({ type }) => !typesDebeziumCannotBear.has(type))

const ordinaryTables = `
CREATE TABLE account (id int PRIMARY KEY, owner text NOT NULL, balance numeric(12,2) NOT NULL, note text,
  opened timestamptz NOT NULL DEFAULT now(), active bool NOT NULL DEFAULT true, tags int[] NOT NULL DEFAULT '{}',
  token uuid NOT NULL DEFAULT gen_random_uuid(), born date NOT NULL DEFAULT '2024-01-01', rate numeric NOT NULL DEFAULT 1.5);
CREATE TABLE full_account (id int PRIMARY KEY, owner text NOT NULL, balance numeric(12,2));
ALTER TABLE full_account REPLICA IDENTITY FULL;
CREATE TABLE pair_key (a text, b int, note text, PRIMARY KEY (b, a));
CREATE TABLE precise (id int PRIMARY KEY, t0 time(0), t3 time(3), t6 time(6), ts0 timestamp(0), ts3 timestamp(3),
  ts4 timestamp(4), tz0 timestamptz(0), tz3 timestamptz(3), n5 numeric(5), n5_2 numeric(5,2), n2_5 numeric(2,5),
  b1 bit(1), b8 bit(8), b12 bit(12), span interval);
CREATE TABLE doc (id int PRIMARY KEY, title text, body text, raw bytea, texts text[], js jsonb, ints int[],
  raws bytea[], word varchar(20000), days date[], ids uuid[]);
`
const outOfLine = ['body', 'raw', 'texts', 'js', 'ints', 'raws', 'word', 'days', 'ids']

export async function createTables(client: pg.Client): Promise<void> {
  await client.query(ownTypesSql)
  await client.query('DROP DOMAIN d_mood; ALTER DOMAIN d_text DROP NOT NULL')
  for (const { name, type } of typeTables) await client.query(`CREATE TABLE ${name} (id int PRIMARY KEY, v ${type})`)
  await client.query(ordinaryTables)
  await client.query(`ALTER TABLE doc ${outOfLine.map(column => `ALTER ${column} SET STORAGE EXTERNAL`).join(', ')}`)
}

/** One transaction for each. */
function changes(): string[] {
  return [
    ...typeTables.map(({ name, type, sql }) => {
      const value = sql.startsWith("'") ? `${sql}::${type}` : sql
      return `INSERT INTO ${name} VALUES (1, ${value})`
    }),
    ...typeTables.map(({ name }) => `INSERT INTO ${name} (id) VALUES (2)`),
    `INSERT INTO account (id, owner, balance) VALUES (1, 'Ann', 10.5)`,
    `UPDATE account SET owner = 'Bob'`,
    `UPDATE account SET id = 2`,
    `DELETE FROM account`,
    `BEGIN; INSERT INTO full_account VALUES (1, 'Ann', 10.5); INSERT INTO pair_key VALUES ('x"y', 1, NULL);
     UPDATE full_account SET owner = 'Bob'; UPDATE full_account SET id = 2; DELETE FROM full_account;
     UPDATE pair_key SET note = 'n'; COMMIT`,
    `INSERT INTO precise VALUES (1, '12:34:56.789', '12:34:56.789', '12:34:56.789', '2024-02-29 12:34:56.789012',
       '2024-02-29 12:34:56.789012', '2024-02-29 12:34:56.789012', '2024-02-29 12:34:56.789012+00',
       '2024-02-29 12:34:56.789012+00', 12345, 123.45, 0.00012, B'1', B'10000001', B'100000001111',
       '1 year 2 mons 3 days 04:05:06.789'),
     (2, '24:00:00', '24:00:00', '24:00:00', '1969-12-31 23:59:59.999', '1969-12-31 23:59:59.999',
       '1969-12-31 23:59:59.999999', '1969-12-31 23:59:59.5+00', '1969-12-31 23:59:59.5+00', -1, -0.01, -0.00001,
       B'0', B'00000000', B'000000000000', '-1 mon -1 day -00:00:00.5')`,
    'INSERT INTO precise (id) VALUES (3)',
    `INSERT INTO doc VALUES (1, 'a', repeat('x', 10000), decode(repeat('ab', 10000), 'hex'),
       array_fill('hello'::text, array[2000]), jsonb_build_object('a', repeat('z', 10000)), array_fill(7, array[4000]),
       array_fill('\\x00'::bytea, array[4000]), repeat('v', 10000), array_fill('2024-01-01'::date, array[4000]),
       array_fill(gen_random_uuid(), array[4000]))`,
    `UPDATE doc SET title = 'b'`,
    `TRUNCATE account`
  ]
}

/** The last key written says that everything before was. */
export const lastTopic = 'public.type_0'
export const lastKey = '{"id":99}'

export async function work(client: pg.Client): Promise<void> {
  for (const change of changes()) await client.query(change)
  await client.query('INSERT INTO type_0 (id) VALUES (99)')
}
