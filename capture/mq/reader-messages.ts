import type { BackoutPolicy } from './backout-policy.ts'
import type { ReaderOptions } from './connection-options.ts'
import type { FailedEvent } from './failed-event.ts'
import type { QueueAttributes } from './mqi-connection.ts'

/** From the agent to its reader's process: one JSON object a line on standard input. Its end means `close`. */
export type ReaderCommand =
  | { do: 'open'; options: ReaderOptions; retryMs: number }
  /** `from`: the position, base64. */
  | { do: 'run'; from: string }
  /** The unit of work is safe. */
  | { do: 'commit' }
  | { do: 'rest' }
  /** Backs out what is open, disconnects, ends. */
  | { do: 'close' }
  /** Looks at the queues without reading, and ends. */
  | { do: 'look'; options: ReaderOptions }
  /** Shows so many messages of each queue at most, which stay there, and ends. */
  | { do: 'browse'; options: ReaderOptions; messages: number }

/** From the reader's process: JSON in an event frame. */
export type ReaderEvent =
  | { type: 'opened'; system: string; backout: { queue: string; threshold: number; backoutQueue: string }[] }
  | { type: 'waiting'; queue: string }
  | { type: 'looked'; system: string; maxUncommitted: number; queues: QueueLook[] }
  | { type: 'browsed'; faults: { queue: string; fault: FailedEvent }[] }
  | { type: 'inhibited'; queue: string }
  /** Said by the agent's side: Kafka did not take its records, the other queues go on. */
  | { type: 'left-alone'; queue: string; restMs: number }
  /** `putTime`: microseconds since the Unix epoch. */
  | { type: 'set-aside'; queue: string; backoutQueue: string; msgId: string; backoutCount: number; putTime: number }
  /** It rests, and nothing is open. */
  | { type: 'rested' }
  | FailedEvent

/** A queue as it stands, or why it cannot be read. */
export interface QueueLook {
  queue: string
  attributes: QueueAttributes | null
  /** What becomes of messages that fail; null where its attributes are not known. */
  backout: BackoutPolicy | null
  fault: FailedEvent | null
  /** Why messages could not be moved to its backout queue. */
  backoutFault: FailedEvent | null
}
