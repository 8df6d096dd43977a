import type { ReaderCommand } from './reader-messages.ts'

/** The agent has closed the reader, or is gone. */
export class Closed extends Error {}

export type FirstCommand = Extract<ReaderCommand, { do: 'open' | 'look' | 'browse' }>

/** In the reader's process: what the agent has said and nobody has acted on yet. */
export class ReaderCommands {
  resting = false
  private closed = false
  private run: ((from: string) => void) | null = null
  private opened: ((command: FirstCommand) => void) | null = null
  private leave: { resolve: () => void; reject: (error: Error) => void } | null = null
  private readonly closing: (() => void)[] = []

  /** Each of these rejects with Closed once there is nobody to wait for. */
  first(): Promise<FirstCommand> {
    return this.orClosed(resolve => (this.opened = resolve))
  }

  start(): Promise<string> {
    return this.orClosed(resolve => (this.run = resolve))
  }

  committing(): Promise<void> {
    return this.orClosed<void>((resolve, reject) => (this.leave = { resolve, reject }))
  }

  /** Throws Closed. */
  check(): void {
    if (this.closed) throw new Closed()
  }

  take(command: ReaderCommand): void {
    if (command.do === 'open' || command.do === 'look' || command.do === 'browse') this.opened?.(command)
    else if (command.do === 'run') this.run?.(command.from)
    else if (command.do === 'commit') this.leave?.resolve()
    else if (command.do === 'rest') this.resting = true
    else this.close()
  }

  /** Said by the agent, or its pipe ended. */
  close(): void {
    this.closed = true
    for (const reject of this.closing.splice(0)) reject()
  }

  private orClosed<T>(wait: (resolve: (value: T) => void, reject: (error: Error) => void) => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.closed) return reject(new Closed())
      this.closing.length = 0
      this.closing.push(() => reject(new Closed()))
      wait(resolve, reject)
    })
  }
}
