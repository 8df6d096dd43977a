import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startKafka } from '../services/kafka.ts'
import { batchOf, recordsIn } from '../test/support/kafka-cluster.ts'
import { KafkaAdmin } from './admin.ts'
import { Cluster } from './cluster.ts'
import { PartitionFetcher } from './partition-fetcher.ts'
import { ProducerSession } from './producer-session.ts'
import { nextFetchOffset } from './record-batch/batch-reader.ts'
import { ClusterProduceWire } from './wire.ts'

const partitions = [0, 1, 2]
const rounds = 60

test('while brokers crash and leaders move, every batch is stored once and in order, and the reader follows', async t => {
  const kafka = await startKafka({ nodes: 3, heapMegabytes: 256, settings: { 'min.insync.replicas': 2 } })
  t.after(() => kafka.stop())
  if (kafka.nodes.length < 3) return t.skip('three brokers need Java')
  const cluster = new Cluster({ brokers: kafka.brokers, clientId: 'tidemark-test', timeouts: { requestMs: 5_000 } })
  t.after(() => cluster.close())
  await new KafkaAdmin(cluster).createTopics([{ name: 'moving', partitions: partitions.length, replication: 3 }])

  const held = new Set<string>()
  const session = await ProducerSession.open(new ClusterProduceWire(cluster), 'mover', {
    onHold: hold => held.add(`${hold.topic}/${hold.partition}`)
  })
  const reading = readAll(PartitionFetcher.of(cluster))
  for (let round = 0; round < rounds; round++) {
    if (round === 20) await kafka.nodes[0]!.crash()
    if (round === 40) await kafka.nodes[0]!.restart()
    if (round === 45) await kafka.nodes[1]!.crash()
    await session.produce(
      partitions.map(partition => ({ topic: 'moving', partition, batch: batchOf(`${partition}:${round}`) }))
    )
  }
  assert.ok(held.size > 0, 'no batch ever waited: the test did not test')
  const expected = partitions.map(partition =>
    Array.from({ length: rounds }, (_, round) => `${round} ${partition}:${round}`)
  )
  assert.deepEqual(await reading, expected)
})

/** Everything there is, while it is being written; by partition. */
async function readAll(fetcher: PartitionFetcher): Promise<string[][]> {
  const found: string[][] = partitions.map(() => [])
  const offsets = partitions.map(() => 0)
  while (found.some(records => records.length < rounds)) {
    const requests = partitions.map(partition => ({
      topic: 'moving',
      partition,
      offset: offsets[partition]!,
      bytesMax: 1e6
    }))
    for (const { partition, batches } of await fetcher.fetch(requests, 500)) {
      found[partition]!.push(...recordsIn(batches))
      offsets[partition] = nextFetchOffset(batches, offsets[partition]!)
    }
  }
  return found
}
