import { randomBytes } from 'node:crypto'
import { after, type TestContext } from 'node:test'
import { startKafka, type KafkaCluster } from '../../services/kafka.ts'

export interface TestKafka {
  brokers: string[]
  /** A topic name of this test alone, beginning with `base`. The topic is not created. */
  topicName: (base: string) => string
}

let own: Promise<KafkaCluster> | undefined

after(async () => {
  await (await own?.catch(() => undefined))?.stop()
})

/**
 * A real one-node Kafka without topic auto-creation: the one at TIDEMARK_KAFKA_BROKERS (`npm test` starts one for all
 * files), else one started for this process.
 */
export async function useKafka(_t: TestContext): Promise<TestKafka> {
  const brokers = process.env['TIDEMARK_KAFKA_BROKERS']?.split(',') ?? (await ownCluster()).brokers
  return { brokers, topicName: base => `${base}.${randomBytes(6).toString('hex')}` }
}

function ownCluster(): Promise<KafkaCluster> {
  own ??= startKafka({ say: line => process.stderr.write(`${line}\n`) })
  return own
}
