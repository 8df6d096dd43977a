import { spawn, type ChildProcess } from 'node:child_process'
import { extname, join } from 'node:path'
import type { Socket } from 'node:net'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { FrameReader, type Frame } from './frame.ts'
import type { ReaderLink } from './reader-link.ts'
import type { ReaderCommand } from './reader-messages.ts'

/** After it a reader that does not end is killed: it may hang in a verb. */
const closeMsMax = 5_000
const program = join(import.meta.dirname, `reader-program${extname(import.meta.filename)}`)

/** The reader's process, as the agent holds it. It ends with the agent, whatever ends that. */
export class ReaderProcess implements ReaderLink {
  private readonly child: ChildProcess
  private readonly frames = new FrameReader()
  private readonly stream: Socket
  private readonly exited: Promise<void>
  private onFrame: (frame: Frame) => void = () => {}
  private onLost: (error: Error) => void = () => {}
  private early: Frame[] = []
  private listening = false
  private lost: Error | null = null
  private closing = false

  constructor(environment: NodeJS.ProcessEnv) {
    this.child = spawn(process.execPath, [program], {
      stdio: ['pipe', 'ignore', 'inherit', 'pipe'],
      env: environment
    })
    this.stream = this.child.stdio[3] as Socket
    this.exited = new Promise(resolve => {
      this.child.once('close', () => resolve())
      this.child.once('error', () => resolve())
    })
    this.child.stdin!.on('error', () => {})
    this.stream.on('error', () => {})
    this.stream.on('data', chunk => this.take(chunk))
    // 'close' comes after all frames have been read: a failure that it told is known by then.
    this.child.once('close', (code, signal) => this.gone(signal ?? `code ${code}`))
    this.child.once('error', error => this.gone(error.message))
  }

  get pid(): number | undefined {
    return this.child.pid
  }

  /** Frames from now on, and those that came already, in order; `onLost` when the process ends by itself. */
  listen(onFrame: (frame: Frame) => void, onLost: (error: Error) => void): void {
    this.onFrame = onFrame
    this.onLost = onLost
    this.listening = true
    for (const frame of this.early.splice(0)) onFrame(frame)
    // It may have ended while nobody listened: during a claim.
    if (this.lost !== null) onLost(this.lost)
  }

  send(command: ReaderCommand): void {
    this.child.stdin!.write(`${JSON.stringify(command)}\n`)
  }

  pause(): void {
    this.stream.pause()
  }

  resume(): void {
    this.stream.resume()
  }

  /** Has it back out, disconnect and end. */
  async close(): Promise<void> {
    this.closing = true
    this.onFrame = () => {}
    this.stream.resume()
    this.child.stdin!.end(`${JSON.stringify({ do: 'close' } satisfies ReaderCommand)}\n`)
    const timer = setTimeout(() => this.child.kill('SIGKILL'), closeMsMax)
    await this.exited
    clearTimeout(timer)
  }

  private take(chunk: Buffer): void {
    for (const frame of this.frames.take(chunk)) {
      if (this.listening) this.onFrame(frame)
      else this.early.push(frame)
    }
  }

  private gone(how: string): void {
    if (this.closing) return
    this.lost = new TidemarkError('MQ_UNREACHABLE', { message: `the process that reads the queues ended (${how})` })
    this.onLost(this.lost)
  }
}
