import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { parseLsn } from '@tidemark/schemas/position.ts'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { NULL_LENGTH, UNCHANGED_LENGTH, type Tuple } from '@tidemark/schemas/tuple.ts'
import { PgoutputDecoder, postgresEpochMicros, type PgoutputHandler, type RelationMessage } from './pgoutput.ts'
import * as frames from './testing/pgoutput-frames.ts'

type Call = readonly unknown[]

function values(tuple: Tuple): frames.FrameValue[] {
  return Array.from({ length: tuple.count }, (_, index) => {
    const [start, length] = [tuple.starts[index]!, tuple.lengths[index]!]
    if (length === NULL_LENGTH) return null
    if (length === UNCHANGED_LENGTH) return frames.unchangedValue
    return tuple.bytes.toString('utf8', start, start + length)
  })
}

class Recorder implements PgoutputHandler {
  readonly calls: Call[] = []
  place(): void {}
  keepalive(...call: Parameters<PgoutputHandler['keepalive']>): void {
    this.calls.push(['keepalive', ...call])
  }
  begin(...call: Parameters<PgoutputHandler['begin']>): void {
    this.calls.push(['begin', ...call])
  }
  commit(...call: Parameters<PgoutputHandler['commit']>): void {
    this.calls.push(['commit', ...call])
  }
  origin(...call: Parameters<PgoutputHandler['origin']>): void {
    this.calls.push(['origin', ...call])
  }
  relation(relation: RelationMessage): void {
    this.calls.push(['relation', relation])
  }
  type(...call: Parameters<PgoutputHandler['type']>): void {
    this.calls.push(['type', ...call])
  }
  insert(id: number, row: Tuple): void {
    this.calls.push(['insert', id, values(row)])
  }
  update(id: number, oldKind: string, old: Tuple, row: Tuple): void {
    this.calls.push(['update', id, oldKind, oldKind === 'none' ? [] : values(old), values(row)])
  }
  delete(id: number, oldKind: string, old: Tuple): void {
    this.calls.push(['delete', id, oldKind, values(old)])
  }
  truncate(...call: Parameters<PgoutputHandler['truncate']>): void {
    this.calls.push(['truncate', ...call])
  }
  message(...call: Parameters<PgoutputHandler['message']>): void {
    const [transactional, at, prefix, buffer, start, end, sent] = call
    this.calls.push(['message', transactional, at, prefix, buffer.toString('hex', start, end), sent])
  }
}

function decode(frame: Buffer, options?: { binary: boolean }): Call {
  const recorder = new Recorder()
  // The frame lies within other bytes, as in a chunk: what is around it must not matter.
  const padded = Buffer.concat([Buffer.alloc(7, 0x74), frame, Buffer.alloc(9, 0x74)])
  try {
    new PgoutputDecoder(recorder, options).decode(padded, 7, 7 + frame.length)
  } catch (error) {
    assert.equal(recorder.calls.length, 0)
    throw error
  }
  assert.equal(recorder.calls.length, 1)
  return recorder.calls[0]!
}

const isInvalid = (error: unknown): boolean => isTidemarkError(error, 'PROTOCOL_INVALID')

// Bytes written down by hand from the manual, so that the builder of the other tests cannot hide an error of both.
test('a begin of the manual is decoded', () => {
  const hex = '77 0000000001000000 0000000001000000 0000000000000000 42 00000016b374d848 00000000000f4240 ffffffff'
  const call = decode(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
  assert.deepEqual(call, ['begin', parseLsn('16/B374D848'), postgresEpochMicros + 1_000_000, 0xffffffff])
})

test('an insert of the manual is decoded', () => {
  const head = `77 ${'00'.repeat(24)} 49 80000001 4e 0003`
  const hex = `${head} 74 00000002 3432 6e 75`
  const call = decode(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
  assert.deepEqual(call, ['insert', 0x80000001, ['42', null, frames.unchangedValue]])
})

test('a keepalive of the manual is decoded', () => {
  const hex = '6b 0000000000000abc 0000000000000001 01'
  const call = decode(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
  assert.deepEqual(call, ['keepalive', 0xabcn, postgresEpochMicros + 1, true])
})

/** Objects as the decoder makes them: with a prototype. */
function record<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record<T>(model, { noNullPrototype: true })
}

const lsn = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn })
const oid = fc.integer({ min: 0, max: 0xffff_ffff })
const time = fc.integer({ min: -1_000_000_000_000_000, max: 4_000_000_000_000_000 })
const name = fc.string({ unit: 'grapheme', maxLength: 20 }).filter(text => !text.includes('\0') && text.isWellFormed())
const value = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 50 }).filter(text => text.isWellFormed()),
  fc.constant(null),
  fc.constant(frames.unchangedValue)
)
const row = fc.array(value, { maxLength: 100 })
const relation: fc.Arbitrary<RelationMessage> = record({
  id: oid,
  schema: name.filter(text => text !== ''),
  name,
  replicaIdentity: fc.constantFrom('default', 'nothing', 'full', 'index'),
  columns: fc.array(
    record({
      name,
      identity: fc.boolean(),
      typeOid: oid,
      modifier: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
    }),
    { maxLength: 30 }
  )
})
const oldKind = fc.constantFrom('key' as const, 'full' as const)

/** A frame and the call it must become. */
const anyFrame: fc.Arbitrary<[Buffer, Call]> = fc.oneof<fc.Arbitrary<[Buffer, Call]>[]>(
  fc.tuple(lsn, time, fc.boolean()).map(all => [frames.keepaliveFrame(...all), ['keepalive', ...all]]),
  fc.tuple(lsn, time, oid).map(all => [frames.beginFrame(...all), ['begin', ...all]]),
  fc.tuple(lsn, lsn, time).map(all => [frames.commitFrame(...all), ['commit', ...all]]),
  fc.tuple(lsn, name).map(all => [frames.originFrame(...all), ['origin', ...all]]),
  relation.map(all => [frames.relationFrame(all), ['relation', all]]),
  fc
    .tuple(
      oid,
      name.filter(text => text !== ''),
      name
    )
    .map(all => [frames.typeFrame(...all), ['type', ...all]]),
  fc.tuple(oid, row).map(all => [frames.insertFrame(...all), ['insert', ...all]]),
  fc.tuple(oid, row).map(all => [frames.updateFrame(...all), ['update', all[0], 'none', [], all[1]]]),
  fc
    .tuple(oid, oldKind, row, row)
    .map(([id, kind, old, now]) => [
      frames.updateFrame(id, now, { kind, values: old }),
      ['update', id, kind, old, now]
    ]),
  fc.tuple(oid, oldKind, row).map(all => [frames.deleteFrame(...all), ['delete', ...all]]),
  fc
    .tuple(fc.array(oid, { maxLength: 10 }), fc.boolean(), fc.boolean())
    .map(all => [frames.truncateFrame(...all), ['truncate', ...all]]),
  fc
    .tuple(fc.boolean(), lsn, name, fc.uint8Array({ maxLength: 60 }), time)
    .map(all => [
      frames.messageFrame(...all),
      ['message', all[0], all[1], all[2], Buffer.from(all[3]).toString('hex'), all[4]]
    ])
)

test('every message comes back as it was encoded, ids and positions unsigned', () => {
  fc.assert(
    fc.property(anyFrame, ([frame, call]) => assert.deepEqual(decode(frame), call)),
    { numRuns: 2000 }
  )
})

test('a frame cut anywhere is refused and never read beyond its end', () => {
  fc.assert(
    fc.property(anyFrame, fc.nat(), ([frame], at) => {
      assert.throws(() => decode(Buffer.from(frame.subarray(0, at % frame.length))), isInvalid)
    }),
    { numRuns: 2000 }
  )
})

test('a byte too many is refused', () => {
  fc.assert(
    fc.property(anyFrame, ([frame]) => {
      assert.throws(() => decode(Buffer.concat([frame, Buffer.of(0)])), isInvalid)
    }),
    { numRuns: 500 }
  )
})

test('any bytes are decoded or refused by name', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('B', 'C', 'O', 'R', 'Y', 'I', 'U', 'D', 'T', 'M', 'S', 'E'),
      fc.uint8Array({ maxLength: 60 }),
      (letter, bytes) => {
        const head = Buffer.alloc(26)
        head.write('w', 0)
        head.write(letter, 25)
        try {
          decode(Buffer.concat([head, bytes]))
        } catch (error) {
          assert.ok(isInvalid(error), String(error))
        }
      }
    ),
    { numRuns: 5000 }
  )
})

test('a binary column is refused unless it was asked for', () => {
  const frame = frames.insertFrame(1, [{ binary: Buffer.from('ab') }])
  assert.throws(() => decode(frame), isInvalid)
  assert.deepEqual(decode(frame, { binary: true }), ['insert', 1, ['ab']])
})

test('a row of more columns than the tuple has room for grows it', () => {
  const wide = Array.from({ length: 1600 }, (_, index) => String(index))
  assert.deepEqual(decode(frames.insertFrame(1, wide)), ['insert', 1, wide])
})

test('an empty schema name is pg_catalog', () => {
  assert.deepEqual(decode(frames.typeFrame(1, '', 'x')), ['type', 1, 'pg_catalog', 'x'])
})
