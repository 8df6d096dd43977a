import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { startProgram, type Child } from '../support/child.ts'
import { useKafka } from '../support/kafka.ts'
import { useQueueManager, type MqApplication, type TestMq } from '../support/mq.ts'

const program = join(import.meta.dirname, '../../capture/bin/tidemark.mjs')

/** A queue, a Kafka cluster and a configuration that captures the one to the other. */
export interface QueueSubscription {
  mq: TestMq
  queue: string
  topic: string
  commitStream: string
  brokers: string[]
  config: string
  application: MqApplication
}

export interface QueueSubscriptionOptions {
  /** Further lines of the queue's entry, as `unit: group`. */
  entry?: string
  /** Further lines below `mq`. */
  more?: string
  attributes?: Parameters<TestMq['queue']>[0]
}

/** null: the test is skipped, since no queue manager can be had. */
export async function useQueueSubscription(
  t: TestContext,
  options: QueueSubscriptionOptions = {}
): Promise<QueueSubscription | null> {
  const mq = await useQueueManager(t)
  if (mq === null) return null
  const kafka = await useKafka(t)
  const name = kafka.topicName('orders')
  const queue = await mq.queue(options.attributes)
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const config = join(directory, 'tidemark.yaml')
  const { queueManager, channel, name: address } = mq.connection
  writeFileSync(
    config,
    `subscription: ${name}
mq:
  queueManager: ${queueManager}
  connection: {channel: ${channel}, name: ${address}}
  ${options.more ?? ''}
  queues:
    ${queue}: {topic: ${name}, ${options.entry ?? 'unit: message'}}
kafka: {brokers: ${JSON.stringify(kafka.brokers)}}
topics: {partitions: 3}
`
  )
  const application = await mq.application()
  return { mq, queue, topic: name, commitStream: `${name}.commits`, brokers: kafka.brokers, config, application }
}

/** `tidemark <verb> -c <config>`; ends with the test. */
export function tidemarkOn(
  t: TestContext,
  { mq, config }: QueueSubscription,
  args: string[],
  environment: Record<string, string> = {}
): Child {
  return startProgram(t, program, {
    args: [...args, '-c', config],
    environment: { ...(mq.environment as Record<string, string>), ...environment }
  })
}
