import assert from 'node:assert/strict'
import { test } from 'node:test'
import { due, livenessTimings, type LivenessState } from './liveness.ts'

const timings = livenessTimings(60_000)

function at(nowMs: number, change: Partial<LivenessState> = {}) {
  const state = {
    nowMs,
    heardMs: nowMs,
    statusMs: nowMs,
    tickedMs: nowMs - 1000,
    askedMs: 0,
    unsaid: false,
    reading: true
  }
  return due({ ...state, ...change }, timings)
}

test('a status is sent well below a third of wal_sender_timeout', () => {
  for (const timeoutMs of [12, 100, 1_000, 3_000, 60_000, 3_600_000]) {
    const { statusMs, tickMs } = livenessTimings(timeoutMs)
    assert.ok(statusMs <= timeoutMs / 3 && tickMs <= statusMs)
  }
})

test('a server without wal_sender_timeout is still given up after a silence', () => {
  assert.equal(livenessTimings(0).silenceMs, 60_000)
  assert.equal(livenessTimings(0, 5_000).silenceMs, 5_000)
})

test('a status is due after its time, at once for a newly settled position, else not', () => {
  assert.equal(at(100_000), 'nothing')
  assert.equal(at(100_000, { unsaid: true }), 'status')
  assert.equal(at(100_000, { statusMs: 90_000 }), 'status')
})

test('a silent server is asked once, then given up', () => {
  assert.equal(at(100_000, { heardMs: 80_000 }), 'ping')
  assert.equal(at(100_000, { heardMs: 60_000, askedMs: 80_000 }), 'nothing')
  assert.equal(at(100_000, { heardMs: 60_000, askedMs: 80_000, statusMs: 90_000 }), 'status')
  assert.equal(at(100_000, { heardMs: 40_001, askedMs: 60_000 }), 'nothing')
  assert.equal(at(100_000, { heardMs: 40_000, askedMs: 60_000 }), 'dead')
})

test('a server that was not asked is not given up, however long it was silent', () => {
  assert.equal(at(100_000, { heardMs: 0 }), 'ping')
})

test('a connection that is not read is never given up for silence', () => {
  assert.equal(at(100_000, { heardMs: 0, reading: false }), 'nothing')
  assert.equal(at(100_000, { heardMs: 0, reading: false, statusMs: 90_000 }), 'status')
})

test('a stall of this process is not taken for silence of the server', () => {
  assert.equal(at(100_000, { heardMs: 30_000, askedMs: 50_000, tickedMs: 50_000, statusMs: 50_000 }), 'status')
})
