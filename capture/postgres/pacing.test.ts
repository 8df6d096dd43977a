import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { defaultPacing, pauseAfter, Pacing } from './pacing.ts'

const limits = { ...defaultPacing, bufferBytes: 524_288 }

test('an idle stream is never paused', () => {
  const pacing = new Pacing(limits, 0)
  for (let second = 1; second < 100; second++) assert.equal(pacing.read(500, second * 1000), 0)
})

test('a thousand small transactions a second are taken as they come', () => {
  const pacing = new Pacing(limits, 0)
  for (let read = 1; read < 20_000; read++) assert.equal(pacing.read(150, read / 4), 0)
})

test('a stream at full speed is paused so that the buffer fills to three quarters', () => {
  const pacing = new Pacing(limits, 0)
  let now = 0
  let pause = 0
  for (let read = 0; pause === 0; read++) {
    now += 0.004
    pause = pacing.read(172, now)
    assert.ok(read < 1000)
  }
  assert.equal(pause, 9)
  // 43 kB/ms gathered while paused: the next pause is as long.
  assert.equal(pacing.read(43_000 * pause, now + pause), 9)
})

test('no pause after a read that filled the buffer: more is waiting', () => {
  assert.equal(pauseAfter({ bytes: 524_288, elapsedMs: 1, lastBytes: 524_288 }, limits), 0)
})

test('the first read after a long silence is never followed by a pause', () => {
  assert.equal(pauseAfter({ bytes: 100_000, elapsedMs: 5_000, lastBytes: 100_000 }, limits), 0)
})

test('a pause is within its limits whatever is read', () => {
  const window = fc.record({
    bytes: fc.nat(10_000_000),
    elapsedMs: fc.double({ min: 0, max: 100_000, noNaN: true }),
    lastBytes: fc.nat(524_288)
  })
  fc.assert(
    fc.property(window, seen => {
      const pause = pauseAfter(seen, limits)
      assert.ok(pause === null || (pause >= 0 && pause <= limits.pauseMsMax && Number.isInteger(pause)))
    })
  )
})
