import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Judge, type Look, type Verdict } from './verdict.ts'

const limits = { callMsMax: 1_000, memoryBytesMax: 1_000, lookMs: 100 }
const idle: Look = { running: false, label: 0, call: 0, tick: 0, rssBytes: 500 }

/** The first verdict over so many looks; `at` gives the look of each. */
function judge(count: number, at: (index: number) => Partial<Look>): Verdict | null {
  const judgeOfAll = new Judge(limits)
  for (let index = 0; index < count; index++) {
    const verdict = judgeOfAll.see({ ...idle, ...at(index) })
    if (verdict !== null) return verdict
  }
  return null
}

test('one call that goes on is found, many that end are not', () => {
  assert.deepEqual(
    judge(20, index => ({ running: true, label: 2, call: 7, tick: index })),
    { why: 'call', label: 2 }
  )
  assert.equal(
    judge(200, index => ({ running: true, label: 2, call: index, tick: index })),
    null
  )
  assert.equal(
    judge(11, index => ({ running: true, label: 2, call: 7, tick: index })),
    null
  )
})

test('memory is counted from before the call', () => {
  assert.deepEqual(
    judge(3, index => ({ running: index > 0, call: index === 0 ? 0 : 1, rssBytes: 500 + index * 600 })),
    { why: 'memory', label: 0 }
  )
  assert.equal(
    judge(50, index => ({ running: index > 0, call: index, tick: index, rssBytes: index * 600 })),
    null
  )
  assert.equal(
    judge(50, index => ({ tick: index, rssBytes: index * 9_000 })),
    null
  )
})

test('a loop that does not turn after a call is found, one that turns or was never called is not', () => {
  const stands = (from: number) => (index: number) => ({ call: from >= 0 && index >= from ? 1 : 0 })
  assert.deepEqual(judge(100, stands(1)), { why: 'loop', label: 0 })
  assert.equal(judge(100, stands(-1)), null)
  assert.equal(
    judge(1000, index => ({ ...stands(1)(index), tick: Math.floor(index / 10) })),
    null
  )
})
