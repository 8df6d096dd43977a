import type { TestContext } from 'node:test'
import pg from 'pg'

const codes = 24

export interface LookupWork {
  url: string
  writers: number
  /** Of each writer. */
  transactions: number
  random: () => number
  /** Told after each transaction. */
  onDone?: () => void
}

/** Writers side by side, who change rates and write lines that name them, in the same transactions and in others. */
export async function writeLines(t: TestContext, work: LookupWork): Promise<void> {
  await Promise.all(
    Array.from({ length: work.writers }, async () => {
      const client = new pg.Client(work.url)
      client.on('error', () => {})
      await client.connect()
      t.after(() => client.end())
      for (let index = 0; index < work.transactions; index++) {
        await transaction(client, work.random)
        work.onDone?.()
      }
    })
  )
}

/** A transaction that meets another's key or lock is taken back, as an application does. */
async function transaction(client: pg.Client, random: () => number): Promise<void> {
  await client.query('BEGIN')
  try {
    const count = 1 + Math.floor(random() * 6)
    for (let index = 0; index < count; index++) {
      const aside = random() < 0.1
      if (aside) await client.query('SAVEPOINT aside')
      await client.query(statement(random))
      if (aside) await client.query('ROLLBACK TO aside')
    }
    await client.query(random() < 0.1 ? 'ROLLBACK' : 'COMMIT')
  } catch {
    await client.query('ROLLBACK')
  }
}

function statement(random: () => number): string {
  const kind = random()
  const code = `'c${Math.floor(random() * codes)}'`
  const n = Math.floor(random() * 1_000_000)
  if (kind < 0.35) return `INSERT INTO line (code, n) VALUES (${random() < 0.05 ? 'NULL' : code}, ${n})`
  if (kind < 0.45) return `UPDATE line SET n = ${n} WHERE id = (SELECT max(id) FROM line) - ${n % 5}`
  if (kind < 0.5) return `UPDATE line SET code = ${code} WHERE id = (SELECT max(id) FROM line) - ${n % 5}`
  if (kind < 0.53) return `DELETE FROM line WHERE id = (SELECT min(id) FROM line)`
  if (kind < 0.7) return `UPDATE rate SET value = ${n} WHERE code = ${code}`
  if (kind < 0.75) return `UPDATE rate SET other = '${n}' WHERE code = ${code}`
  if (kind < 0.8) return `UPDATE rate SET label = ${label(n)} WHERE code = ${code}`
  if (kind < 0.85) return `DELETE FROM rate WHERE code = ${code}`
  if (kind < 0.9) return `UPDATE rate SET code = 'c${n % codes}' WHERE code = ${code}`
  return `INSERT INTO rate VALUES (${code}, ${n}, ${label(n)}, 'x') ON CONFLICT DO NOTHING`
}

/** Some are so large that they are stored out of line, and not sent when they do not change. */
function label(n: number): string {
  return n % 3 === 0 ? `(SELECT string_agg(md5((i * ${n})::text), '') FROM generate_series(1, 100) i)` : `'label ${n}'`
}
