import { Cluster } from '@tidemark/kafka/cluster.ts'
import type { LogReader } from '@tidemark/kafka/log-reader.ts'
import { PartitionFetcher } from '@tidemark/kafka/partition-fetcher.ts'
import { TransactionConsumer } from '@tidemark/tcc-consumer'
import { Stopwatch, tellLastOf, type Measured } from '../measured.ts'

/** The TCC client over the same topics: whole transactions in source order; key and value of each record looked at. */
const [brokers, commitStream, expectedText] = process.argv.slice(2) as [string, string, string]
const expected = Number(expectedText)
await tellLastOf(4, read)
process.exit(0)

async function read(): Promise<Measured> {
  const watch = new Stopwatch()
  const cluster = new Cluster({ brokers: brokers.split(','), clientId: 'bench' })
  const consumer = new TransactionConsumer({ reader: timed(PartitionFetcher.of(cluster), watch), commitStream })
  let transactions = 0
  let records = 0
  let bytes = 0
  for await (const transaction of consumer) {
    for (const record of transaction.records) {
      bytes += (record.key?.length ?? 0) + (record.value?.length ?? 0)
      records++
    }
    if (++transactions >= expected) break
  }
  const measured = watch.end(records)
  if (bytes === 0) throw new Error('nothing was read')
  await consumer.close()
  await cluster.close()
  return measured
}

/** Connecting is not reading: time runs from the first fetch, as it does for kafkajs. */
function timed(reader: LogReader, watch: Stopwatch): LogReader {
  return {
    bounds: (topic, partition) => reader.bounds(topic, partition),
    offsetAtTime: (topic, partition, time) => reader.offsetAtTime(topic, partition, time),
    fetch: (requests, waitMs, signal) => {
      watch.begin()
      return reader.fetch(requests, waitMs, signal)
    },
    close: () => reader.close()
  }
}
