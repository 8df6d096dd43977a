// The process that puts: `ibmmq` blocks its thread at every verb, so it has a process of its own. Frames come on standard
// input, events go to descriptor 3 as lines. When the sink is gone, its pipe ends: the unit of work is backed out.
import { writeSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { loadMqPackage } from '@tidemark/capture/mq/mq-package.ts'
import { MqiConnection } from '@tidemark/capture/mq/mqi-connection.ts'
import { isTidemarkError, TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { PutFrameReader, type PutFrame } from './put-frame.ts'
import type { PutterCommand, PutterEvent, PutterFailure } from './putter-messages.ts'
import { lookAtTargets } from './target-look.ts'
import { UnitPutter } from './unit-putter.ts'

const eventsDescriptor = 3
const sleeper = new Int32Array(new SharedArrayBuffer(4))

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
  if (command.do === 'look') return tell(lookAtTargets(connection, options, failure))
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
  tell(failure(error))
  end()
}

/** What is open is backed out first: MQDISC would commit it. */
function end(): void {
  if (ended) return
  ended = true
  connection?.disconnect()
  process.exit(0)
}

function failure(error: unknown): PutterFailure {
  const named = isTidemarkError(error)
    ? error
    : new TidemarkError('INTERNAL', { message: error instanceof Error ? error.message : String(error), cause: error })
  const { code, message, place, cure, cause } = named
  return {
    type: 'failed',
    code,
    message,
    place: place ?? null,
    cure,
    cause: cause instanceof Error ? cause.message : null
  }
}

function tell(event: PutterEvent): void {
  const bytes = Buffer.from(`${JSON.stringify(event)}\n`)
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(eventsDescriptor, bytes, at)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EAGAIN') Atomics.wait(sleeper, 0, 0, 1)
      // The sink is gone; what is open is backed out by the end of the connection.
      else if (code === 'EPIPE') process.exit(0)
      else throw error
    }
  }
}
