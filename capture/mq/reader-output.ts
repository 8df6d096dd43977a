import type { FrameWriter } from './frame.ts'
import { idText, putTimeOf } from './message.ts'
import type { UnitOutput } from './queue-reader.ts'
import type { ReaderCommands } from './reader-commands.ts'
import type { ReaderEvent } from './reader-messages.ts'

export interface ReaderOutputOptions {
  frames: FrameWriter
  commands: ReaderCommands
  queues: readonly { name: string; backoutQueue: string }[]
  /** Lets what waits outside in. */
  breathe(): Promise<unknown>
  pause(ms: number): Promise<unknown>
}

/** What the reader of queues says to the agent: frames out, and the agent's word for what needs one. */
export function readerOutput({ frames, commands, queues, breathe, pause }: ReaderOutputOptions): UnitOutput {
  return {
    message: (queue, first, { descriptor, body }) => frames.message(queue, first, descriptor, body),
    transactionEnd: () => frames.mark('transaction-end'),
    setAside: (queue, { descriptor }) => {
      const { name, backoutQueue } = queues[queue]!
      const { msgId, backoutCount } = descriptor
      const putTime = putTimeOf(descriptor)
      tell(frames, { type: 'set-aside', queue: name, backoutQueue, msgId: idText(msgId), backoutCount, putTime })
    },
    inhibited: queue => tell(frames, { type: 'inhibited', queue: queues[queue]!.name }),
    unit: async position => {
      const leave = commands.committing()
      frames.bytes('unit', position)
      frames.flush()
      await leave
    },
    committed: () => {
      frames.mark('committed')
      frames.flush()
    },
    breathe: async () => {
      frames.flush()
      await breathe()
      commands.check()
    },
    pause: async ms => {
      frames.flush()
      await pause(ms)
      commands.check()
    },
    get resting() {
      return commands.resting
    }
  }
}

export function tell(frames: FrameWriter, event: ReaderEvent): void {
  frames.bytes('event', Buffer.from(JSON.stringify(event)))
  frames.flush()
}
