import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { assert as check, constantFrom, integer, oneof, property, uint8Array } from 'fast-check'
import { compressFrameSync } from 'lz4-napi'
import { compressSync } from 'snappy'
import { compress, decompress, type Codec } from './compression.ts'

const codecs: readonly Codec[] = ['gzip', 'snappy', 'lz4', 'zstd']
const mebibyte = 1_048_576

/** Noise, and text that repeats over many blocks of every codec. */
const anyBytes = oneof(
  uint8Array({ maxLength: 2000 }).map(bytes => Buffer.from(bytes)),
  integer({ min: 0, max: 300_000 }).map(length => Buffer.alloc(length, 'a row that repeats itself, '))
)

test('any bytes come back as they were', () => {
  check(
    property(constantFrom(...codecs), anyBytes, (codec, bytes) => {
      const back = decompress(codec, compress(codec, bytes), mebibyte)
      assert.ok(back.equals(bytes), codec)
    }),
    { numRuns: 200 }
  )
})

test('a few bytes that would become a mebibyte are refused below that, and read at it', () => {
  const bytes = Buffer.alloc(mebibyte)
  for (const codec of codecs) {
    const packed = compress(codec, bytes)
    assert.throws(() => decompress(codec, packed, mebibyte - 1), codec)
    assert.equal(decompress(codec, packed, mebibyte).length, mebibyte, codec)
  }
})

test('a cut anywhere is refused', () => {
  const bytes = Buffer.from(Array.from({ length: 300 }, (_, index) => `row ${index * 7919}`).join())
  for (const codec of codecs) {
    const packed = compress(codec, bytes)
    for (let cut = 0; cut < packed.length; cut++) {
      let back: Buffer
      try {
        back = decompress(codec, packed.subarray(0, cut), mebibyte)
      } catch {
        continue
      }
      // snappy-java's stream has no end mark: cut between chunks it is a shorter stream, which the record count notices.
      assert.ok(codec === 'snappy' && bytes.subarray(0, back.length).equals(back), `${codec} cut at ${cut}`)
    }
  }
})

test('a raw snappy block without a frame is read, and its stated length held against the limit', () => {
  const bytes = Buffer.alloc(100_000, 'raw ')
  assert.ok(decompress('snappy', compressSync(bytes), mebibyte).equals(bytes))
  const lying = Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0x00, 0x61])
  assert.throws(() => decompress('snappy', lying, mebibyte), RangeError)
  assert.throws(() => decompress('snappy', Buffer.alloc(0), mebibyte), SyntaxError)
})

test('an LZ4 frame with content and block checksums is read', () => {
  const bytes = Buffer.alloc(200_000, 'checked ')
  const packed = compressFrameSync(bytes, { contentChecksum: true, blockChecksums: true })
  assert.ok(decompress('lz4', packed, mebibyte).equals(bytes))
})

test('one codec does not read another', () => {
  const packed = gzipSync(Buffer.alloc(1000))
  for (const codec of ['snappy', 'lz4', 'zstd'] as const)
    assert.throws(() => decompress(codec, packed, mebibyte), codec)
})
