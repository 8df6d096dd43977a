import assert from 'node:assert/strict'
import test from 'node:test'
import { noExtensions, type Claim, type StateEntry } from '@tidemark/schemas/commit-stream.ts'
import { withNamedEpoch } from '@tidemark/schemas/named-epoch.ts'
import { advanceState, StateFold, type StreamState } from './stream-state.ts'

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
    named: 0,
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

test('the epoch a sequence was named under goes from owner to owner, unless a state of before does not say it', () => {
  const fold = new StateFold({ offset: 0, epoch: 2, claim: 0 })
  const stated = (sequence: number, named: number | null): number | null | undefined => {
    const extensions = withNamedEpoch(named, noExtensions)
    const entry: StateEntry = { type: 'state', sequence, position, time: 0, reason: null, acceptedBy: null, extensions }
    const known = { offset: 0, epoch: 2, claim: 0 }
    const record = { type: 'commits' as const, epoch: 2, parts: [], entries: [entry], known, extensions: noExtensions }
    fold.visit({ offset: 1, timestamp: 0, record })
    return fold.last?.named
  }
  assert.deepEqual([stated(3, 1), stated(3, null), stated(4, null), stated(5, 2)], [1, 1, null, 2])
})
