import pg from 'pg'

export const openingBalance = 1_000n

export interface BankOptions {
  accounts: number
  writers: number
  /** Transactions each writer makes. */
  transactions: number
  random: () => number
}

const schema = `
  create table account (id bigint primary key, owner text not null, balance numeric(20, 2) not null, version int not null default 0);
  create table transfer (id uuid primary key default gen_random_uuid(), from_id bigint, to_id bigint, amount numeric(20, 2), note text);
  create table written (id uuid primary key default gen_random_uuid(), writer int, number int, rows int not null);
`

/** Creates the tables and opens the accounts. */
export async function openBank(url: string, accounts: number): Promise<void> {
  await using client = await connect(url)
  await client.client.query(schema)
  await client.client.query(
    `insert into account select i, 'owner ' || i, ${openingBalance} from generate_series(1, ${accounts}) i`
  )
}

/**
 * Writers at work side by side: transfers over two tables, rollbacks to savepoints, whole rollbacks, deletes, key
 * changes and long transactions. Each writes down, in the same transaction, how many rows the transaction changes.
 */
export async function work(url: string, options: BankOptions): Promise<void> {
  const writers = Array.from({ length: options.writers }, (_, index) => new Writer(index, url, options))
  await Promise.all(writers.map(writer => writer.run()))
}

class Writer {
  private readonly index: number
  private readonly url: string
  private readonly options: BankOptions
  private rows = 0
  private client!: pg.Client

  constructor(index: number, url: string, options: BankOptions) {
    this.index = index
    this.url = url
    this.options = options
  }

  async run(): Promise<void> {
    await using connection = await connect(this.url)
    this.client = connection.client
    for (let number = 1; number <= this.options.transactions; number++) await this.transaction(number)
  }

  private async transaction(number: number): Promise<void> {
    this.rows = 0
    await this.client.query('begin')
    const kind = this.options.random()
    if (kind < 0.05) await this.close()
    else if (kind < 0.1) await this.rename()
    else for (let count = kind < 0.15 ? 40 : 1; count > 0; count--) await this.transfer()
    if (this.options.random() < 0.1) await this.changeOfMind()
    await this.client.query('insert into written (writer, number, rows) values ($1, $2, $3)', [
      this.index,
      number,
      this.rows + 1
    ])
    await this.client.query(this.options.random() < 0.05 ? 'rollback' : 'commit')
  }

  /** Locks accounts in the order of their ids, so that writers cannot lock each other. */
  private async lock(count: number): Promise<{ id: string; balance: string }[]> {
    const { rows } = await this.client.query<{ id: string; balance: string }>(
      `select id, balance from account where id in (select id from account order by random() limit $1)
       order by id for update skip locked`,
      [count]
    )
    return rows
  }

  private async transfer(): Promise<void> {
    const [from, to] = await this.lock(2)
    if (!from || !to) return
    const amount = (this.options.random() * 100).toFixed(2)
    await this.move(from.id, `-${amount}`)
    await this.move(to.id, amount)
    await this.change('insert into transfer (from_id, to_id, amount, note) values ($1, $2, $3, $4)', [
      from.id,
      to.id,
      amount,
      `writer ${this.index}`
    ])
  }

  /** An account is deleted, its balance goes to another. */
  private async close(): Promise<void> {
    const [closed, heir] = await this.lock(2)
    if (!closed || !heir) return
    await this.move(heir.id, closed.balance)
    await this.change('delete from account where id = $1', [closed.id])
  }

  /** The primary key changes. */
  private async rename(): Promise<void> {
    const [account] = await this.lock(1)
    if (!account) return
    const id = String(1_000_000 + Math.floor(this.options.random() * 1e12))
    await this.change('update account set id = $2, version = version + 1 where id = $1', [account.id, id])
  }

  private async changeOfMind(): Promise<void> {
    const before = this.rows
    await this.client.query('savepoint thought')
    await this.transfer()
    await this.client.query('rollback to savepoint thought')
    this.rows = before
  }

  private move(id: string, amount: string): Promise<void> {
    return this.change('update account set balance = balance + $2, version = version + 1 where id = $1', [id, amount])
  }

  private async change(sql: string, values: readonly unknown[]): Promise<void> {
    const { rowCount } = await this.client.query(sql, [...values])
    this.rows += rowCount ?? 0
  }
}

async function connect(url: string): Promise<{ client: pg.Client } & AsyncDisposable> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  return { client, [Symbol.asyncDispose]: () => client.end() }
}
