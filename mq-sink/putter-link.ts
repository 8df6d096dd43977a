import type { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { PutMessage } from './put-message.ts'
import type { PutterCommand } from './putter-messages.ts'

/** The process that puts, as the sink sees it. What is written to it is performed in that order. */
export interface PutterLink {
  readonly pid: number | undefined
  /** Told once, at once if it has failed already. */
  set failed(onFailed: (error: TidemarkError) => void)
  command(command: PutterCommand): void
  /** Resolves when the process takes more; rejects once it has failed. */
  put(message: PutMessage): Promise<void>
  commit(state: string): Promise<void>
  /** Has it back out, disconnect and end. */
  close(): Promise<void>
}
