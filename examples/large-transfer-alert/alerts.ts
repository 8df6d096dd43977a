// Prints an alert for each transaction that moved more than 500, with the transaction's place in the commit stream.
import { TransactionConsumer } from '@tidemark/tcc-consumer'

const { KAFKA = '127.0.0.1:9092', SUBSCRIPTION = 'transfers' } = process.env
const consumer = new TransactionConsumer({
  brokers: [KAFKA],
  commitStream: `${SUBSCRIPTION}.commits`,
  topics: [`${SUBSCRIPTION}.alerts`]
})

for await (const { records, bookmark } of consumer) {
  for (const { value } of records) {
    const { rule, amount, transaction } = JSON.parse(String(value)) as Record<string, string>
    console.log(JSON.stringify({ rule, amount, transaction, bookmark }))
  }
}
