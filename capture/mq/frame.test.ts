import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FrameReader, FrameWriter, type Frame } from './frame.ts'
import { sampleDescriptor } from './testing/queue-model.ts'

const id = fc.uint8Array({ minLength: 24, maxLength: 24 }).map(bytes => Buffer.from(bytes))
const number = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
const text = (widthMax: number) => fc.string({ maxLength: widthMax }).map(given => given.replaceAll('\0', ' '))
const descriptor = fc.record({
  msgId: id,
  groupId: id,
  sequence: number,
  expiry: number,
  backoutCount: number,
  format: text(8),
  replyToQueue: text(48),
  putApplication: text(28)
})
const frame: fc.Arbitrary<Frame> = fc.oneof(
  fc
    .tuple(fc.integer({ min: 0, max: 255 }), fc.boolean(), descriptor, fc.uint8Array({ maxLength: 2_000 }))
    .map(([queue, first, given, bytes]) => ({
      kind: 'message' as const,
      queue,
      first,
      descriptor: { ...sampleDescriptor(), ...given },
      body: Buffer.from(bytes)
    })),
  fc.constant({ kind: 'transaction-end' as const }),
  fc.constant({ kind: 'committed' as const }),
  fc.uint8Array({ maxLength: 300 }).map(bytes => ({ kind: 'unit' as const, position: Buffer.from(bytes) })),
  fc.string().map(given => ({ kind: 'event' as const, text: given }))
)

function write(to: FrameWriter, given: Frame): void {
  if (given.kind === 'message') to.message(given.queue, given.first, given.descriptor, given.body)
  else if (given.kind === 'unit') to.bytes('unit', given.position)
  else if (given.kind === 'event') to.bytes('event', Buffer.from(given.text))
  else to.mark(given.kind)
}

test('frames come out as they went in, however they are cut', () => {
  fc.assert(
    fc.property(
      fc.array(frame, { maxLength: 20 }),
      fc.integer({ min: 1, max: 5_000 }),
      fc.integer({ min: 1, max: 4_000 }),
      (frames, cut, worth) => {
        const written: Buffer[] = []
        const writer = new FrameWriter(bytes => written.push(Buffer.from(bytes)), worth)
        for (const given of frames) write(writer, given)
        writer.flush()
        const all = Buffer.concat(written)
        const reader = new FrameReader()
        const seen: Frame[] = []
        for (let at = 0; at < all.length; at += cut) seen.push(...reader.take(all.subarray(at, at + cut)))
        assert.deepEqual(seen, frames)
      }
    )
  )
})

test('what is no frame is refused', () => {
  assert.throws(() => new FrameReader().take(Buffer.alloc(8)), RangeError)
  assert.throws(() => new FrameReader().take(Buffer.from([0xff, 0xff, 0xff, 0xff, 0x4d])), RangeError)
  assert.throws(() => new FrameReader().take(Buffer.from([1, 0, 0, 0, 0x5a])), RangeError)
})
