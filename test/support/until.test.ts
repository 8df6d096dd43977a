import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from './until.ts'

test('it returns what came, after looks that saw nothing or threw', async () => {
  let looks = 0
  const seen = await until(
    () => {
      looks++
      if (looks === 1) throw new Error('not yet')
      return looks === 3 ? { looks } : undefined
    },
    { intervalMs: 1 }
  )
  assert.deepEqual(seen, { looks: 3 })
})

test('when nothing comes it says what was awaited and why not', async () => {
  const look = (): never => {
    throw new Error('no slot')
  }
  await assert.rejects(until(look, { timeoutMs: 5, intervalMs: 1, what: () => 'the slot' }), (error: Error) => {
    assert.equal(error.message, 'waited 5 ms in vain for the slot')
    assert.equal((error.cause as Error).message, 'no slot')
    return true
  })
})
