import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import kafkajs from 'kafkajs'
import { fetchKafkaJars } from '../services/kafka-jars.ts'
import { useCluster, type TestCluster } from '../test/support/kafka-cluster.ts'
import { ProducerSession } from './producer-session.ts'
import { BatchBuilder } from './record-batch/batch-builder.ts'
import type { Compression } from './record-batch/compression.ts'
import { headerBytes, writeHeader } from './record-batch/record-headers.ts'
import { ClusterProduceWire } from './wire.ts'

const run = promisify(execFile)
const recordsEach = 50

/** Keys `<codec>-<n>`, values that compress well, a header, and a tombstone as the last record. */
function batchFor(codec: Compression): BatchBuilder {
  const batch = new BatchBuilder()
  const header = Buffer.alloc(headerBytes(5, codec.length))
  writeHeader(header, 0, Buffer.from('codec'), Buffer.from(codec))
  for (let n = 0; n < recordsEach; n++) {
    const key = Buffer.from(`${codec}-${n}`)
    const value = n === recordsEach - 1 ? null : Buffer.from(`value ${n} `.repeat(5))
    batch.append(1_700_000_000_000 + n, key, 0, key.length, value, 0, value?.length ?? 0, 1, header, 0, header.length)
  }
  return batch
}

/** A topic with one batch of each codec. */
async function writeTopic({ cluster, topic, kafka }: TestCluster, codecs: readonly Compression[]): Promise<string> {
  const name = await topic('interop')
  for (const compression of codecs) {
    const wire = new ClusterProduceWire(cluster)
    const session = await ProducerSession.open(wire, kafka.topicName('id'), { compression })
    await session.produce([{ topic: name, partition: 0, batch: batchFor(compression) }])
  }
  return name
}

describe('other clients read our topics', () => {
  test('kafkajs reads keys, values, tombstones, headers and timestamps, plain and gzip', async t => {
    const codecs: Compression[] = ['none', 'gzip']
    const cluster = await useCluster(t)
    const name = await writeTopic(cluster, codecs)
    const kafka = new kafkajs.Kafka({ brokers: cluster.kafka.brokers, logLevel: kafkajs.logLevel.NOTHING })
    const consumer = kafka.consumer({ groupId: cluster.kafka.topicName('kafkajs') })
    t.after(() => consumer.disconnect())
    await consumer.subscribe({ topic: name, fromBeginning: true })
    const messages: kafkajs.KafkaMessage[] = []
    const all = Promise.withResolvers<void>()
    await consumer.run({
      eachMessage: async ({ message }) => {
        if (messages.push(message) === codecs.length * recordsEach) all.resolve()
      }
    })
    await all.promise
    for (const [index, { key, value, offset, timestamp, headers }] of messages.entries()) {
      const codec = codecs[Math.floor(index / recordsEach)]!
      const n = index % recordsEach
      assert.deepEqual(
        [key?.toString(), offset, timestamp],
        [`${codec}-${n}`, String(index), String(1_700_000_000_000 + n)]
      )
      assert.equal(value?.toString(), n === recordsEach - 1 ? undefined : `value ${n} `.repeat(5))
      assert.equal(headers?.['codec']?.toString(), codec)
    }
  })

  test('Kafka’s console consumer reads every compression', async t => {
    const java = await run('java', ['-version']).catch(() => null)
    if (java === null) return t.skip('there is no Java here')
    const codecs: Compression[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
    const cluster = await useCluster(t)
    const name = await writeTopic(cluster, codecs)
    const libs = await fetchKafkaJars(() => {})
    const options = ['--bootstrap-server', cluster.kafka.brokers[0]!, '--topic', name, '--from-beginning']
    const limits = ['--max-messages', String(codecs.length * recordsEach), '--timeout-ms', '30000']
    const shown = ['--property', 'print.key=true', '--property', 'print.headers=true']
    const main = 'org.apache.kafka.tools.consumer.ConsoleConsumer'
    const consumer = execFile('java', ['-cp', join(libs, '*'), main, ...options, ...limits, ...shown])
    t.after(() => consumer.kill('SIGKILL'))
    let output = ''
    consumer.stdout?.on('data', (text: string) => (output += text))
    await once(consumer, 'close')
    const expected = codecs.flatMap(codec =>
      Array.from({ length: recordsEach }, (_, n) => {
        const value = n === recordsEach - 1 ? 'null' : `value ${n} `.repeat(5)
        return `codec:${codec}\t${codec}-${n}\t${value}`
      })
    )
    assert.deepEqual(
      output.split('\n').filter(line => line !== ''),
      expected
    )
  })
})
