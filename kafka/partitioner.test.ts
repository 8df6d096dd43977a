import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import fc from 'fast-check'
import { murmur2, partitionOf } from './partitioner.ts'

type KafkajsPartitioner = () => (to: {
  topic: string
  partitionMetadata: { partitionId: number; leader: number }[]
  message: { key: Buffer }
}) => number

const { Partitioners } = createRequire(import.meta.url)('kafkajs') as {
  Partitioners: { DefaultPartitioner: KafkajsPartitioner }
}

/** org.apache.kafka.common.utils.UtilsTest.testMurmur2 */
const javaVectors: readonly [string, number][] = [
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107]
]

test('murmur2 gives the hashes of the Java client', () => {
  for (const [text, hash] of javaVectors) {
    const bytes = Buffer.from(text)
    assert.equal(murmur2(bytes, 0, bytes.length), hash, text)
  }
})

test('only the bytes between start and end are hashed', () => {
  for (const [text, hash] of javaVectors) {
    const bytes = Buffer.from(`<<${text}>>`)
    assert.equal(murmur2(bytes, 2, bytes.length - 2), hash, text)
  }
})

test('a negative hash gives a partition as the Java client does: sign bit off, then modulo', () => {
  const key = Buffer.from('21')
  assert.equal(partitionOf(key, 0, key.length, 7), (-973932308 & 0x7fffffff) % 7)
})

test('any key of any length goes where kafkajs sends it', () => {
  const partitionByKafkajs = Partitioners.DefaultPartitioner()
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.integer({ min: 1, max: 200 }), (bytes, partitions) => {
      const partitionMetadata = Array.from({ length: partitions }, (_, partitionId) => ({ partitionId, leader: 1 }))
      const expected = partitionByKafkajs({ topic: 't', partitionMetadata, message: { key: Buffer.from(bytes) } })
      assert.equal(partitionOf(bytes, 0, bytes.length, partitions), expected)
    })
  )
})
