import pg from 'pg'

/** 2 updates of `account` and 1 insert into `transfer`. */
export const rowsPerTransaction = 3

const schema = `
  create table account (id bigint primary key, owner text not null, balance bigint not null, updated_at timestamptz default now());
  create table transfer (id bigserial primary key, from_id bigint, to_id bigint, amount bigint, note text, at timestamptz default now());
  insert into account select i, 'owner ' || i, 1000 from generate_series(1, 10000) i;
  create procedure bank_load(n int) language plpgsql as $$
  declare a bigint; b bigint; m bigint;
  begin
    for i in 1..n loop
      a := 1 + floor(random() * 10000); b := 1 + floor(random() * 10000); m := 1 + floor(random() * 600);
      update account set balance = balance - m, updated_at = clock_timestamp() where id = least(a, b);
      update account set balance = balance + m, updated_at = clock_timestamp() where id = greatest(a, b);
      insert into transfer (from_id, to_id, amount, note) values (a, b, m, 'payment ' || i || ' lorem ipsum dolor sit amet');
      commit;
    end loop;
  end $$;
`

export async function createBank(adminUrl: string): Promise<string> {
  await query(adminUrl, 'create database bench')
  const url = new URL(adminUrl)
  url.pathname = '/bench'
  await query(url.href, schema)
  return url.href
}

/** Makes the backlog; resolves with the seconds it took. */
export async function load(url: string, transactions: number): Promise<number> {
  const began = performance.now()
  await query(url, 'set synchronous_commit = off', `call bank_load(${transactions})`, 'checkpoint')
  return (performance.now() - began) / 1000
}

/** PostgreSQL's own decoding of the whole backlog, without sending it: the ceiling of any capture. Rows a second. */
export async function decodeRate(url: string, slot: string, publication: string, rows: number): Promise<number> {
  const began = performance.now()
  await query(
    url,
    `select count(*) from pg_logical_slot_peek_binary_changes('${slot}', null, null, 'proto_version', '1', 'publication_names', '${publication}')`
  )
  return rows / ((performance.now() - began) / 1000)
}

export async function query(url: string, ...statements: string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    for (const statement of statements) await client.query(statement)
  } finally {
    await client.end()
  }
}
