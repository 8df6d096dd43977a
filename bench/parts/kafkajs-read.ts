import { Kafka, logLevel } from 'kafkajs'
import { tell } from '../measured.ts'

/** kafkajs eachBatch over the same topics: no order, no transactions, values as they are. */
const [brokers, topics, expected] = process.argv.slice(2) as [string, string, string]
const records = Number(expected)
const kafka = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING })
const consumer = kafka.consumer({
  groupId: `bench-${process.pid}`,
  maxBytesPerPartition: 4_194_304,
  maxBytes: 52_428_800
})
await consumer.connect()
await consumer.subscribe({ topics: topics.split(','), fromBeginning: true })
let count = 0
let bytes = 0
let began = 0
let ended: () => void
const end = new Promise<void>(resolve => (ended = resolve))
await consumer.run({
  autoCommit: false,
  eachBatch: async ({ batch }) => {
    began ||= performance.now()
    for (const message of batch.messages) bytes += (message.key?.length ?? 0) + (message.value?.length ?? 0)
    count += batch.messages.length
    if (count >= records) ended()
  }
})
await end
tell(count, (performance.now() - began) / 1000)
if (bytes === 0) throw new Error('nothing was read')
process.exit(0)
