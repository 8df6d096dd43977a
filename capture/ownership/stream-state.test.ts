import assert from 'node:assert/strict'
import test from 'node:test'
import { noExtensions, type Claim } from '@tidemark/schemas/commit-stream.ts'
import { advanceState, type StreamState } from './stream-state.ts'

const position = Buffer.alloc(8)

function claimOf(epoch: number): Claim {
  return {
    type: 'claim',
    stream: 7,
    epoch,
    nonce: Buffer.alloc(16),
    agent: 'a',
    system: 'system',
    timeline: 1,
    sequence: 0,
    position,
    known: { offset: 0, epoch: 0, claim: 0 },
    extensions: noExtensions
  }
}

test('records dated before earlier ones do not turn the time of the stream back', () => {
  const state: StreamState = {
    stream: 7,
    system: 'system',
    timeline: 1,
    agent: 'a',
    epoch: 1,
    claim: 1,
    sequence: 0,
    position,
    refresh: 'none',
    claimed: new Map(),
    end: 2,
    timestamp: 100
  }
  const later = { offset: 2, timestamp: 300, record: claimOf(2) }
  const earlier = { offset: 3, timestamp: 200, record: claimOf(3) }
  const reached = advanceState(state, [later, earlier], 4)
  assert.equal(reached.timestamp, 300)
  assert.equal(reached.epoch, 3)
})
