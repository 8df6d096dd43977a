import type pg from 'pg'
import { serverError, sqlState } from './server-error.ts'
import { connectSession, contextOf, type SessionOptions } from './session.ts'

/**
 * An SQL session opened when first needed and again after it was lost; one statement at a time. Errors come in
 * Tidemark's words.
 */
export class SqlSession {
  private readonly options: SessionOptions
  private client: pg.Client | null = null
  private last: Promise<unknown> = Promise.resolve()

  constructor(options: SessionOptions) {
    this.options = options
  }

  /** Runs `work`, after the works before it; `doing` names it in errors. */
  do<T>(doing: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
    const result = this.last.then(() => this.attempt(doing, work))
    this.last = result.catch(() => {})
    return result
  }

  async close(): Promise<void> {
    await this.last
    const { client } = this
    this.client = null
    await client?.end().catch(() => {})
  }

  private async attempt<T>(doing: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = (this.client ??= await this.connect())
    try {
      return await work(client)
    } catch (error) {
      // An error without SQLSTATE is the connection's.
      if (sqlState(error) === undefined) this.drop(client)
      throw serverError(error, contextOf(this.options.url, doing))
    }
  }

  private async connect(): Promise<pg.Client> {
    const client = await connectSession(this.options)
    client.once('end', () => this.drop(client))
    return client
  }

  private drop(client: pg.Client): void {
    if (this.client === client) this.client = null
    client.end().catch(() => {})
  }
}
