import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import pg from 'pg'
import { startProgram } from '../support/child.ts'
import { applyBank, runBank, useBank } from './bank-subscription.ts'

/** Two million with `npm run large-transaction`; fewer in every test run. */
const rows = Number(process.env['TIDEMARK_LARGE_ROWS'] ?? '200000')
const megabytesMax = 400

interface Answer {
  records: number
  inOrder: boolean
  isLarge: boolean
  peakMegabytes: number
}

it(`passes a transaction of ${rows} rows with agent and reader each below ${megabytesMax} MB`, async t => {
  const bank = await useBank(t, 10)
  await applyBank(t, bank)
  const agent = await runBank(t, bank)
  const client = new pg.Client({ connectionString: bank.url })
  await client.connect()
  const sql = `insert into transfer (from_id, to_id, amount, note)
    select i, i + 1, 1.5, 'one of very many transfers in a single transaction ' || i from generate_series(1, $1::int) i`
  await client.query(sql, [rows])
  await client.end()
  const reader = startProgram(t, join(import.meta.dirname, 'large-transaction-reader.ts'), {
    args: [bank.brokers.join(','), `${bank.name}.commits`, String(rows)]
  })
  const answer = JSON.parse(await reader.line(/^\{"records"/, 240_000)) as Answer
  const agentMegabytes = peakMegabytes(agent.pid)
  t.diagnostic(`agent ${agentMegabytes} MB, reader ${answer.peakMegabytes} MB`)
  assert.equal(answer.records, rows)
  assert.ok(answer.inOrder)
  assert.ok(answer.isLarge)
  assert.ok(agentMegabytes < megabytesMax, `the agent took ${agentMegabytes} MB`)
  assert.ok(answer.peakMegabytes < megabytesMax, `the reader took ${answer.peakMegabytes} MB`)
})

/** Largest resident size so far (proc(5), VmHWM). */
function peakMegabytes(pid: number): number {
  const line = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Math.round(Number(line![1]) / 1024)
}
