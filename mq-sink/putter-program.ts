// The process that puts: `ibmmq` blocks its thread at every verb, so it has a process of its own. Frames come on standard
// input, events go to descriptor 3 as lines. When the sink is gone, its pipe ends: the unit of work is backed out.
import { setTimeout as pause } from 'node:timers/promises'
import { writeWhole } from '@tidemark/capture/mq/blocking-pipe.ts'
import { failedEvent } from '@tidemark/capture/mq/failed-event.ts'
import { loadMqPackage } from '@tidemark/capture/mq/mq-package.ts'
import { MqiConnection } from '@tidemark/capture/mq/mqi-connection.ts'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { PutFrameReader, type PutFrame } from './put-frame.ts'
import type { PutterCommand, PutterEvent } from './putter-messages.ts'
import { lookAtTargets } from './target-look.ts'
import { UnitPutter } from './unit-putter.ts'

const eventsDescriptor = 3

let connection: MqiConnection | null = null
let putter: UnitPutter | null = null
let ended = false

const frames = new PutFrameReader()
process.stdin.on('data', chunk => {
  try {
    for (const frame of frames.take(chunk)) perform(frame)
  } catch (error) {
    stop(error)
  }
})
process.stdin.on('end', () => end())

function perform(frame: PutFrame): void {
  if (frame.kind === 'message') putter!.put(frame.message)
  else if (frame.kind === 'commit') {
    putter!.commit(frame.state.toString())
    tell({ type: 'committed' })
  } else void start(JSON.parse(frame.text) as PutterCommand).catch(stop)
}

async function start(command: PutterCommand): Promise<void> {
  const { options } = command
  const mq = loadMqPackage(process.env, options.besideFile)
  connection = new MqiConnection(mq, options.connection, options.applicationName)
  if (command.do === 'look') return tell(lookAtTargets(connection, options))
  putter = await opened(connection, options.stateQueue, options.queues, command.retryMs)
  if (command.do === 'begin' && putter.committedState === null) putter.begin(command.state)
  const { maxUncommitted } = connection.manager()
  tell({ type: 'opened', state: putter.committedState, maxUncommitted })
}

/** Waits aloud while another sink, or the dead connection of an earlier one, holds the state queue. */
async function opened(
  on: MqiConnection,
  stateQueue: string,
  queues: readonly string[],
  retryMs: number
): Promise<UnitPutter> {
  for (;;) {
    try {
      return new UnitPutter(on, stateQueue, queues)
    } catch (error) {
      if (!isTidemarkError(error, 'MQ_QUEUE_IN_USE')) throw error
      tell({ type: 'waiting', queue: stateQueue })
      await pause(retryMs)
    }
  }
}

function stop(error: unknown): void {
  tell(failedEvent(error))
  end()
}

/** What is open is backed out first: MQDISC would commit it. */
function end(): void {
  if (ended) return
  ended = true
  connection?.disconnect()
  process.exit(0)
}

function tell(event: PutterEvent): void {
  writeWhole(eventsDescriptor, Buffer.from(`${JSON.stringify(event)}\n`))
}
