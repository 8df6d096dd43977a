import assert from 'node:assert/strict'
import { test } from 'node:test'
import { backoutPolicy, backoutVerdict } from './backout-policy.ts'

const none = { backoutThreshold: null, backoutQueue: null }

test('the configuration comes before the queue, a backout queue before the dead-letter queue', () => {
  const own = { threshold: 3, queue: 'OWN' }
  assert.deepEqual(backoutPolicy(none, own, 'DEAD'), own)
  assert.deepEqual(backoutPolicy({ backoutThreshold: 1, backoutQueue: 'GIVEN' }, own, 'DEAD'), {
    threshold: 1,
    queue: 'GIVEN'
  })
  assert.deepEqual(backoutPolicy({ ...none, deadLetterQueue: true }, own, 'DEAD'), own)
})

test('the dead-letter queue is used only where it is wanted and no other queue is named', () => {
  const own = { threshold: 3, queue: '' }
  assert.deepEqual(backoutPolicy(none, own, 'DEAD'), own)
  const wanted = { ...none, deadLetterQueue: true }
  assert.deepEqual(backoutPolicy(wanted, own, 'DEAD'), { threshold: 3, queue: 'DEAD', isDeadLetterQueue: true })
  assert.equal(backoutVerdict(3, backoutPolicy(wanted, own, '')), 'stop')
})
