import assert from 'node:assert/strict'
import { test } from 'node:test'
import { QueueRests } from './queue-rests.ts'

const [one, two] = [new Set([0]), new Set([1])]

test('a unit of several queues that is not taken has them read apart; the one that is then not taken rests', () => {
  const rests = new QueueRests(2, 100, 1_000)
  assert.equal(rests.notTaken(new Set([0, 1]), 0), null)
  assert.ok(rests.apart)
  assert.deepEqual(rests.restsMs(0), [0, 0])
  assert.deepEqual(rests.notTaken(one, 10), { queue: 0, restMs: 100 })
  assert.deepEqual(rests.restsMs(30), [80, 0])
  assert.equal(rests.firstQueue, 1, 'the other has its turn first, even when the rest is over by then')
  rests.committed(two)
  assert.ok(rests.apart, 'the other is still not known to be well')
  rests.committed(one)
  assert.ok(!rests.apart)
})

test('each time it is not taken a queue rests twice as long, up to a limit, and anew after it was', () => {
  const rests = new QueueRests(2, 100, 300)
  const restMs = () => rests.notTaken(one, 0)!.restMs
  assert.deepEqual([restMs(), restMs(), restMs(), restMs()], [100, 200, 300, 300])
  rests.committed(one)
  assert.equal(restMs(), 100)
})

test('a queue that is the only one never rests', () => {
  const rests = new QueueRests(1, 100, 300)
  assert.equal(rests.notTaken(one, 0), null)
  assert.ok(!rests.apart)
})
