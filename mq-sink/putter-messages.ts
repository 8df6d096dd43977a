import type { FailedEvent } from '@tidemark/capture/mq/failed-event.ts'
import type { PutterOptions } from './sink-options.ts'

/** From the sink to its process that puts: JSON in a command frame. The end of the pipe: back out, disconnect, end. */
export type PutterCommand =
  /** Opens the state queue for itself alone, between tries `retryMs`. */
  | { do: 'open'; options: PutterOptions; retryMs: number }
  /** The same; then, where there is no state, puts this one and commits. */
  | { do: 'begin'; options: PutterOptions; retryMs: number; state: string }
  /** Looks without holding anything, and ends. */
  | { do: 'look'; options: PutterOptions }

/** From the process that puts: one JSON object a line. */
export type PutterEvent =
  | { type: 'opened'; state: string | null; maxUncommitted: number }
  | { type: 'waiting'; queue: string }
  /** One more unit of work is committed. */
  | { type: 'committed' }
  | { type: 'looked'; system: string; maxUncommitted: number; state: StateLook; queues: TargetLook[] }
  | FailedEvent

/** A queue to put to, as it stands. */
export interface TargetLook {
  queue: string
  fault: FailedEvent | null
  depth: number
  depthMax: number
  messageBytesMax: number
  putInhibited: boolean
}

export interface StateLook {
  queue: string
  fault: FailedEvent | null
  /** A running sink has it: then neither is known. */
  inUse: boolean
  messages: string[]
  backoutThreshold: number
  getInhibited: boolean
}
