import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PlacedRecord } from '../ownership/commit-stream-log.ts'
import { lagFindings } from './reader-findings.ts'

const hour = 3_600_000
const extent = { begin: 10, records: 10, since: 0, oldest: null }

/** Record n is written at hour n. */
const log = {
  topic: 'bank.commits',
  at: (offset: number) => Promise.resolve({ offset, timestamp: offset * hour } as PlacedRecord)
}

async function told(groups: [string, number][]): Promise<string[]> {
  const findings = await lagFindings(new Map(groups), log, { extent, retentionMs: 10 * hour, now: 20 * hour })
  return findings.map(({ severity, what }) => `${severity} ${what}`)
}

test('groups that keep up are no news', async () => {
  assert.deepEqual(
    await told([
      ['at the end', 20],
      ['a little behind', 15]
    ]),
    []
  )
})

test('groups that were overtaken, or soon are, are warned of, the last first', async () => {
  assert.deepEqual(
    await told([
      ['ledger', 12],
      ['audit', 4]
    ]),
    [
      'warning group audit is to read on at offset 4, and the commit stream begins at 10',
      'warning group ledger is to read on at offset 12, dated 8.0 h ago: what is older than 10.0 h is trimmed away'
    ]
  )
})
