import pg from 'pg'

const slot = 'oracle'

/** What the source itself says it committed, in commit order: a second slot, decoded by PostgreSQL's own test plugin. */
export class SourceOracle {
  private readonly client: pg.Client

  private constructor(client: pg.Client) {
    this.client = client
  }

  /** From now on. Call before the first transaction of interest. */
  static async open(url: string): Promise<SourceOracle> {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    const name = `${slot}_${(await client.query<{ oid: number }>('select oid from pg_database where datname = current_database()')).rows[0]!.oid}`
    await client.query(`select pg_create_logical_replication_slot('${name}', 'test_decoding')`)
    await client.query(`set oracle.slot = '${name}'`)
    return new SourceOracle(client)
  }

  /** After a restart of the server: the slot is there, the connection is not. */
  static async again(url: string): Promise<SourceOracle> {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    const { rows } = await client.query<{ slot: string }>(
      "select slot_name as slot from pg_replication_slots where plugin = 'test_decoding' and database = current_database()"
    )
    await client.query(`set oracle.slot = '${rows[0]!.slot}'`)
    return new SourceOracle(client)
  }

  /** Committed transactions that changed a row, in commit order, with the number of rows changed. */
  async transactions(): Promise<{ sourceId: string; rows: number }[]> {
    const { rows } = await this.client.query<{ sourceId: string; rows: number }>(
      `select xid::text as "sourceId", count(*)::int as rows
       from (select row_number() over () as n, xid, data
             from pg_logical_slot_peek_changes(current_setting('oracle.slot'), null, null)) changes
       where data like 'table %' group by xid order by min(n)`
    )
    return rows
  }

  /** Leaves the slot: see `again`. */
  disconnect(): Promise<void> {
    return this.client.end()
  }

  async close(): Promise<void> {
    await this.client.query(`select pg_drop_replication_slot(current_setting('oracle.slot'))`)
    await this.client.end()
  }
}
