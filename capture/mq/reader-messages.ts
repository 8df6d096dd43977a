import type { ErrorCode } from '@tidemark/schemas/error-codes.ts'
import type { ReaderOptions } from './connection-options.ts'

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

/** From the reader's process: JSON in an event frame. */
export type ReaderEvent =
  | { type: 'opened'; system: string; backout: { queue: string; threshold: number; backoutQueue: string }[] }
  | { type: 'waiting'; queue: string }
  | { type: 'inhibited'; queue: string }
  | { type: 'set-aside'; queue: string; backoutQueue: string; msgId: string; backoutCount: number }
  /** It rests, and nothing is open. */
  | { type: 'rested' }
  | { type: 'failed'; code: ErrorCode; message: string; place: string | null; cure: string; cause: string | null }
