import { TransactionConsumer } from '@tidemark/tcc-consumer'
import { Stopwatch, tellLastOf, type Measured } from '../measured.ts'

/** The TCC client over the same topics: whole transactions in source order; key and value of each record looked at. */
const [brokers, commitStream, expected] = process.argv.slice(2) as [string, string, string]
await tellLastOf(2, read)
process.exit(0)

async function read(): Promise<Measured> {
  const watch = new Stopwatch()
  const consumer = new TransactionConsumer({ brokers: brokers.split(','), commitStream, from: 'earliest' })
  let transactions = 0
  let records = 0
  let bytes = 0
  for await (const transaction of consumer) {
    watch.begin()
    for (const record of transaction.records) {
      bytes += (record.key?.length ?? 0) + (record.value?.length ?? 0)
      records++
    }
    if (++transactions >= Number(expected)) break
  }
  const measured = watch.end(records)
  if (bytes === 0) throw new Error('nothing was read')
  await consumer.close()
  return measured
}
