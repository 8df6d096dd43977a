// Prints every patient with the diagnosis opened by the clinic's private key.
import { readFileSync } from 'node:fs'
import { fieldOpener, openJson, ReaderKeys, TransactionConsumer } from '@tidemark/tcc-consumer'

const { KAFKA = '127.0.0.1:9092', SUBSCRIPTION = 'patients', KEYS = 'keys' } = process.env
const keys = new ReaderKeys({ privateKeys: [readFileSync(`${KEYS}/clinic.pem`, 'utf8')] })
const consumer = new TransactionConsumer({ brokers: [KAFKA], commitStream: `${SUBSCRIPTION}.commits` })

for await (const transaction of consumer) {
  for (const { topic, value, headers } of transaction.records) {
    const opener = fieldOpener(topic, Object.fromEntries(headers), keys)
    // `sealed`: fields that this reader has no key for, or that somebody changed.
    const { value: patient, sealed } = openJson(value, opener)
    console.log(JSON.stringify({ patient, sealed }))
  }
}
