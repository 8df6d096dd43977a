import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { forgetProcess, watchProcess } from './scratch.ts'
import type { ServerUser } from './server-user.ts'

export interface ServerCommand {
  name: string
  file: string
  args: string[]
  /** Where standard output and error go. */
  logFile: string
  /** The signal on which the server ends at once and clean. */
  stopSignal: NodeJS.Signals
  /** The signal when this process is gone and its data with it. Default: the same. */
  orphanSignal?: NodeJS.Signals
  user?: ServerUser | undefined
  environment?: NodeJS.ProcessEnv
}

/** A server that this process started and that never survives it (watcher.sh). */
export class ServerProcess {
  readonly pid: number
  readonly logFile: string
  readonly #child: ChildProcess
  readonly #command: ServerCommand
  readonly #ended: Promise<void>
  #alive = true

  constructor(command: ServerCommand) {
    const log = openSync(command.logFile, 'a')
    try {
      // A group of its own: Ctrl-C in the terminal is for the owner, who stops its servers in its own order.
      this.#child = spawn(command.file, command.args, {
        detached: true,
        stdio: ['ignore', log, log],
        env: { ...process.env, ...command.environment },
        ...command.user
      })
    } finally {
      closeSync(log)
    }
    this.#command = command
    this.logFile = command.logFile
    this.pid = this.#child.pid ?? -1
    if (this.pid > 0) watchProcess(this.pid, command.orphanSignal ?? command.stopSignal)
    this.#child.unref()
    this.#ended = new Promise(done => {
      const end = (): void => {
        this.#alive = false
        if (this.pid > 0) forgetProcess(this.pid)
        done()
      }
      this.#child.once('exit', end)
      this.#child.once('error', end)
    })
  }

  get alive(): boolean {
    return this.#alive
  }

  log(): string {
    return readFileSync(this.logFile, 'utf8')
  }

  /** Waits until `ready` says so. Throws with the log's end when the server ends first or the time is over. */
  async untilReady(ready: () => boolean, timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs
    while (!ready()) {
      if (!this.#alive) throw new Error(`${this.#command.name} ended while starting\n${this.#logEnd()}`)
      if (performance.now() > deadline) {
        await this.kill('SIGKILL')
        throw new Error(`${this.#command.name} did not start within ${timeoutMs} ms\n${this.#logEnd()}`)
      }
      await pause(20)
    }
  }

  /** Sends a signal and waits for the end; after `graceMs`, SIGKILL. */
  async kill(signal: NodeJS.Signals, graceMs = 10_000): Promise<void> {
    if (!this.#alive) return
    this.#child.ref()
    this.#child.kill(signal)
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), graceMs)
    await this.#ended
    clearTimeout(timer)
  }

  /** Ends the server the way its command names. */
  async stop(): Promise<void> {
    await this.kill(this.#command.stopSignal)
  }

  #logEnd(): string {
    return this.log().split('\n').slice(-20).join('\n')
  }
}
