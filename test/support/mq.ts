import { after, type TestContext } from 'node:test'
import type { MqConnectionOptions } from '../../capture/mq/connection-options.ts'
import { standInFault, startQueueManager, type QueueManager } from '../../services/mq.ts'
import { givenMq, type GivenMq } from './given-mq.ts'
import { openApplication, type MqApplication } from './mq-application.ts'

export type { GotMessage, MqApplication, PutMessage } from './mq-application.ts'

export interface TestMq {
  connection: MqConnectionOptions
  /** What a program that uses the client needs. */
  environment: NodeJS.ProcessEnv
  /** The stand-in itself; null where a real queue manager is used, for tests that cannot run there. */
  standIn: QueueManager | null
  /** An empty queue. */
  queue(attributes?: Parameters<QueueManager['define']>[1]): Promise<string>
  application(): Promise<MqApplication>
}

let own: Promise<QueueManager> | undefined
let queues = 0

after(async () => {
  await (await own?.catch(() => undefined))?.stop()
})

/**
 * The queue manager named by MQ_TEST_QMGR (with MQ_TEST_CHANNEL, MQ_TEST_CONNECTION, MQ_TEST_USER, MQ_TEST_PASSWORD, and
 * MQ_TEST_QUEUES: queues it may empty), else the stand-in, one for the process. Returns null, and has the test skipped
 * with the reason, where neither can be had.
 */
export async function useQueueManager(t: TestContext): Promise<TestMq | null> {
  const given = givenMq(process.env)
  if (given !== null) return realQueueManager(t, given)
  const fault = standInFault()
  if (fault !== null) {
    t.skip(fault)
    return null
  }
  own ??= startQueueManager({ say: line => process.stderr.write(`${line}\n`) })
  const standIn = await own
  await standIn.noFaults()
  const connection = { queueManager: standIn.name, channel: 'APP.SVRCONN', name: 'stand-in(1414)' }
  const environment = { ...process.env, ...standIn.environment }
  return {
    connection,
    environment,
    standIn,
    queue: async attributes => {
      const name = `TEST.${process.pid}.${++queues}`
      await standIn.define(name, attributes)
      return name
    },
    application: () => startApplication(t, { ...connection, name: 'application(1414)' }, environment)
  }
}

function realQueueManager(t: TestContext, { connection, queues: names }: GivenMq): TestMq {
  const { env } = process
  return {
    connection,
    environment: env,
    standIn: null,
    queue: async () => {
      const name = names[queues++ % names.length]!
      const application = await startApplication(t, connection, env)
      while ((await application.get(name, 1_000)).length > 0);
      return name
    },
    application: () => startApplication(t, connection, env)
  }
}

async function startApplication(
  t: TestContext,
  connection: MqConnectionOptions,
  environment: NodeJS.ProcessEnv
): Promise<MqApplication> {
  const application = await openApplication(connection, environment)
  t.after(() => application.kill())
  return application
}
