import assert from 'node:assert/strict'
import { test } from 'node:test'
import { emptyCounts } from './counts.ts'
import { runStages, summaryOf, type Stage } from './stages.ts'

const passing: Stage = {
  name: 'passing',
  run: async () => ({ ok: true, counts: { ...emptyCounts(), tests: 3, passed: 2, skipped: 1 } })
}
const failing: Stage = {
  name: 'failing',
  run: async () => ({ ok: false, counts: { ...emptyCounts(), tests: 2, failed: 2 } })
}
const broken: Stage = { name: 'broken', run: () => Promise.reject(new Error('no server')) }
const never = new AbortController().signal

test('every stage runs, though one before it failed, and a broken one says why', async () => {
  let written = ''
  const reports = await runStages([broken, passing], never, text => (written += text))
  assert.deepEqual(
    reports.map(({ name, ok }) => [name, ok]),
    [
      ['broken', false],
      ['passing', true]
    ]
  )
  assert.match(written, /no server/)
})

test('the last line counts all tests, and a broken stage as one failure', async () => {
  const reports = await runStages([passing, failing, broken], never, () => {})
  assert.equal(summaryOf(reports).trimEnd().split('\n').at(-1), '2 passed, 3 failed, 1 skipped')
})

test('no stage begins once the run is to end', async () => {
  assert.deepEqual(await runStages([passing], AbortSignal.abort(), () => {}), [])
})
