import { array, integer, option, record, string, uint8Array, type Arbitrary } from 'fast-check'
import type { BatchBuilder } from '@tidemark/kafka/record-batch/batch-builder.ts'
import { headerBytes, readHeaders, writeHeader } from '@tidemark/kafka/record-batch/record-headers.ts'
import type { RecordReader } from '@tidemark/kafka/record-batch/record-reader.ts'

/** A Kafka record as a test states it; bytes as hex, so that a difference is readable. */
export interface SampleRecord {
  timestamp: number
  key: string | null
  value: string | null
  headers: [string, string | null][]
}

const bytes = (maxLength: number): Arbitrary<string | null> =>
  option(
    uint8Array({ maxLength, size: 'max' }).map(value => Buffer.from(value).toString('hex')),
    { freq: 6 }
  )

export const anySampleRecord: Arbitrary<SampleRecord> = record({
  timestamp: integer({ min: -1, max: 8_640_000_000_000_000 }),
  key: bytes(80),
  value: bytes(300),
  headers: array(
    string({ unit: 'grapheme', maxLength: 12 }).chain(name =>
      bytes(140).map((value): [string, string | null] => [name, value])
    ),
    { maxLength: 3 }
  )
})

/** Records of a usual kind: compressible values, some nulls, some headers. */
export function usualRecords(count: number): SampleRecord[] {
  return Array.from({ length: count }, (_, index) => ({
    timestamp: 1_700_000_000_000 + index,
    key: index % 5 === 4 ? null : hex(`key-${index}`),
    value: index % 7 === 6 ? null : hex(`value-${index} `.repeat(index % 40)),
    headers: index % 2 === 0 ? [['tidemark', hex(`h${index}`)]] : []
  }))
}

export function appendSample(builder: BatchBuilder, sample: SampleRecord): number {
  const key = unhex(sample.key)
  const value = unhex(sample.value)
  const headers = encodeHeaders(sample.headers)
  return builder.append(
    sample.timestamp,
    key,
    0,
    key?.length ?? 0,
    value,
    0,
    value?.length ?? 0,
    sample.headers.length,
    headers,
    0,
    headers.length
  )
}

/** What `append` will add, as the builder predicts it. */
export function predictedBytes(builder: BatchBuilder, sample: SampleRecord): number {
  const bytesOf = (text: string | null): number => (text === null ? -1 : text.length / 2)
  const headers = encodeHeaders(sample.headers)
  return builder.recordBytes(
    sample.timestamp,
    bytesOf(sample.key),
    bytesOf(sample.value),
    sample.headers.length,
    headers.length
  )
}

/** All records the reader still has, with their offsets. */
export function readSamples(reader: RecordReader): (SampleRecord & { offset: number })[] {
  const samples: (SampleRecord & { offset: number })[] = []
  while (reader.next()) {
    const { bytes, headersStart, headersEnd, headerCount } = reader
    samples.push({
      offset: reader.offset,
      timestamp: reader.timestamp,
      key: reader.key?.toString('hex') ?? null,
      value: reader.value?.toString('hex') ?? null,
      headers: readHeaders(bytes, headersStart, headersEnd, headerCount).map(([name, value]) => [
        name,
        value?.toString('hex') ?? null
      ])
    })
  }
  return samples
}

export function hex(text: string): string {
  return Buffer.from(text).toString('hex')
}

function unhex(text: string | null): Buffer | null {
  return text === null ? null : Buffer.from(text, 'hex')
}

function encodeHeaders(headers: readonly [string, string | null][]): Buffer {
  const encoded = headers.map(([name, value]): [Buffer, Buffer | null] => [Buffer.from(name), unhex(value)])
  const target = Buffer.alloc(
    encoded.reduce((sum, [name, value]) => sum + headerBytes(name.length, value?.length ?? -1), 0)
  )
  let at = 0
  for (const [name, value] of encoded) at = writeHeader(target, at, name, value)
  return target
}
