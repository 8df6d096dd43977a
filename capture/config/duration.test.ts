import assert from 'node:assert/strict'
import { test } from 'node:test'
import { durationMs, durationPattern, durationText } from './duration.ts'

test('times are a whole number and its unit', () => {
  for (const [text, ms] of [
    ['45s', 45_000],
    ['90m', 5_400_000],
    ['36h', 129_600_000],
    ['30d', 2_592_000_000]
  ] as const) {
    assert.match(text, new RegExp(durationPattern))
    assert.equal(durationMs(text), ms)
    assert.equal(durationText(ms), text)
  }
  assert.equal(durationText(1_500), '2s')
  for (const text of ['', '0d', '1.5h', '10', '-1d', '1w', '1 d', '1dd']) {
    assert.doesNotMatch(text, new RegExp(durationPattern))
  }
})
