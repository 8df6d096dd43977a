import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { MqConnectionOptions } from '../../capture/mq/connection-options.ts'
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

/** Starts one, connected. It ends with this process. Rejects when it cannot connect. */
export async function openApplication(
  connection: MqConnectionOptions,
  environment: NodeJS.ProcessEnv
): Promise<MqApplication> {
  const program = join(import.meta.dirname, 'mq-client-program.ts')
  const child = fork(program, [JSON.stringify(connection)], {
    // A test runner's own variable would make the program a test.
    env: { ...environment, NODE_TEST_CONTEXT: undefined } as NodeJS.ProcessEnv
  })
  watchProcess(child.pid!, 'SIGKILL')
  const ended = once(child, 'exit').then(() => forgetProcess(child.pid!))
  const answers = answersOf(child)
  await answers.next()
  const ask = async <T>(request: MqRequest) => {
    if (!child.connected) throw new Error('the application ended')
    child.send(request)
    return (await answers.next()) as T
  }
  return {
    pid: child.pid!,
    put: (queue, messages, commit = true) => ask({ do: 'put', queue, messages, commit }),
    putGroups: (queue, groups) => ask({ do: 'group', queue, groups }),
    get: (queue, count, commit = true) => ask({ do: 'get', queue, count, commit }),
    depth: queue => ask({ do: 'depth', queue }),
    kill: async () => {
      child.kill('SIGKILL')
      await ended
    }
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
