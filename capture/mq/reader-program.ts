// The process that talks to the queue manager: `ibmmq` blocks its thread at every verb, so it has a process of its own.
// Commands come on standard input, frames go to descriptor 3. When the agent is gone, its pipe ends: the unit of work is
// backed out.
import { createInterface } from 'node:readline'
import { setImmediate as breathe, setTimeout as pause } from 'node:timers/promises'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { writeWhole } from './blocking-pipe.ts'
import type { MqQueueOptions, ReaderOptions } from './connection-options.ts'
import { failedEvent, type FailedEvent } from './failed-event.ts'
import { FrameWriter } from './frame.ts'
import { loadMqPackage } from './mq-package.ts'
import { backoutPolicy } from './backout-policy.ts'
import { MqiConnection, type ManagerAttributes } from './mqi-connection.ts'
import { MqiVerbs, type OpenQueue } from './mqi-verbs.ts'
import { browseQueues } from './queue-browser.ts'
import { QueueReader } from './queue-reader.ts'
import { Closed, ReaderCommands } from './reader-commands.ts'
import type { QueueLook, ReaderCommand, ReaderEvent } from './reader-messages.ts'
import { readerOutput, tell } from './reader-output.ts'

const framesDescriptor = 3
/** An agent that does not read slows the reader down. */
const frames = new FrameWriter(bytes => writeWhole(framesDescriptor, bytes))

await main()

async function main(): Promise<void> {
  const commands = new ReaderCommands()
  const lines = createInterface({ input: process.stdin })
  lines.on('line', line => commands.take(JSON.parse(line) as ReaderCommand))
  lines.on('close', () => commands.close())
  let connection: MqiConnection | null = null
  try {
    const command = await commands.first()
    const { options } = command
    connection = new MqiConnection(
      loadMqPackage(process.env, options.besideFile),
      options.connection,
      options.applicationName
    )
    if (command.do === 'look') {
      tell(frames, lookAt(connection, options))
      throw new Closed()
    }
    if (command.do === 'browse') {
      tell(frames, browseQueues(connection, options, command.messages, frames))
      throw new Closed()
    }
    const manager = connection.manager()
    const queues = await openQueues(connection, manager, options, command.retryMs, commands)
    tell(frames, openedEvent(manager, queues))
    const verbs = new MqiVerbs(connection, { queues, manager: manager.name, messageBytesMax: options.messageBytesMax })
    await read(await commands.start(), verbs, queues, options, commands)
    tell(frames, { type: 'rested' })
    await commands.start()
  } catch (error) {
    // Before the connection is given up: what is open must be backed out, which MQDISC would commit.
    connection?.disconnect()
    connection = null
    if (!(error instanceof Closed)) tell(frames, failedEvent(error))
  }
  process.exit(0)
}

async function openQueues(
  connection: MqiConnection,
  manager: ManagerAttributes,
  options: ReaderOptions,
  retryMs: number,
  commands: ReaderCommands
): Promise<OpenQueue[]> {
  const { MQC } = connection.mq
  const how = MQC['MQOO_INPUT_EXCLUSIVE']! | MQC['MQOO_INQUIRE']! | MQC['MQOO_FAIL_IF_QUIESCING']!
  const opened: OpenQueue[] = []
  for (const queue of options.queues) {
    for (;;) {
      commands.check()
      try {
        const object = connection.open(queue.name, how)
        const own = connection.queue(object, queue.name)
        opened.push({
          options: queue,
          object,
          backout: backoutPolicy(queue, own, manager.deadLetterQueue)
        })
        break
      } catch (error) {
        if (!isTidemarkError(error) || error.code !== 'MQ_QUEUE_IN_USE') throw error
        tell(frames, { type: 'waiting', queue: queue.name })
        await pause(retryMs)
      }
    }
  }
  return opened
}

function openedEvent(manager: ManagerAttributes, queues: readonly OpenQueue[]): ReaderEvent {
  return {
    type: 'opened',
    system: manager.id,
    backout: queues.map(({ options, backout }) => ({
      queue: options.name,
      threshold: backout.threshold,
      backoutQueue: backout.queue
    }))
  }
}

/** Opens for input as the agent would, but shared, and gets nothing. */
function lookAt(connection: MqiConnection, options: ReaderOptions): ReaderEvent {
  const { id, maxUncommitted, deadLetterQueue } = connection.manager()
  const queues = options.queues.map(queue => queueLook(connection, queue, deadLetterQueue))
  return { type: 'looked', system: id, maxUncommitted, queues }
}

function queueLook(connection: MqiConnection, options: MqQueueOptions, deadLetterQueue: string): QueueLook {
  const { MQC } = connection.mq
  const { name } = options
  const look: QueueLook = { queue: name, attributes: null, backout: null, fault: null, backoutFault: null }
  const attempt = (queue: string, how: number): FailedEvent | null => {
    try {
      const object = connection.open(queue, how)
      if ((how & MQC['MQOO_INQUIRE']!) !== 0) look.attributes = connection.queue(object, queue)
      connection.close(object)
      return null
    } catch (error) {
      return failedEvent(error)
    }
  }
  look.fault = attempt(name, MQC['MQOO_INPUT_SHARED']! | MQC['MQOO_INQUIRE']!)
  // A running agent has it: its attributes can be had all the same.
  if (look.fault?.code === 'MQ_QUEUE_IN_USE') attempt(name, MQC['MQOO_INQUIRE']!)
  const { queue, threshold } = look.attributes ?? { queue: '', threshold: 0 }
  const backout = backoutPolicy(options, { queue, threshold }, deadLetterQueue)
  if (look.attributes !== null) look.backout = backout
  if (backout.queue !== '') look.backoutFault = attempt(backout.queue, MQC['MQOO_OUTPUT']!)
  return look
}

async function read(
  from: string,
  verbs: MqiVerbs,
  queues: readonly OpenQueue[],
  options: ReaderOptions,
  commands: ReaderCommands
): Promise<void> {
  const reader = new QueueReader(Buffer.from(from, 'base64'), {
    queues: queues.map(({ options: { name, unit, batchMessages, batchMs }, backout }, index) => ({
      name,
      unit,
      batchMessages,
      batchMs,
      backout,
      restMs: options.restsMs[index] ?? 0
    })),
    apart: options.apart,
    firstQueue: options.firstQueue,
    limits: options.limits,
    verbs,
    output: readerOutput({
      frames,
      commands,
      queues: queues.map(({ options: { name }, backout }) => ({ name, backoutQueue: backout.queue })),
      breathe,
      pause
    }),
    now: () => performance.now(),
    waitMs: options.waitMs,
    doubtMs: options.doubtMs
  })
  await reader.run()
}
