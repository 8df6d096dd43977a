import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bytesFrame, messageFrame, PutFrameReader, type PutFrame } from './put-frame.ts'

const bytes = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map(array => Buffer.from(array))
const name = (length: number) => fc.stringMatching(new RegExp(`^[A-Z0-9._]{0,${length}}$`))
const number = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
const message = fc.record({
  queue: fc.nat(255),
  persistence: number,
  priority: number,
  expiry: number,
  type: number,
  feedback: number,
  ccsid: number,
  encoding: number,
  flags: number,
  sequence: number,
  correlId: bytes(24),
  groupId: bytes(24),
  format: name(8),
  replyToQueue: name(48),
  replyToQueueManager: name(48),
  body: fc.array(
    fc.uint8Array().map(array => Buffer.from(array)),
    { maxLength: 3 }
  )
})

test('frames come out as they went in, however the pipe cuts them', () => {
  fc.assert(
    fc.property(
      fc.array(message, { maxLength: 4 }),
      fc.uint8Array(),
      fc.integer({ min: 1, max: 50 }),
      (all, state, cut) => {
        const sent = Buffer.concat([
          ...all.map(messageFrame),
          bytesFrame('commit', state),
          bytesFrame('command', Buffer.from('{}'))
        ])
        const reader = new PutFrameReader()
        const got: PutFrame[] = []
        for (let at = 0; at < sent.length; at += cut) got.push(...reader.take(sent.subarray(at, at + cut)))
        const whole = all.map(one => ({ kind: 'message', message: { ...one, body: [Buffer.concat(one.body)] } }))
        assert.deepEqual(got, [
          ...whole,
          { kind: 'commit', state: Buffer.from(state) },
          { kind: 'command', text: '{}' }
        ])
      }
    )
  )
})

test('what is no frame is refused', () => {
  assert.throws(() => new PutFrameReader().take(Buffer.from([0, 0, 0, 0])), RangeError)
  assert.throws(() => new PutFrameReader().take(Buffer.from([255, 255, 255, 255])), RangeError)
  assert.throws(() => new PutFrameReader().take(Buffer.from([1, 0, 0, 0, 9])), RangeError)
})
