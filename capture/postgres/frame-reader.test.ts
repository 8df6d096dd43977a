import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { FrameReader, takeOver } from './frame-reader.ts'

function message(type: string, payload: Uint8Array): Buffer {
  const bytes = Buffer.alloc(5 + payload.length)
  bytes.write(type, 0, 'latin1')
  bytes.writeInt32BE(4 + payload.length, 1)
  bytes.set(payload, 5)
  return bytes
}

/** What a reader handed on, as text to compare: `d:` payloads and whole other messages. */
class Collected {
  readonly seen: string[] = []
  holdAfter: Set<number>
  reader: FrameReader

  constructor(holdAfter: readonly number[] = []) {
    this.holdAfter = new Set(holdAfter)
    this.reader = new FrameReader({
      copyData: (buffer, start, end) => this.add(`d:${buffer.toString('hex', start, end)}`),
      other: bytes => this.add(`o:${bytes.toString('hex')}`)
    })
  }

  private add(text: string): void {
    this.seen.push(text)
    if (this.holdAfter.has(this.seen.length)) this.reader.hold()
  }
}

function expected(messages: readonly [string, Uint8Array][]): string[] {
  return messages.map(([type, payload]) =>
    type === 'd' ? `d:${Buffer.from(payload).toString('hex')}` : `o:${message(type, payload).toString('hex')}`
  )
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const borders = [...new Set(places.map(place => place % (bytes.length + 1)))].sort((a, b) => a - b)
  const starts = [0, ...borders]
  return starts.map((start, index) => Buffer.from(bytes.subarray(start, starts[index + 1] ?? bytes.length)))
}

/** As a socket that reads into one buffer: a chunk is gone once `feed` has returned. */
function feedAndOverwrite(reader: FrameReader, chunks: readonly Buffer[]): void {
  for (const chunk of chunks) {
    reader.feed(chunk)
    chunk.fill(0xff)
  }
}

const anyMessages = fc.array(
  fc.tuple(fc.constantFrom('d', 'd', 'd', 'E', 'N', 'c', 'Z'), fc.uint8Array({ maxLength: 40 })),
  { maxLength: 20 }
)

test('any cutting of the stream gives the same messages in the same order', () => {
  fc.assert(
    fc.property(anyMessages, fc.array(fc.nat(1000), { maxLength: 30 }), (messages, places) => {
      const collected = new Collected()
      const bytes = Buffer.concat(messages.map(([type, payload]) => message(type, payload)))
      feedAndOverwrite(collected.reader, cut(bytes, places))
      assert.deepEqual(collected.seen, expected(messages))
    }),
    { numRuns: 500 }
  )
})

test('a reader held at any message goes on exactly there', () => {
  const holds = fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 8 })
  fc.assert(
    fc.property(anyMessages, fc.array(fc.nat(1000), { maxLength: 30 }), holds, (messages, places, holdAfter) => {
      const collected = new Collected(holdAfter)
      const bytes = Buffer.concat(messages.map(([type, payload]) => message(type, payload)))
      feedAndOverwrite(collected.reader, cut(bytes, places))
      const borders = [...new Set(holdAfter)].filter(at => at <= messages.length).sort((a, b) => a - b)
      for (const border of borders) {
        assert.equal(collected.seen.length, border)
        collected.reader.release()
      }
      assert.deepEqual(collected.seen, expected(messages))
    }),
    { numRuns: 500 }
  )
})

test('a message far larger than a chunk is gathered', () => {
  const collected = new Collected()
  const payload = Buffer.alloc(3_000_000, 7)
  const bytes = Buffer.concat([message('d', payload), message('d', Buffer.from('after'))])
  for (let at = 0; at < bytes.length; at += 65_536) collected.reader.feed(bytes.subarray(at, at + 65_536))
  assert.deepEqual(collected.seen, [`d:${payload.toString('hex')}`, `d:${Buffer.from('after').toString('hex')}`])
})

for (const length of [-1, 0, 3, 0x4000_0001, 0x7fff_ffff]) {
  test(`a message of length ${length} is refused`, () => {
    const bytes = Buffer.alloc(5, 'd')
    bytes.writeInt32BE(length, 1)
    assert.throws(
      () => new Collected().reader.feed(bytes),
      error => isTidemarkError(error, 'PROTOCOL_INVALID')
    )
    const [head, rest] = [bytes.subarray(0, 2), bytes.subarray(2)]
    const reader = new Collected().reader
    reader.feed(head)
    assert.throws(
      () => reader.feed(rest),
      error => isTidemarkError(error, 'PROTOCOL_INVALID')
    )
  })
}

test('what is not CopyData reaches the listener that was there before', async () => {
  const stream = new PassThrough()
  const original: string[] = []
  const rows: string[] = []
  stream.on('data', (chunk: Buffer) => original.push(chunk.toString('latin1')))
  takeOver(stream, (buffer, start, end) => rows.push(buffer.toString('latin1', start, end)), assert.ifError)
  const sent = [message('W', Buffer.from('both')), message('d', Buffer.from('row')), message('Z', Buffer.from('I'))]
  stream.end(Buffer.concat(sent))
  await new Promise(resolve => stream.once('end', resolve))
  assert.deepEqual(rows, ['row'])
  assert.deepEqual(original, [sent[0]!.toString('latin1'), sent[2]!.toString('latin1')])
})

test('an error of the receiver is handed on once and nothing more is read', async () => {
  const stream = new PassThrough()
  const errors: unknown[] = []
  const failure = new Error('refused')
  const fail = (): void => {
    throw failure
  }
  takeOver(stream, fail, error => errors.push(error))
  stream.write(message('d', Buffer.from('one')))
  stream.end(message('d', Buffer.from('two')))
  await new Promise(resolve => stream.once('end', resolve))
  assert.deepEqual(errors, [failure])
})
