import { TransactionConsumer } from '@tidemark/tcc-consumer'
import { tell } from '../measured.ts'

/** The TCC client over the same topics: whole transactions in source order; key and value of each record looked at. */
const [brokers, commitStream, expected] = process.argv.slice(2) as [string, string, string]
const transactions = Number(expected)
const consumer = new TransactionConsumer({ brokers: brokers.split(','), commitStream, from: 'earliest' })
let count = 0
let records = 0
let bytes = 0
let began = 0
for await (const transaction of consumer) {
  began ||= performance.now()
  for (const record of transaction.records) {
    bytes += (record.key?.length ?? 0) + (record.value?.length ?? 0)
    records++
  }
  if (++count >= transactions) break
}
tell(records, (performance.now() - began) / 1000)
if (bytes === 0) throw new Error('nothing was read')
await consumer.close()
process.exit(0)
