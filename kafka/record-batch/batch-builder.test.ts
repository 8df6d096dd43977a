import assert from 'node:assert/strict'
import { test } from 'node:test'
import { array, assert as check, constantFrom, integer, property } from 'fast-check'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import {
  anySampleRecord,
  appendSample,
  predictedBytes,
  readSamples,
  usualRecords
} from '../../test/support/sample-records.ts'
import { BatchBuilder, type Seal } from './batch-builder.ts'
import type { Compression } from './compression.ts'
import { RecordReader } from './record-reader.ts'

const compressions: readonly Compression[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
const plain: Seal = { compression: 'none', producerId: -1n, producerEpoch: -1, baseSequence: -1 }

function readAll(batch: Buffer): ReturnType<typeof readSamples> {
  const reader = new RecordReader()
  reader.reset(batch)
  return readSamples(reader)
}

test('any records come back as they were, in every compression', () => {
  check(
    property(
      array(anySampleRecord, { minLength: 1, maxLength: 20 }),
      constantFrom(...compressions),
      (samples, compression) => {
        const builder = new BatchBuilder()
        for (const sample of samples) appendSample(builder, sample)
        const batch = builder.seal({ ...plain, compression })
        assert.deepEqual(
          readAll(batch),
          samples.map((sample, offset) => ({ offset, ...sample }))
        )
      }
    ),
    { numRuns: 300 }
  )
})

test('the size of a record and of the batch is known exactly before it is written', () => {
  check(
    property(array(anySampleRecord, { minLength: 1, maxLength: 20 }), samples => {
      const builder = new BatchBuilder()
      for (const [index, sample] of samples.entries()) {
        const expected = builder.byteLength + predictedBytes(builder, sample)
        assert.equal(appendSample(builder, sample), index)
        assert.equal(builder.byteLength, expected)
      }
      assert.equal(builder.seal(plain).length, builder.byteLength)
    })
  )
})

test('varints of every length are exact: index, value length and timestamp distance', () => {
  check(
    property(integer({ min: 0, max: 2 ** 22 }), integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), (bytes, distance) => {
      const builder = new BatchBuilder()
      const value = Buffer.alloc(bytes)
      builder.append(2 ** 40, null, 0, 0, null, 0, 0, 0, null, 0, 0)
      builder.append(2 ** 40 + distance, null, 0, 0, value, 0, bytes, 0, null, 0, 0)
      const reader = new RecordReader()
      reader.reset(builder.seal(plain))
      assert.ok(reader.next() && reader.next())
      assert.equal(reader.valueEnd - reader.valueStart, bytes)
      assert.equal(reader.timestamp, 2 ** 40 + distance)
    }),
    { numRuns: 50 }
  )
})

test('varints are exact at each of their borders', () => {
  const powers = Array.from({ length: 52 }, (_, bit) => 2 ** bit)
  const distances = powers.flatMap(power => [power - 1, power, power + 1, -power - 1, -power, 1 - power])
  const builder = new BatchBuilder()
  builder.append(0, null, 0, 0, null, 0, 0, 0, null, 0, 0)
  const value = Buffer.alloc(70_000)
  for (const distance of distances) {
    const length = Math.min(Math.abs(distance), value.length)
    const predicted = builder.byteLength + builder.recordBytes(distance, -1, length, 0, 0)
    builder.append(distance, null, 0, 0, value, 0, length, 0, null, 0, 0)
    assert.equal(builder.byteLength, predicted, String(distance))
  }
  const samples = readAll(builder.seal(plain)).slice(1)
  assert.deepEqual(
    samples.map(({ timestamp, value }) => [timestamp, value?.length]),
    distances.map(distance => [distance + 0, 2 * Math.min(Math.abs(distance), 70_000)])
  )
})

test('only the bytes between start and end are taken, of short and of long parts', () => {
  for (const length of [1, 31, 32, 33, 500]) {
    const bytes = Buffer.from(`<<${'x'.repeat(length)}>>`)
    const headers = Buffer.concat([Buffer.from('??'), Buffer.from([2, 0x68, length === 500 ? 1 : 4, 0x61, 0x62])])
    const builder = new BatchBuilder()
    const end = length === 500 ? 5 : 7
    builder.append(1, bytes, 2, 2 + length, bytes, 2, 2 + length, 1, headers, 2, end)
    const reader = new RecordReader()
    reader.reset(builder.seal(plain))
    assert.ok(reader.next())
    assert.equal(reader.key?.toString(), 'x'.repeat(length))
    assert.equal(reader.value?.toString(), 'x'.repeat(length))
    assert.equal(reader.findHeader(Buffer.from('h')), true)
  }
})

test('the identity of the producer stands in the head', () => {
  const builder = new BatchBuilder()
  for (const sample of usualRecords(3)) appendSample(builder, sample)
  const reader = new RecordReader()
  reader.reset(
    builder.seal({ compression: 'none', producerId: 2n ** 40n + 5n, producerEpoch: 32767, baseSequence: 2 ** 31 - 1 })
  )
  assert.ok(reader.next())
  const { producerId, producerEpoch, baseSequence, lastOffset, recordCount, transactional, control } = reader.batch
  assert.deepEqual(
    { producerId, producerEpoch, baseSequence, lastOffset, recordCount, transactional, control },
    {
      producerId: 2n ** 40n + 5n,
      producerEpoch: 32767,
      baseSequence: 2 ** 31 - 1,
      lastOffset: 2,
      recordCount: 3,
      transactional: false,
      control: false
    }
  )
})

test('a sealed batch can be sealed again under another identity', () => {
  const builder = new BatchBuilder()
  for (const sample of usualRecords(3)) appendSample(builder, sample)
  builder.seal({ ...plain, compression: 'gzip', producerId: 1n })
  const reader = new RecordReader()
  reader.reset(builder.seal({ ...plain, producerId: 2n }))
  assert.equal(readSamples(reader).length, 3)
  assert.equal(reader.batch.producerId, 2n)
})

test('a timestamp given at sealing moves all records and keeps their distances', () => {
  const builder = new BatchBuilder()
  for (const timestamp of [1000, 1007, 990]) builder.append(timestamp, null, 0, 0, null, 0, 0, 0, null, 0, 0)
  const reader = new RecordReader()
  reader.reset(builder.seal({ ...plain, timestamp: 5000 }))
  assert.deepEqual(
    readSamples(reader).map(sample => sample.timestamp),
    [5000, 5007, 4990]
  )
  assert.equal(reader.batch.maxTimestamp, 5007)
})

test('a record cannot be added to a sealed batch, and an empty batch cannot be sealed', () => {
  const builder = new BatchBuilder()
  assert.throws(
    () => builder.seal(plain),
    error => isTidemarkError(error, 'INTERNAL')
  )
  for (const sample of usualRecords(1)) appendSample(builder, sample)
  builder.seal(plain)
  assert.throws(
    () => appendSample(builder, usualRecords(1)[0]!),
    error => isTidemarkError(error, 'INTERNAL')
  )
})

test('memory is used again after a reset', () => {
  const builder = new BatchBuilder()
  for (const sample of usualRecords(2000)) appendSample(builder, sample)
  const capacity = builder.capacityBytes
  builder.seal(plain)
  builder.reset()
  assert.equal(builder.count, 0)
  const samples = usualRecords(5)
  for (const sample of samples) appendSample(builder, sample)
  assert.equal(builder.capacityBytes, capacity)
  assert.deepEqual(
    readAll(builder.seal(plain)),
    samples.map((sample, offset) => ({ offset, ...sample }))
  )
})

test('a batch never outgrows its memory bound, and stays usable when a record was refused', () => {
  const builder = new BatchBuilder(1000)
  const value = Buffer.alloc(950)
  builder.append(1, null, 0, 0, value, 0, 500, 0, null, 0, 0)
  assert.throws(
    () => builder.append(1, null, 0, 0, value, 0, 950, 0, null, 0, 0),
    error => isTidemarkError(error, 'RECORD_TOO_LARGE')
  )
  builder.append(2, null, 0, 0, value, 0, 100, 0, null, 0, 0)
  assert.equal(readAll(builder.seal(plain)).length, 2)
})

test('what compression would make larger goes out uncompressed', () => {
  const noise = Buffer.from(Array.from({ length: 64 }, (_, index) => (index * 167 + 13) & 0xff))
  for (const compression of compressions) {
    const builder = new BatchBuilder()
    builder.append(1, null, 0, 0, noise, 0, noise.length, 0, null, 0, 0)
    const batch = builder.seal({ ...plain, compression })
    assert.ok(batch.length <= builder.byteLength, compression)
    assert.equal(readAll(batch).length, 1)
  }
})
