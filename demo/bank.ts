import pg from 'pg'

export const accounts = 1_000
export const openingBalance = 1_000
/** Sum of all balances: no transfer may move it. */
export const totalBalance = BigInt(accounts) * BigInt(openingBalance)

const schema = `
  create table account (
    id bigint primary key,
    owner text not null,
    balance bigint not null,
    updated_at timestamptz not null default now()
  );
  create table transfer (
    id bigint generated always as identity primary key,
    from_id bigint not null,
    to_id bigint not null,
    amount bigint not null,
    note text not null,
    at timestamptz not null default clock_timestamp()
  );
  create table outbox (
    id uuid primary key default gen_random_uuid(),
    aggregatetype text not null,
    aggregateid text not null,
    type text not null,
    payload jsonb
  );
`

/** Creates the bank's database: accounts, transfers and an outbox. */
export async function createBank(adminUrl: string, database: string): Promise<string> {
  const admin = new pg.Client({ connectionString: adminUrl })
  await admin.connect()
  try {
    await admin.query(`create database ${pg.escapeIdentifier(database)}`)
  } finally {
    await admin.end()
  }
  const url = new URL(adminUrl)
  url.pathname = `/${database}`
  const client = new pg.Client({ connectionString: url.href })
  await client.connect()
  try {
    await client.query(schema)
    await client.query(
      `insert into account (id, owner, balance) select i, 'owner ' || i, ${openingBalance} from generate_series(1, ${accounts}) i`
    )
  } finally {
    await client.end()
  }
  return url.href
}

/** One teller: moves money between accounts until stopped, each transfer a transaction over three tables. */
export class Teller {
  transfers = 0
  private readonly client: pg.Client
  private readonly random: () => number
  private stopped = false
  private done: Promise<void> = Promise.resolve()

  constructor(url: string, random: () => number) {
    this.client = new pg.Client({ connectionString: url })
    this.random = random
  }

  async start(pauseMs: number): Promise<void> {
    await this.client.connect()
    this.done = this.work(pauseMs)
  }

  async stop(): Promise<void> {
    this.stopped = true
    await this.done
    await this.client.end()
  }

  private async work(pauseMs: number): Promise<void> {
    while (!this.stopped) {
      await this.transfer()
      if (pauseMs > 0) await new Promise(resolve => setTimeout(resolve, pauseMs))
    }
  }

  private async transfer(): Promise<void> {
    const from = 1 + Math.floor(this.random() * accounts)
    const to = 1 + Math.floor(this.random() * accounts)
    const amount = 1 + Math.floor(this.random() * 600)
    await this.client.query('begin')
    if (this.random() < 0.05) await this.changeOfMind(from)
    // Always in the order of ids, so that two tellers cannot lock each other.
    for (const id of [Math.min(from, to), Math.max(from, to)]) {
      const change = (id === to ? amount : 0) - (id === from ? amount : 0)
      await this.client.query(
        'update account set balance = balance + $1, updated_at = clock_timestamp() where id = $2',
        [change, id]
      )
      if (from === to) break
    }
    await this.client.query('insert into transfer (from_id, to_id, amount, note) values ($1, $2, $3, $4)', [
      from,
      to,
      amount,
      `payment from ${from} to ${to}`
    ])
    if (amount > 500) await this.announce(from, amount)
    await this.client.query('commit')
    this.transfers++
  }

  /** Work that is rolled back to a savepoint: consumers must never see it. */
  private async changeOfMind(id: number): Promise<void> {
    await this.client.query('savepoint thought')
    await this.client.query('update account set balance = balance - 1000000 where id = $1', [id])
    await this.client.query('rollback to savepoint thought')
  }

  private async announce(from: number, amount: number): Promise<void> {
    await this.client.query('insert into outbox (aggregatetype, aggregateid, type, payload) values ($1, $2, $3, $4)', [
      'transfer',
      String(from),
      'LargeTransfer',
      JSON.stringify({ from, amount })
    ])
  }
}
