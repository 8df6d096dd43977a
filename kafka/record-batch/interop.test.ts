import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { Reader, createRecordsBatch, readRecordsBatch } from '@platformatic/kafka'
import { appendSample, hex, readSamples, usualRecords, type SampleRecord } from '../../test/support/sample-records.ts'
import { BatchBuilder } from './batch-builder.ts'
import type { Compression } from './compression.ts'
import { RecordReader } from './record-reader.ts'

/** Made by kafka-clients 4.1.1: fixtures/java-batches.java. */
const java = JSON.parse(readFileSync(new URL('fixtures/java-4.1.1.json', import.meta.url), 'utf8')) as Record<
  string,
  string
>

const compressions: readonly Compression[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

function readJava(name: string): { reader: RecordReader; samples: ReturnType<typeof readSamples> } {
  const bytes = java[name]
  assert.ok(bytes !== undefined, name)
  const reader = new RecordReader()
  reader.reset(Buffer.from(bytes, 'base64'), 0, name)
  return { reader, samples: readSamples(reader) }
}

/** The records java-batches.java appends. */
function javaRecord(index: number): SampleRecord {
  return {
    timestamp: 1_700_000_000_000 + index * (index % 3 === 0 ? -1 : 1000),
    key: index % 5 === 4 ? null : hex(`key-${index}`),
    value: index % 7 === 6 ? null : hex(`value-${index}-${'x'.repeat((index * 37) % 400)}`),
    headers:
      index % 2 === 0
        ? [
            ['tidemark', hex(`h${index}`)],
            ['none', null]
          ]
        : []
  }
}

function sealed(samples: readonly SampleRecord[], compression: Compression): Buffer {
  const builder = new BatchBuilder()
  for (const sample of samples) appendSample(builder, sample)
  return builder.seal({ compression, producerId: 7n, producerEpoch: 2, baseSequence: 11 })
}

test('batches of the Java producer are read in every compression', () => {
  for (const compression of compressions) {
    const { reader, samples } = readJava(compression)
    assert.equal(reader.batch.compression, compression)
    assert.equal(samples.length, compression === 'none' ? 12 : 60)
    for (const [index, { offset, ...sample }] of samples.entries()) {
      assert.equal(offset, 1000 + index)
      assert.deepEqual(sample, javaRecord(index), `${compression}, record ${index}`)
    }
    const { producerId, producerEpoch, baseSequence, leaderEpoch } = reader.batch
    assert.deepEqual(
      { producerId, producerEpoch, baseSequence, leaderEpoch },
      { producerId: 42n, producerEpoch: 3, baseSequence: 17, leaderEpoch: 5 }
    )
  }
})

test('batches of many compressed blocks of the Java producer are read', () => {
  for (const compression of compressions.filter(name => name !== 'none')) {
    const { samples } = readJava(`large ${compression}`)
    assert.equal(samples.length, 200)
    assert.ok(samples.every(({ value }) => value === hex('tidemark '.repeat(100))))
    assert.equal(samples[199]?.key, hex('key-199'))
  }
})

test('with log append time all records have the time of the broker', () => {
  const { samples } = readJava('logAppendTime')
  assert.deepEqual(
    samples.map(sample => sample.timestamp),
    [1_700_000_009_999, 1_700_000_009_999, 1_700_000_009_999]
  )
})

test('records of a Kafka transaction are marked, its commit marker is passed over', () => {
  const { reader, samples } = readJava('transactional')
  assert.equal(samples.length, 2)
  assert.equal(reader.batch.transactional, true)
  const marker = readJava('commitMarker')
  assert.equal(marker.samples.length, 0)
  assert.equal(marker.reader.nextOffset, 3003)
})

test("a batch after Kafka's own compaction keeps offsets, timestamps and its last offset", () => {
  const { reader, samples } = readJava('compacted')
  assert.deepEqual(
    samples,
    [1, 5, 6].map(index => ({ offset: 4000 + index, ...javaRecord(index) }))
  )
  assert.equal(reader.nextOffset, 4010)
  const emptied = readJava('emptied')
  assert.equal(emptied.samples.length, 0)
  assert.equal(emptied.reader.nextOffset, 4010)
})

test("@platformatic/kafka's codec reads what is written here, in every compression", () => {
  const samples = usualRecords(500)
  for (const compression of compressions) {
    const batch = readRecordsBatch(Reader.from(sealed(samples, compression)))
    assert.equal(batch.producerId, 7n)
    assert.equal(batch.firstSequence, 11)
    const read = batch.records.map(record => ({
      timestamp: Number(batch.firstTimestamp + record.timestampDelta),
      key: record.key?.toString('hex') ?? null,
      value: record.value?.toString('hex') ?? null,
      headers: record.headers.map(([name, value]) => [name?.toString(), value?.toString('hex') ?? null])
    }))
    assert.deepEqual(read, samples, compression)
  }
})

test("what @platformatic/kafka's codec writes is read here, in every compression", () => {
  const messages = Array.from({ length: 500 }, (_, index) => ({
    topic: 't',
    key: Buffer.from(`key-${index}`),
    value: Buffer.from(`value-${index} `.repeat(index % 40)),
    headers: new Map([[Buffer.from('tidemark'), Buffer.from(`h${index}`)]]),
    timestamp: 1_700_000_000_000n + BigInt(index)
  }))
  for (const compression of compressions) {
    const reader = new RecordReader()
    reader.reset(createRecordsBatch(messages, { compression, producerId: 9n, producerEpoch: 1 }).buffer)
    const expected = messages.map(({ key, value, timestamp }, offset) => ({
      offset,
      timestamp: Number(timestamp),
      key: key.toString('hex'),
      value: value.toString('hex'),
      headers: [['tidemark', hex(`h${offset}`)]]
    }))
    assert.deepEqual(readSamples(reader), expected, compression)
    assert.equal(reader.batch.compression, compression)
  }
})

/** The parts of kafkajs' own codec; it has no types. */
interface KafkajsRecord {
  timestamp: string
  key: Buffer | null
  value: Buffer | null
  headers: Record<string, Buffer>
}
type KafkajsDecode = (decoder: unknown) => Promise<{ records: KafkajsRecord[] }>
type KafkajsEncode = (batch: object) => Promise<{ buffer: Buffer }>

const load = createRequire(import.meta.url)
const KafkajsDecoder = load('kafkajs/src/protocol/decoder.js') as new (bytes: Buffer) => object
const kafkajsDecode = load('kafkajs/src/protocol/recordBatch/v0/decoder.js') as KafkajsDecode
const { RecordBatch: kafkajsEncode } = load('kafkajs/src/protocol/recordBatch/v0/index.js') as {
  RecordBatch: KafkajsEncode
}
const kafkajsRecord = load('kafkajs/src/protocol/recordBatch/record/v0/index.js') as (record: object) => object

test('kafkajs reads what is written here, plain and gzip', async () => {
  const samples = usualRecords(200)
  for (const compression of ['none', 'gzip'] as const) {
    const batch = await kafkajsDecode(new KafkajsDecoder(sealed(samples, compression)))
    const read = batch.records.map(record => ({
      timestamp: Number(record.timestamp),
      key: record.key?.toString('hex') ?? null,
      value: record.value?.toString('hex') ?? null,
      headers: Object.entries(record.headers).map(([name, value]) => [name, value.toString('hex')])
    }))
    assert.deepEqual(read, samples, compression)
  }
})

test('what kafkajs writes is read here, plain and gzip', async () => {
  const samples = usualRecords(200)
  const records = samples.map((sample, offsetDelta) =>
    kafkajsRecord({
      offsetDelta,
      timestampDelta: sample.timestamp - 1_700_000_000_000,
      key: sample.key === null ? null : Buffer.from(sample.key, 'hex'),
      value: sample.value === null ? null : Buffer.from(sample.value, 'hex'),
      headers: Object.fromEntries(sample.headers.map(([name, value]) => [name, Buffer.from(value ?? '', 'hex')]))
    })
  )
  for (const compression of [0, 1]) {
    const batch = await kafkajsEncode({
      compression,
      firstTimestamp: 1_700_000_000_000,
      maxTimestamp: 1_700_000_000_199,
      lastOffsetDelta: 199,
      records
    })
    const reader = new RecordReader()
    reader.reset(batch.buffer)
    assert.deepEqual(
      readSamples(reader),
      samples.map((sample, offset) => ({ offset, ...sample }))
    )
  }
})
