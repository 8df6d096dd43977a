import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { after, type TestContext } from 'node:test'
import type { MqConnectionOptions } from '../../capture/mq/connection-options.ts'
import { standInFault, startQueueManager, type QueueManager } from '../../services/mq.ts'
import { forgetProcess, watchProcess } from '../../services/scratch.ts'

export interface PutMessage {
  body: string
  /** `body` is hexadecimal. */
  hex?: boolean
  format?: string
  /** Fields of MQMD; identifiers hexadecimal. */
  descriptor?: Record<string, unknown>
  properties?: Record<string, unknown>
}

/** Identifiers hexadecimal. */
export interface GotMessage {
  /** After an MQRFH2. */
  body: string
  msgId: string
  correlId: string
  groupId: string
  sequence: number
  flags: number
  persistence: number
  priority: number
  expiry: number
  type: number
  /** Of `body`. */
  format: string
  replyToQueue: string
  backoutCount: number
  /** Message properties; bytes hexadecimal. */
  properties: Record<string, string | number | boolean>
}

export type MqRequest =
  | { do: 'put'; queue: string; messages: PutMessage[]; commit: boolean }
  | { do: 'group'; queue: string; groups: PutMessage[][] }
  | { do: 'get'; queue: string; count: number; commit: boolean }
  | { do: 'depth'; queue: string }

/** An application of the queue manager, through the real client package. */
export interface MqApplication {
  readonly pid: number
  /** One unit of work, unless `commit` is false. */
  put(queue: string, messages: PutMessage[], commit?: boolean): Promise<void>
  /** Each group in logical order and one unit of work. */
  putGroups(queue: string, groups: PutMessage[][]): Promise<void>
  get(queue: string, count: number, commit?: boolean): Promise<GotMessage[]>
  depth(queue: string): Promise<number>
  /** By SIGKILL. */
  kill(): Promise<void>
}

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
  if (process.env['MQ_TEST_QMGR'] !== undefined) return realQueueManager(t, process.env['MQ_TEST_QMGR'])
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

function realQueueManager(t: TestContext, queueManager: string): TestMq {
  const { env } = process
  const given = (name: string, value: string | undefined) => (value === undefined ? {} : { [name]: value })
  const connection: MqConnectionOptions = {
    queueManager,
    ...given('channel', env['MQ_TEST_CHANNEL']),
    ...given('name', env['MQ_TEST_CONNECTION']),
    ...given('user', env['MQ_TEST_USER']),
    ...given('password', env['MQ_TEST_PASSWORD'])
  }
  const names = (env['MQ_TEST_QUEUES'] ?? 'DEV.QUEUE.1,DEV.QUEUE.2,DEV.QUEUE.3').split(',')
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
  const child = fork(join(import.meta.dirname, 'mq-client-program.ts'), [JSON.stringify(connection)], {
    env: { ...environment, NODE_TEST_CONTEXT: undefined } as NodeJS.ProcessEnv
  })
  watchProcess(child.pid!, 'SIGKILL')
  const ended = once(child, 'exit').then(() => forgetProcess(child.pid!))
  const answers = answersOf(child)
  const kill = async () => {
    child.kill('SIGKILL')
    await ended
  }
  t.after(kill)
  await answers.next()
  const ask = async <T>(request: MqRequest) => {
    child.send(request)
    return (await answers.next()) as T
  }
  return {
    pid: child.pid!,
    put: (queue, messages, commit = true) => ask({ do: 'put', queue, messages, commit }),
    putGroups: (queue, groups) => ask({ do: 'group', queue, groups }),
    get: (queue, count, commit = true) => ask({ do: 'get', queue, count, commit }),
    depth: queue => ask({ do: 'depth', queue }),
    kill
  }
}

function answersOf(child: ChildProcess): { next(): Promise<unknown> } {
  const waiting: { resolve(value: unknown): void; reject(error: Error): void }[] = []
  child.on('message', (answer: { result: unknown; error?: string }) => {
    const asked = waiting.shift()
    if (answer.error === undefined) asked?.resolve(answer.result)
    else asked?.reject(new Error(answer.error))
  })
  child.once('exit', () => {
    for (const asked of waiting.splice(0)) asked.reject(new Error('the application ended'))
  })
  return { next: () => new Promise((resolve, reject) => waiting.push({ resolve, reject })) }
}
