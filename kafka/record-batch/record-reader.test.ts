import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32c } from '@node-rs/crc32'
import { array, assert as check, constantFrom, integer, property, tuple, uint8Array } from 'fast-check'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { appendSample, hex, readSamples, usualRecords } from '../../test/support/sample-records.ts'
import { BatchBuilder } from './batch-builder.ts'
import { nextFetchOffset } from './batch-reader.ts'
import type { Compression } from './compression.ts'
import { ATTRIBUTES, BASE_OFFSET, CRC, LAST_OFFSET_DELTA, MAGIC, RECORDS, RECORD_COUNT, writeInt64 } from './layout.ts'
import { readHeaders } from './record-headers.ts'
import { RecordReader } from './record-reader.ts'
import { writeVarint } from './varint.ts'

/** A batch of `count` usual records as a broker would hand it out. */
function batchAt(offset: number, count: number, compression: Compression = 'none'): Buffer {
  const builder = new BatchBuilder()
  for (const sample of usualRecords(count)) appendSample(builder, sample)
  const batch = Buffer.from(builder.seal({ compression, producerId: 1n, producerEpoch: 0, baseSequence: 0 }))
  writeInt64(batch, offset, BASE_OFFSET)
  return batch
}

/** Changes bytes under the CRC and makes it right again. */
function altered(batch: Buffer, change: (batch: Buffer) => void): Buffer {
  const copy = Buffer.from(batch)
  change(copy)
  copy.writeUInt32BE(crc32c(copy.subarray(ATTRIBUTES)), CRC)
  return copy
}

function offsetsOf(bytes: Buffer, from = 0): number[] {
  const reader = new RecordReader()
  reader.reset(bytes, from)
  return readSamples(reader).map(sample => sample.offset)
}

function refusal(bytes: Buffer, place = 'bank.account/3'): Error {
  const reader = new RecordReader(1_000_000)
  reader.reset(bytes, 0, place)
  try {
    readSamples(reader)
  } catch (error) {
    assert.ok(isTidemarkError(error, 'RECORD_BATCH_INVALID'))
    assert.match(error.place ?? '', /^bank\.account\/3, byte \d+$/)
    return error
  }
  return assert.fail('the bytes were accepted')
}

test('batches follow each other, and the next offset to fetch is above the last', () => {
  const bytes = Buffer.concat([batchAt(10, 3), batchAt(13, 2, 'lz4'), batchAt(40, 1)])
  assert.deepEqual(offsetsOf(bytes), [10, 11, 12, 13, 14, 40])
  assert.equal(nextFetchOffset(bytes, 10), 41)
})

test('records below the offset asked for are passed over', () => {
  const bytes = Buffer.concat([batchAt(10, 3), batchAt(13, 3, 'gzip')])
  assert.deepEqual(offsetsOf(bytes, 12), [12, 13, 14, 15])
  assert.deepEqual(offsetsOf(bytes, 14), [14, 15])
  assert.deepEqual(offsetsOf(bytes, 16), [])
})

test('offsets above 2^31 and up to 2^53 are exact', () => {
  const offset = Number.MAX_SAFE_INTEGER - 2
  assert.deepEqual(offsetsOf(batchAt(offset, 3)), [offset, offset + 1, offset + 2])
  assert.match(refusal(batchAt(offset + 1, 3)).message, /impossible offsets/)
})

test('a batch cut anywhere is left for the next fetch', () => {
  const first = batchAt(10, 2)
  const bytes = Buffer.concat([first, batchAt(12, 3)])
  const reader = new RecordReader()
  for (let cut = first.length + 1; cut < bytes.length; cut++) {
    reader.reset(bytes.subarray(0, cut), 10)
    assert.equal(readSamples(reader).length, 2)
    assert.equal(reader.incomplete, true)
    assert.equal(reader.nextOffset, 12)
    assert.equal(nextFetchOffset(bytes.subarray(0, cut), 10), 12)
  }
  reader.reset(first, 10)
  readSamples(reader)
  assert.equal(reader.incomplete, false)
})

test('with nothing fetched the next offset is the one asked for', () => {
  const reader = new RecordReader()
  reader.reset(Buffer.alloc(0), 77)
  assert.equal(reader.next(), false)
  assert.equal(reader.nextOffset, 77)
  assert.equal(nextFetchOffset(Buffer.alloc(0), 77), 77)
})

test('where compaction removed the last records, the next offset is above them', () => {
  const bytes = altered(batchAt(10, 3), batch => batch.writeInt32BE(9, LAST_OFFSET_DELTA))
  const reader = new RecordReader()
  reader.reset(bytes, 10)
  assert.deepEqual(
    readSamples(reader).map(sample => sample.offset),
    [10, 11, 12]
  )
  assert.equal(reader.nextOffset, 20)
  assert.equal(nextFetchOffset(bytes, 10), 20)
})

test('a batch emptied by compaction moves the next offset on', () => {
  const empty = batchAt(10, 3).subarray(0, RECORDS)
  const bytes = altered(empty, batch => {
    batch.writeInt32BE(RECORDS - 12, 8)
    batch.writeInt32BE(0, RECORD_COUNT)
  })
  assert.deepEqual(offsetsOf(Buffer.concat([bytes, batchAt(13, 1)])), [13])
})

test('control batches are passed over', () => {
  const marker = altered(batchAt(12, 1), batch => batch.writeInt16BE(0x30, ATTRIBUTES))
  const bytes = Buffer.concat([
    batchAt(10, 2),
    marker,
    batchAt(13, 1),
    altered(marker, b => writeInt64(b, 14, BASE_OFFSET))
  ])
  assert.deepEqual(offsetsOf(bytes), [10, 11, 13])
  assert.equal(nextFetchOffset(bytes, 10), 15)
})

test('a header is found by its name, once or among others, null or not', () => {
  const builder = new BatchBuilder()
  const headers: [string, string | null][] = [
    ['tidemar', hex('wrong')],
    ['none', null],
    ['tidemark', hex('first')],
    ['tidemark', hex('second')],
    ['', hex('unnamed')]
  ]
  appendSample(builder, { timestamp: 1, key: null, value: hex('v'), headers })
  appendSample(builder, { timestamp: 1, key: null, value: hex('w'), headers: [] })
  const reader = new RecordReader()
  reader.reset(builder.seal({ compression: 'none', producerId: 1n, producerEpoch: 0, baseSequence: 0 }))
  assert.ok(reader.next())
  assert.ok(reader.findHeader(Buffer.from('tidemark')))
  assert.equal(reader.bytes.toString('utf8', reader.foundStart, reader.foundEnd), 'first')
  assert.ok(reader.findHeader(Buffer.alloc(0)))
  assert.equal(reader.bytes.toString('utf8', reader.foundStart, reader.foundEnd), 'unnamed')
  assert.equal(reader.findHeader(Buffer.from('absent')), false)
  assert.ok(reader.findHeader(Buffer.from('none')))
  assert.equal(reader.foundStart, -1)
  assert.ok(reader.next(), 'searching does not lose the place')
  assert.equal(reader.findHeader(Buffer.from('tidemark')), false)
  assert.equal(reader.value?.toString(), 'w')
  assert.equal(reader.next(), false)
})

test('a header found as the first is the one a search finds; nothing else is taken for it', () => {
  const name = Buffer.from('tidemark')
  const header = tuple(constantFrom('tidemark', 'tidemarc', 'tide', ''), integer({ min: -1, max: 200 }))
  check(
    property(array(header, { maxLength: 3 }), headers => {
      const block = Buffer.alloc(1_000)
      let end = 0
      for (const [key, valueBytes] of headers) {
        end = writeVarint(block, end, key.length)
        end += block.write(key, end)
        end = writeVarint(block, end, valueBytes) + Math.max(0, valueBytes)
      }
      const builder = new BatchBuilder()
      builder.append(0, null, 0, 0, null, 0, 0, headers.length, block, 0, end)
      const reader = new RecordReader()
      reader.reset(builder.seal({ compression: 'none', producerId: -1n, producerEpoch: -1, baseSequence: -1 }))
      assert.ok(reader.next())
      const [first] = headers
      const isFirst = first !== undefined && first[0] === 'tidemark' && first[1] >= 0 && first[1] < 64
      assert.equal(reader.firstHeaderIs(name), isFirst)
      if (!isFirst) return
      const { foundStart, foundEnd } = reader
      assert.ok(reader.findHeader(name))
      assert.deepEqual([reader.foundStart, reader.foundEnd], [foundStart, foundEnd])
    })
  )
})

test('one flipped bit is found wherever it is under the CRC', () => {
  const batch = batchAt(10, 4)
  check(
    property(integer({ min: ATTRIBUTES, max: batch.length - 1 }), integer({ min: 0, max: 7 }), (at, bit) => {
      const flipped = Buffer.from(batch)
      flipped[at]! ^= 1 << bit
      assert.match(refusal(flipped).message, /offset 10 does not match its CRC/)
    })
  )
})

test('other message formats and unknown compressions are refused by name', () => {
  const old = batchAt(10, 1)
  old[MAGIC] = 1
  assert.match(refusal(old).message, /message format 1/)
  assert.match(
    refusal(altered(batchAt(10, 1), batch => batch.writeInt16BE(5, ATTRIBUTES))).message,
    /unknown compression/
  )
})

test('a length below the head is refused, not taken for a cut batch', () => {
  for (const length of [48, 0, -1, -100]) {
    const batch = batchAt(10, 1)
    batch.writeInt32BE(length, 8)
    assert.match(refusal(batch).message, /length/)
    assert.equal(nextFetchOffset(batch, 10), 10)
  }
})

test('a wrong number of records is refused', () => {
  const few = altered(batchAt(10, 4), batch => batch.writeInt32BE(3, RECORD_COUNT))
  assert.match(refusal(few).message, /record 3 of 3 is the last, and yet bytes follow/)
  const none = altered(batchAt(10, 4), batch => batch.writeInt32BE(0, RECORD_COUNT))
  assert.match(refusal(none).message, /bytes/)
  const many = altered(batchAt(10, 4), batch => batch.writeInt32BE(5, RECORD_COUNT))
  assert.match(refusal(many).message, /record 4 of 5 runs past its batch/)
  const negative = altered(batchAt(10, 4), batch => batch.writeInt32BE(-1, RECORD_COUNT))
  assert.match(refusal(negative).message, /negative/)
})

test('an offset above the last one of the batch is refused', () => {
  const short = altered(batchAt(10, 4), batch => batch.writeInt32BE(2, LAST_OFFSET_DELTA))
  assert.match(refusal(short).message, /record 3 of 4 has an offset out of order/)
})

/** A batch of two records, the first with these bytes after its length. */
function batchWith(body: readonly number[]): Buffer {
  const good = [12, 0, 0, 2, 1, 1, 0]
  const head = batchAt(10, 2).subarray(0, RECORDS)
  const batch = Buffer.concat([head, Buffer.from([body.length << 1, ...body, ...good])])
  batch.writeInt32BE(batch.length - 12, 8)
  return altered(batch, () => {})
}

test('a record whose parts run past it is refused, though other bytes follow', () => {
  assert.deepEqual(offsetsOf(batchWith([0, 0, 0, 1, 2, 0x61, 0])), [10, 11])
  const wrong: readonly [string, readonly number[]][] = [
    ['key', [0, 0, 0, 10, 0x61, 1, 0]],
    ['key', [0, 0, 0, 3, 1, 0]],
    ['value', [0, 0, 0, 1, 10, 0x61, 0]],
    ['value', [0, 0, 0, 1, 3, 0]],
    ['value', [0, 0, 0, 1]],
    ['header count', [0, 0, 0, 1, 1, 4, 2, 0x61]],
    ['header count', [0, 0, 0, 1, 1, 1]],
    ['header count', [0, 0, 0, 1, 1, 0xff, 0xff, 0xff, 0xff, 0x7f]]
  ]
  for (const [part, body] of wrong) assert.match(refusal(batchWith(body)).message, new RegExp(part), String(body))
})

test('a record of usual size whose parts run past it is refused, though other bytes follow', () => {
  const letters = [0x61, 0x61, 0x61, 0x61]
  const wrong: readonly [string, readonly number[]][] = [
    ['offset out of order', [0, 0, 4, 8, ...letters, 2, 0x61, 0]],
    ['offset out of order', [0, 0, 1, 8, ...letters, 2, 0x61, 0]],
    ['key', [0, 0, 0, 18, ...letters, 2, 0x61, 0]],
    ['key', [0, 0, 0, 0xfe, 0x7f, ...letters, 2, 0x61, 0]],
    ['value', [0, 0, 0, 8, ...letters, 6, 0x61, 0]],
    ['value', [0, 0, 0, 8, ...letters, 0xfe, 0x7f, 0]],
    ['value', [0, 0, 0, 8, ...letters, 3, 0x61, 0]],
    ['header count', [0, 0, 0, 8, ...letters, 2, 0x61, 1]],
    ['header count', [0, 0, 0, 8, ...letters, 2, 0x61, 2, 0]],
    ['header count', [0, 0, 0, 8, ...letters, 2, 0x61, 0xff, 0x7f]]
  ]
  for (const [part, body] of wrong) assert.match(refusal(batchWith(body)).message, new RegExp(part), String(body))
})

test('numbers are read in any form and at each border between short and long ones', () => {
  const padded = (value: number) => [((value << 1) & 0x7f) | 0x80, (value << 1) >> 7]
  const number = (value: number) => {
    const bytes = Buffer.alloc(8)
    return [...bytes.subarray(0, writeVarint(bytes, 0, value))]
  }
  for (let longer = 0; longer < 32; longer++) {
    const form = (value: number, place: number) => (((longer >> place) & 1) === 1 ? padded(value) : number(value))
    for (const [time, keyBytes, valueBytes] of [
      [0, 0, 0],
      [63, 3, 5],
      [64, 5, 0],
      [8_191, 63, 64],
      [1, 64, 63]
    ] as const) {
      const [key, value] = [Array(keyBytes).fill(0x6b), Array(valueBytes).fill(0x76)]
      const behindKey = [...form(valueBytes, 3), ...value, ...form(0, 4)]
      const body = [0, ...form(time, 0), ...form(0, 1), ...form(keyBytes, 2), ...key, ...behindKey]
      const good = [12, 0, 0, 2, 1, 1, 0]
      const head = batchAt(10, 2).subarray(0, RECORDS)
      const batch = Buffer.concat([head, Buffer.from([...number(body.length), ...body, ...good])])
      batch.writeInt32BE(batch.length - 12, 8)
      const reader = new RecordReader()
      reader.reset(altered(batch, () => {}))
      assert.ok(reader.next())
      const { offset, timestampDelta, headerCount } = reader
      const read = [offset, timestampDelta, headerCount, reader.key!.toString(), reader.value!.toString()]
      assert.deepEqual(read, [10, time, 0, 'k'.repeat(keyBytes), 'v'.repeat(valueBytes)])
      assert.ok(reader.next() && reader.offset === 11 && reader.key === null && !reader.next())
    }
  }
})

test('a header that runs past its record is refused when headers are looked at', () => {
  const name = Buffer.from('tidemark')
  for (const header of [
    [20, 0x61, 2, 0x62],
    [2, 0x61, 20, 0x62],
    [1, 2, 0x62, 0x62],
    [2, 0x61, 3, 0x62]
  ]) {
    const reader = new RecordReader()
    reader.reset(batchWith([0, 0, 0, 1, 1, 2, ...header]))
    assert.ok(reader.next())
    const { bytes, headersStart, headersEnd, headerCount } = reader
    for (const look of [
      () => reader.findHeader(name),
      () => readHeaders(bytes, headersStart, headersEnd, headerCount)
    ]) {
      assert.throws(look, error => isTidemarkError(error, 'RECORD_BATCH_INVALID'), String(header))
    }
  }
})

test('bytes with a right CRC that are no records are refused or read, never anything else', () => {
  const batch = batchAt(10, 6)
  check(
    property(
      uint8Array({ minLength: 1, maxLength: 6 }),
      integer({ min: RECORDS, max: batch.length - 7 }),
      (bytes, at) => {
        const changed = altered(batch, copy => copy.set(bytes, at))
        const reader = new RecordReader()
        reader.reset(changed)
        try {
          for (const sample of readSamples(reader)) assert.ok(sample.offset >= 10 && sample.offset <= 15)
        } catch (error) {
          assert.ok(isTidemarkError(error, 'RECORD_BATCH_INVALID'), String(error))
        }
      }
    ),
    { numRuns: 2000 }
  )
})

test('damaged compressed bytes are refused or read, never anything else', () => {
  check(
    property(
      constantFrom<Compression>('gzip', 'snappy', 'lz4', 'zstd'),
      uint8Array({ minLength: 1, maxLength: 4 }),
      integer({ min: 0, max: 400 }),
      (compression, bytes, at) => {
        const changed = altered(batchAt(10, 60, compression), copy => copy.set(bytes, RECORDS + at))
        const reader = new RecordReader(1_000_000)
        reader.reset(changed)
        try {
          readSamples(reader)
        } catch (error) {
          assert.ok(isTidemarkError(error, 'RECORD_BATCH_INVALID'), String(error))
        }
      }
    ),
    { numRuns: 500 }
  )
})
