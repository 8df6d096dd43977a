import type { MqConnectionOptions } from '../../capture/mq/connection-options.ts'

export interface GivenMq {
  connection: MqConnectionOptions
  /** Queues that may be emptied. */
  queues: string[]
}

/** The real queue manager that MQ_TEST_QMGR names, by the variables of docs/mq.md; null when it is not set. */
export function givenMq(env: NodeJS.ProcessEnv): GivenMq | null {
  const queueManager = env['MQ_TEST_QMGR']
  if (queueManager === undefined) return null
  const given = (name: string, value: string | undefined) => (value === undefined ? {} : { [name]: value })
  const connection: MqConnectionOptions = {
    queueManager,
    ...given('channel', env['MQ_TEST_CHANNEL']),
    ...given('name', env['MQ_TEST_CONNECTION']),
    ...given('user', env['MQ_TEST_USER']),
    ...given('password', env['MQ_TEST_PASSWORD'])
  }
  return { connection, queues: (env['MQ_TEST_QUEUES'] ?? 'DEV.QUEUE.1,DEV.QUEUE.2,DEV.QUEUE.3').split(',') }
}
