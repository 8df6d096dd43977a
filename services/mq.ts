import { createInterface } from 'node:readline'
import { connect, type Socket } from 'node:net'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Fault } from './mq/broker.ts'
import { mqClient } from './mq/client-library.ts'
import type { Command, Look } from './mq/control.ts'
import type { QueueAttributes } from './mq/message-queue.ts'
import { makeScratchDirectory } from './scratch.ts'
import { ServerProcess } from './server-process.ts'

export { standInFault } from './mq/client-library.ts'

/** The stand-in queue manager: a process of its own, reached by the real npm package `ibmmq` through a stand-in library. */
export interface QueueManager {
  readonly name: string
  /** Directory of the npm package. */
  readonly packageDirectory: string
  /** What a program must have in its environment from its start to reach it. */
  readonly environment: Readonly<Record<string, string>>
  define(queue: string, attributes?: Partial<QueueAttributes>): Promise<void>
  clear(queue: string): Promise<void>
  /** With so many messages, at most; default 1,000. */
  look(queue: string, messages?: number): Promise<Look>
  fault(fault: Fault): Promise<void>
  noFaults(): Promise<void>
  /** Cuts every connection, or those to one address. */
  cut(address?: string): Promise<void>
  set(settings: Omit<Extract<Command, { do: 'set' }>, 'do'>): Promise<void>
  stop(): Promise<void>
}

const startMsMax = 20_000

/** Starts one. Throws where it cannot run; see `standInFault`. */
export async function startQueueManager(
  options: { name?: string; say?: (line: string) => void } = {}
): Promise<QueueManager> {
  const { name = 'QM1', say } = options
  const client = await mqClient(say)
  const directory = makeScratchDirectory('mq')
  const [socket, control] = [join(directory, 'mqi'), join(directory, 'control')]
  const server = new ServerProcess({
    name: 'the stand-in queue manager',
    file: process.execPath,
    args: [join(import.meta.dirname, 'mq', 'broker-program.ts'), name, socket, control],
    logFile: join(directory, 'log'),
    stopSignal: 'SIGKILL',
    // A test runner's own variable would make the program a test.
    environment: { NODE_TEST_CONTEXT: undefined } as NodeJS.ProcessEnv
  })
  await server.untilReady(() => existsSync(socket), startMsMax)
  const line = new ControlLine(await connected(control))
  return {
    name,
    packageDirectory: client.packageDirectory,
    environment: {
      LD_LIBRARY_PATH: client.libraryDirectory,
      TIDEMARK_MQ_SOCKET: socket,
      TIDEMARK_MQ_PACKAGE: client.packageDirectory
    },
    define: async (queue, attributes = {}) => void (await line.ask({ do: 'define', queue, attributes })),
    clear: async queue => void (await line.ask({ do: 'clear', queue })),
    look: async (queue, messages = 1_000) => (await line.ask({ do: 'look', queue, messages })) as Look,
    fault: async fault => void (await line.ask({ do: 'fault', fault })),
    noFaults: async () => void (await line.ask({ do: 'no-faults' })),
    cut: async address => void (await line.ask({ do: 'cut', address: address ?? null })),
    set: async settings => void (await line.ask({ do: 'set', ...settings })),
    stop: async () => {
      line.close()
      await server.kill('SIGKILL')
    }
  }
}

function connected(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => resolve(socket))
    socket.once('error', reject)
  })
}

/** Questions and answers in order. */
class ControlLine {
  private readonly socket: Socket
  private readonly asked: ((answer: unknown) => void)[] = []

  constructor(socket: Socket) {
    this.socket = socket
    socket.unref()
    socket.on('error', () => {})
    createInterface({ input: socket }).on('line', line => {
      const answer = this.asked.shift()
      if (this.asked.length === 0) this.socket.unref()
      answer?.(JSON.parse(line))
    })
  }

  ask(command: Command): Promise<unknown> {
    return new Promise(resolve => {
      this.socket.ref()
      this.asked.push(resolve)
      this.socket.write(`${JSON.stringify(command)}\n`)
    })
  }

  close(): void {
    this.socket.destroy()
  }
}
