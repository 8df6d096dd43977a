import { TransactionConsumer } from '@tidemark/tcc-consumer'

/** Reads to the first transaction of so many operations, as a stream; says what it met and the memory it took. */
const [brokers, commitStream, operations] = process.argv.slice(2) as [string, string, string]
const consumer = new TransactionConsumer({ brokers: brokers.split(','), commitStream })
for await (const transaction of consumer) {
  if (transaction.operations < Number(operations)) continue
  let records = 0
  let inOrder = true
  for await (const record of transaction.stream()) inOrder &&= record.operation === records++
  const peakMegabytes = Math.round(process.resourceUsage().maxRSS / 1024)
  process.stdout.write(`${JSON.stringify({ records, inOrder, isLarge: transaction.isLarge, peakMegabytes })}\n`)
  break
}
await consumer.close()
