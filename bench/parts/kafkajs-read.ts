import { Kafka, logLevel } from 'kafkajs'
import { Stopwatch, tellLastOf, type Measured } from '../measured.ts'

/** kafkajs eachBatch over the same topics: no order, no transactions; key and value of each record looked at. */
const [brokers, topics, expected] = process.argv.slice(2) as [string, string, string]
const kafka = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING })
let pass = 0
await tellLastOf(4, read)
process.exit(0)

async function read(): Promise<Measured> {
  const groupId = `bench-${process.pid}-${pass++}`
  const consumer = kafka.consumer({ groupId, maxBytesPerPartition: 4_194_304, maxBytes: 52_428_800 })
  await consumer.connect()
  await consumer.subscribe({ topics: topics.split(','), fromBeginning: true })
  const watch = new Stopwatch()
  // Joining the group is not reading: time runs from the first fetch.
  consumer.on(consumer.events.FETCH_START, () => watch.begin())
  const { promise, resolve } = Promise.withResolvers<Measured>()
  let records = 0
  let bytes = 0
  await consumer.run({
    autoCommit: false,
    eachBatch: ({ batch }) => {
      for (const message of batch.messages) bytes += (message.key?.length ?? 0) + (message.value?.length ?? 0)
      records += batch.messages.length
      if (records >= Number(expected)) resolve(watch.end(records))
      return Promise.resolve()
    }
  })
  const measured = await promise
  if (bytes === 0) throw new Error('nothing was read')
  await consumer.disconnect()
  return measured
}
