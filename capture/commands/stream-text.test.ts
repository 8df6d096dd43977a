import assert from 'node:assert/strict'
import { test } from 'node:test'
import { streamStanding, streamText } from './stream-text.ts'

const since = Date.UTC(2026, 10, 20, 8, 30, 59)

test('a stream is told by its begin, its size and its oldest transaction', () => {
  const extent = { begin: 17, records: 412, since, oldest: { sequence: 5, commitTime: since + 60_000 } }
  const kept = { commitStream: 'bank.commits', commitStreamRetentionMs: 129_600_000 }
  assert.equal(
    streamText(streamStanding(kept as never, extent)),
    '412 records since 2026-11-20T08:30Z (offset 17 on), oldest transaction 5 of 2026-11-20T08:31Z, kept 36h'
  )
})

test('a stream without a transaction, kept for ever, and one that is not there', () => {
  const extent = { begin: 0, records: 1, since, oldest: null }
  const kept = { commitStream: 'bank.commits', commitStreamRetentionMs: null }
  assert.equal(
    streamText(streamStanding(kept as never, extent)),
    '1 record since 2026-11-20T08:30Z (offset 0 on), kept for ever'
  )
  assert.equal(streamText(streamStanding(kept as never, null)), 'unknown')
})
