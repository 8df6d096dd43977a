import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assert as check, integer, maxSafeInteger, oneof, property, uint8Array } from 'fast-check'
import { encodeRecordHeader, headerBytesMax, RecordHeader } from './record-header.ts'
import { isTidemarkError } from './tidemark-error.ts'

const anyNumber = oneof(
  integer({ min: 0, max: 20_000 }),
  integer({ min: 0 }),
  maxSafeInteger().map(Math.abs),
  integer({ min: 0, max: 52 }).map(power => 2 ** power),
  integer({ min: 1, max: 53 }).map(power => 2 ** power - 1)
)
const anyStream = integer({ min: 0, max: 0xffff_ffff })

test('any header comes back as it was, wherever it stands', () => {
  const decoded = new RecordHeader()
  check(
    property(anyStream, anyNumber, anyNumber, anyNumber, anyNumber, integer({ min: 0, max: 9 }), (...fields) => {
      const [stream, epoch, sequence, record, operation, at] = fields
      const target = Buffer.alloc(headerBytesMax + 20, 0xff)
      const end = encodeRecordHeader(target, at, stream, epoch, sequence, record, operation)
      assert.ok(end - at <= headerBytesMax)
      decoded.decode(target, at, end)
      assert.deepEqual(
        [decoded.stream, decoded.epoch, decoded.sequence, decoded.record, decoded.operation],
        [stream, epoch, sequence, record, operation]
      )
    }),
    { numRuns: 1000 }
  )
})

test('a number takes a byte for every seven bits', () => {
  const target = Buffer.alloc(headerBytesMax)
  for (let bits = 1; bits <= 53; bits++) {
    const end = encodeRecordHeader(target, 0, 0, 2 ** bits - 1, 0, 0, 0)
    assert.equal(end, 8 + Math.ceil(bits / 7), `${bits} bits`)
  }
})

test('a header cut anywhere is refused', () => {
  const target = Buffer.alloc(headerBytesMax)
  const end = encodeRecordHeader(target, 0, 1, 2 ** 40, 2 ** 33, 300, 200)
  for (let cut = 0; cut < end; cut++) {
    assert.throws(
      () => new RecordHeader().decode(target, 0, cut),
      error => isTidemarkError(error, 'HEADER_INVALID'),
      `cut at ${cut}`
    )
  }
})

test('a header with a null value is refused', () => {
  assert.throws(
    () => new RecordHeader().decode(Buffer.alloc(20, 1), -1, -1),
    error => isTidemarkError(error, 'HEADER_INVALID')
  )
})

test('what decodes has one encoding: any bytes are refused, or are what encoding gives', () => {
  const decoded = new RecordHeader()
  check(
    property(uint8Array({ maxLength: 40, size: 'max' }), bytes => {
      const value = Buffer.concat([Buffer.from([1]), bytes])
      try {
        decoded.decode(value, 0, value.length)
      } catch (error) {
        assert.ok(isTidemarkError(error, 'HEADER_INVALID'))
        return
      }
      const { stream, epoch, sequence, record, operation } = decoded
      const target = Buffer.alloc(headerBytesMax)
      const end = encodeRecordHeader(target, 0, stream, epoch, sequence, record, operation)
      assert.ok(target.subarray(0, end).equals(value.subarray(0, end)))
    }),
    { numRuns: 2000 }
  )
})
