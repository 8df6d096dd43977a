import type { Frame } from './frame.ts'
import type { ReaderCommand } from './reader-messages.ts'

/** The process that reads the queues, as the agent holds it. */
export interface ReaderLink {
  readonly pid: number | undefined
  /** Frames from now on, and those that came already, in order; `onLost` when the process ends by itself. */
  listen(onFrame: (frame: Frame) => void, onLost: (error: Error) => void): void
  send(command: ReaderCommand): void
  pause(): void
  resume(): void
  /** Has it back out, disconnect and end. */
  close(): Promise<void>
}
