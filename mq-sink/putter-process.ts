import { spawn, type ChildProcess } from 'node:child_process'
import type { Socket } from 'node:net'
import { extname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { errorOf } from '@tidemark/capture/mq/failed-event.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { bytesFrame, messageFrame } from './put-frame.ts'
import type { PutMessage } from './put-message.ts'
import type { PutterLink } from './putter-link.ts'
import type { PutterCommand, PutterEvent } from './putter-messages.ts'

/** After it a process that does not end is killed: it may hang in a verb. */
const closeMsMax = 5_000
const program = join(import.meta.dirname, `putter-program${extname(import.meta.filename)}`)

/** The process that puts, as the sink holds it. It ends with the sink, whatever ends that. */
export class PutterProcess implements PutterLink {
  private readonly child: ChildProcess
  private readonly exited: Promise<void>
  private closing = false
  private failure: TidemarkError | null = null
  private onEvent: (event: PutterEvent) => void
  private onFailed: (error: TidemarkError) => void = () => {}
  /** Ends the wait of a write. */
  private release: () => void = () => {}

  constructor(environment: NodeJS.ProcessEnv, onEvent: (event: PutterEvent) => void) {
    this.onEvent = onEvent
    this.child = spawn(process.execPath, [program], {
      stdio: ['pipe', 'ignore', 'inherit', 'pipe'],
      env: environment
    })
    const events = this.child.stdio[3] as Socket
    events.on('error', () => {})
    this.child.stdin!.on('error', () => {})
    this.child.stdin!.on('drain', () => this.release())
    createInterface({ input: events }).on('line', line => this.take(JSON.parse(line) as PutterEvent))
    this.exited = new Promise(resolve => {
      this.child.once('close', () => resolve())
      this.child.once('error', () => resolve())
    })
    // 'close' comes after all events have been read: a failure that it told is known by then.
    this.child.once('close', (code, signal) => this.gone(signal ?? `code ${code}`))
    this.child.once('error', error => this.gone(error.message))
  }

  get pid(): number | undefined {
    return this.child.pid
  }

  set failed(onFailed: (error: TidemarkError) => void) {
    this.onFailed = onFailed
    if (this.failure !== null) onFailed(this.failure)
  }

  command(command: PutterCommand): void {
    this.child.stdin!.write(bytesFrame('command', Buffer.from(JSON.stringify(command))))
  }

  async put(message: PutMessage): Promise<void> {
    await this.write(messageFrame(message))
  }

  async commit(state: string): Promise<void> {
    await this.write(bytesFrame('commit', Buffer.from(state)))
  }

  async close(): Promise<void> {
    this.closing = true
    this.child.stdin!.end()
    const timer = setTimeout(() => this.child.kill('SIGKILL'), closeMsMax)
    await this.exited
    clearTimeout(timer)
  }

  private async write(frame: Buffer): Promise<void> {
    this.throwIfFailed()
    if (this.child.stdin!.write(frame)) return
    await new Promise<void>(resolve => (this.release = resolve))
    this.throwIfFailed()
  }

  private throwIfFailed(): void {
    if (this.failure !== null) throw this.failure
  }

  private take(event: PutterEvent): void {
    if (event.type === 'failed') this.fail(errorOf(event))
    else this.onEvent(event)
  }

  private gone(how: string): void {
    if (this.closing) return
    this.fail(new TidemarkError('MQ_UNREACHABLE', { message: `the process that puts to the queues ended (${how})` }))
  }

  private fail(error: TidemarkError): void {
    if (this.failure !== null) return
    this.failure = error
    this.release()
    this.onFailed(error)
  }
}
