import type { MqConnectionOptions } from '../capture/mq/connection-options.ts'
import { standInFault, startQueueManager } from '../services/mq.ts'
import { givenMq, type GivenMq } from '../test/support/given-mq.ts'
import { openApplication } from '../test/support/mq-application.ts'
import type { Cleanup } from './demonstration.ts'

/** The queues of the demonstration, and how to reach them. */
export interface OrderQueues {
  connection: MqConnectionOptions
  /** For every program that talks to the queue manager. */
  environment: NodeJS.ProcessEnv
  orders: string
  replies: string
  /** Of the sink. */
  state: string
}

/**
 * Of the queue manager named by MQ_TEST_QMGR (with the variables of docs/mq.md; three queues of MQ_TEST_QUEUES, which are
 * emptied), else of the stand-in. Throws where neither can be had.
 */
export async function openOrderQueues(cleanups: Cleanup[], say: (line: string) => void): Promise<OrderQueues> {
  const given = givenMq(process.env)
  return given === null ? standInQueues(cleanups, say) : givenQueues(given)
}

async function standInQueues(cleanups: Cleanup[], say: (line: string) => void): Promise<OrderQueues> {
  const fault = standInFault()
  if (fault !== null) throw new Error(`--mq: ${fault}; name a queue manager by MQ_TEST_QMGR`)
  const manager = await startQueueManager({ say })
  cleanups.push(() => manager.stop())
  const queues = { orders: 'ORDERS.IN', replies: 'ORDERS.REPLY', state: 'TIDEMARK.STATE' }
  for (const queue of Object.values(queues)) await manager.define(queue)
  return {
    ...queues,
    connection: { queueManager: manager.name, channel: 'APP.SVRCONN', name: 'stand-in(1414)' },
    environment: { ...process.env, ...manager.environment }
  }
}

async function givenQueues({ connection, queues }: GivenMq): Promise<OrderQueues> {
  const { env } = process
  const [orders, replies, state] = queues
  if (state === undefined) throw new Error('--mq: MQ_TEST_QUEUES must name three queues, which are emptied')
  const application = await openApplication(connection, env)
  for (const queue of [orders!, replies!, state]) while ((await application.get(queue, 1_000)).length > 0);
  await application.kill()
  return { connection, environment: env, orders: orders!, replies: replies!, state }
}

/** Lines of YAML below `mq:`. */
export function connectionText({ connection }: OrderQueues): string {
  const { queueManager, channel, name, user, password } = connection
  const given = (key: string, value: string | undefined) => (value === undefined ? [] : [`${key}: '${value}'`])
  const fields = [
    ...given('channel', channel),
    ...given('name', name),
    ...given('user', user),
    // The programs read it from their environment, which is this one's.
    ...(password === undefined ? [] : ["password: '${MQ_TEST_PASSWORD}'"])
  ]
  return `  queueManager: ${queueManager}\n  connection: {${fields.join(', ')}}\n`
}
