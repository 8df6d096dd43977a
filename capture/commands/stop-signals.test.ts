import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import { stopSignals } from './stop-signals.ts'

function standIn() {
  const codes: number[] = []
  return Object.assign(new EventEmitter(), { codes, exit: (code: number) => void codes.push(code) })
}

test('the first signal asks to stop, the second ends at once', () => {
  const process = standIn()
  const stop = stopSignals(process)
  assert.equal(stop.signal.aborted, false)
  process.emit('SIGTERM')
  assert.equal(stop.signal.aborted, true)
  assert.deepEqual(process.codes, [])
  process.emit('SIGINT')
  assert.deepEqual(process.codes, [130])
})

test('forgetting leaves no listener', () => {
  const process = standIn()
  stopSignals(process).forget()
  assert.equal(process.listenerCount('SIGTERM') + process.listenerCount('SIGINT'), 0)
})
