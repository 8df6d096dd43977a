import pg from 'pg'
import type { ConsumedTransaction } from '@tidemark/tcc-consumer'
import { totalBalance } from './bank.ts'

const schema = `
  create schema if not exists ledger;
  create table if not exists ledger.account (id bigint primary key, balance bigint not null);
  create table if not exists ledger.transfers (day date primary key, transfers bigint not null, amount numeric not null);
  create table if not exists ledger.bookmark (consumer text primary key, bookmark text not null);
`

interface AccountRow {
  id: number
  balance: number
}

/**
 * The books, kept in a PostgreSQL schema of their own. What a transaction changes and the bookmark after it are written
 * in one database transaction: whatever crashes, the books continue exactly where they stopped.
 */
export class Ledger {
  transactions = 0
  operations = 0
  /** Transactions after which the sum of all balances was not what it must be. */
  violations = 0
  balance = 0n
  private readonly client: pg.Client
  private readonly balances = new Map<number, number>()
  private bookmark: string | null = null

  constructor(url: string) {
    this.client = new pg.Client({ connectionString: url })
  }

  /** Resolves with the bookmark to go on from, or null on the first day. */
  async open(): Promise<string | null> {
    await this.client.connect()
    await this.client.query(schema)
    const { rows } = await this.client.query<AccountRow>(
      'select id::float8 as id, balance::float8 as balance from ledger.account'
    )
    for (const row of rows) this.set(row.id, row.balance)
    const kept = await this.client.query<{ bookmark: string }>(
      "select bookmark from ledger.bookmark where consumer = 'ledger'"
    )
    this.bookmark = kept.rows[0]?.bookmark ?? null
    return this.bookmark
  }

  close(): Promise<void> {
    return this.client.end()
  }

  /** Enters several transactions at once: their last bookmark is written with them. */
  async enter(transactions: readonly ConsumedTransaction[]): Promise<void> {
    const changed = new Set<number>()
    let transfers = 0
    let amount = 0
    for (const transaction of transactions) {
      for (const record of transaction.records) {
        if (record.topic.endsWith('.account')) changed.add(this.account(record.key!, record.value))
        if (record.topic.endsWith('.transfer') && record.value) {
          transfers++
          amount += (JSON.parse(record.value.toString()) as { amount: number }).amount
        }
      }
      this.audit(transaction)
    }
    await this.write(changed, transfers, amount, transactions[transactions.length - 1]!.bookmark)
  }

  /** Sum of the balances as the database has them. */
  async writtenBalance(): Promise<bigint> {
    const { rows } = await this.client.query<{ sum: string }>(
      'select coalesce(sum(balance), 0) as sum from ledger.account'
    )
    return BigInt(rows[0]!.sum)
  }

  private account(key: Buffer, value: Buffer | null): number {
    if (value === null) {
      const { id } = JSON.parse(key.toString()) as AccountRow
      this.set(id, null)
      return id
    }
    const row = JSON.parse(value.toString()) as AccountRow
    this.set(row.id, row.balance)
    return row.id
  }

  private set(id: number, balance: number | null): void {
    this.balance += BigInt((balance ?? 0) - (this.balances.get(id) ?? 0))
    if (balance === null) this.balances.delete(id)
    else this.balances.set(id, balance)
  }

  /** After every transaction the sum is what it was: half a transaction would show at once. */
  private audit(transaction: ConsumedTransaction): void {
    if (transaction.kind === 'mirror') {
      this.transactions++
      this.operations += transaction.records.length
      if (this.balance !== totalBalance) this.violations++
    }
  }

  private async write(
    changed: ReadonlySet<number>,
    transfers: number,
    amount: number,
    bookmark: string
  ): Promise<void> {
    const ids = [...changed]
    const balances = ids.map(id => this.balances.get(id) ?? null)
    await this.client.query('begin')
    await this.client.query(
      `insert into ledger.account select * from unnest($1::bigint[], $2::bigint[]) as t (id, balance) where balance is not null
       on conflict (id) do update set balance = excluded.balance`,
      [ids, balances]
    )
    const closed = ids.filter(id => !this.balances.has(id))
    if (closed.length > 0) await this.client.query('delete from ledger.account where id = any($1::bigint[])', [closed])
    await this.client.query(
      `insert into ledger.transfers values (current_date, $1, $2) on conflict (day) do update
       set transfers = ledger.transfers.transfers + excluded.transfers, amount = ledger.transfers.amount + excluded.amount`,
      [transfers, amount]
    )
    await this.client.query(
      `insert into ledger.bookmark values ('ledger', $1) on conflict (consumer) do update set bookmark = excluded.bookmark`,
      [bookmark]
    )
    await this.client.query('commit')
    this.bookmark = bookmark
  }
}
