import { errorOf } from '../../capture/mq/failed-event.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { bytesFrame, messageFrame } from '../../mq-sink/put-frame.ts'
import type { PutMessage } from '../../mq-sink/put-message.ts'
import { Putter } from '../../mq-sink/putter.ts'
import type { PutterLink } from '../../mq-sink/putter-link.ts'
import type { PutterCommand, PutterEvent } from '../../mq-sink/putter-messages.ts'
import type { Host } from './host.ts'
import { simulatedMqi } from './simulated-mqi.ts'
import { TargetConnection, type TargetQueueManager } from './target-queues.ts'

/**
 * The process that puts and its two pipes: the scheduler decides when what was written is read. It works with the
 * product's own Putter, and dies alone or with its sink.
 */
export class SimulatedPutter implements PutterLink {
  readonly pid = undefined
  private readonly host: Host
  private readonly manager: TargetQueueManager
  private readonly connection: TargetConnection
  private readonly child: Putter
  private readonly onEvent: (event: PutterEvent) => void
  private onFailed: (error: TidemarkError) => void = () => {}
  private failure: TidemarkError | null = null
  /** Written by the sink, not read yet; null: the end of the pipe. */
  private readonly toChild: (Buffer | null)[] = []
  /** Written by the child, not read yet; null: its end. */
  private readonly toSink: (PutterEvent | null)[] = []
  private running = true
  private closing = false
  private exited: () => void = () => {}
  private release: () => void = () => {}

  constructor(host: Host, manager: TargetQueueManager, onEvent: (event: PutterEvent) => void) {
    this.host = host
    this.manager = manager
    this.onEvent = onEvent
    this.connection = new TargetConnection(host, host.name)
    const package_ = simulatedMqi(manager, this.connection, verb => this.mayDie(verb))
    this.child = new Putter({
      load: () => package_,
      tell: event => {
        if (this.running) this.write(event)
      },
      pause: () => this.pause(),
      exit: () => this.exit()
    })
    host.onCrash(() => this.orphan())
  }

  set failed(onFailed: (error: TidemarkError) => void) {
    this.onFailed = onFailed
    if (this.failure !== null) onFailed(this.failure)
  }

  command(command: PutterCommand): void {
    this.send(bytesFrame('command', Buffer.from(JSON.stringify(command))))
  }

  put(message: PutMessage): Promise<void> {
    return this.frame(messageFrame(message))
  }

  commit(state: string): Promise<void> {
    return this.frame(bytesFrame('commit', Buffer.from(state)))
  }

  close(): Promise<void> {
    this.closing = true
    const closed = new Promise<void>(resolve => {
      this.exited = resolve
    })
    if (this.running) this.send(null)
    else this.host.later(() => this.exited())
    // A verb that hangs: the process is killed when its time is over.
    if (!this.host.world.healing && this.host.world.chance.happens(0.05)) this.inChild(() => this.kill())
    return closed
  }

  /** The pipe may be full. */
  private async frame(bytes: Buffer): Promise<void> {
    this.throwIfFailed()
    this.send(bytes)
    if (this.host.world.chance.happens(0.7)) return
    await new Promise<void>(resolve => {
      this.release = resolve
      this.host.later(resolve)
    })
    this.throwIfFailed()
  }

  private throwIfFailed(): void {
    if (this.failure !== null) throw this.failure
  }

  private send(bytes: Buffer | null): void {
    this.toChild.push(bytes)
    this.inChild(() => this.read())
  }

  /** Something that happens to the child, if it lives until then. */
  private inChild(act: () => void, ready?: () => boolean): void {
    this.host.later(
      () => {
        if (this.running) act()
      },
      ready && (() => !this.running || ready())
    )
  }

  /** One write, or several at once, cut anywhere. */
  private read(): void {
    const bytes = this.toChild.shift()
    if (bytes === undefined) return
    if (bytes === null) return this.child.end()
    const next = this.toChild[0]
    if (next instanceof Buffer && this.host.world.chance.happens(0.3)) {
      const cut = this.host.world.chance.below(next.length + 1)
      this.toChild[0] = next.subarray(cut)
      return this.child.take(Buffer.concat([bytes, next.subarray(0, cut)]))
    }
    this.child.take(bytes)
  }

  private write(event: PutterEvent | null): void {
    this.toSink.push(event)
    this.host.later(() => this.hear())
  }

  private hear(): void {
    const event = this.toSink.shift()
    if (event === null) {
      this.exited()
      if (!this.closing) this.fail(unreachable())
    } else if (event!.type === 'failed') this.fail(errorOf(event!))
    else this.onEvent(event!)
  }

  private fail(error: TidemarkError): void {
    if (this.failure !== null) return
    this.failure = error
    this.release()
    this.onFailed(error)
  }

  /** Between tries to open the state queue. */
  private pause(): Promise<void> {
    const { manager, connection, host, toChild } = this
    const isFree = (): boolean => !manager.isHeld(connection, manager.stateQueue)
    return new Promise(resolve =>
      this.inChild(resolve, () => isFree() || connection.broken || toChild.length > 0 || !host.world.healing)
    )
  }

  /** Before or after the verb was done. Of what a dead process still does nothing is seen: no verb, no word. */
  private mayDie<T>(verb: () => T): T {
    const { world } = this.host
    const killed = this.running && !world.healing && world.chance.happens(0.003)
    if (killed && world.chance.happens(0.5)) this.kill()
    const result = verb()
    if (killed) this.kill()
    return result
  }

  private kill(): void {
    if (!this.running) return
    this.host.world.note(() => `the putter of ${this.host.name} is killed`)
    this.exit()
    this.abandon()
  }

  private exit(): void {
    if (!this.running) return
    this.running = false
    this.write(null)
  }

  /** The sink is gone: what it wrote may be read to the end, or the machine is gone with it. */
  private orphan(): void {
    if (!this.running) return
    const { chance } = this.host.world
    const heard = chance.happens(0.5) ? this.toChild.splice(0) : []
    for (const bytes of heard) if (this.running && bytes !== null) this.child.take(bytes)
    if (this.running && heard.length > 0 && chance.happens(0.7)) this.child.end()
    this.running = false
    this.abandon()
  }

  private abandon(): void {
    this.manager.lose(this.connection)
  }
}

function unreachable(): TidemarkError {
  return new TidemarkError('MQ_UNREACHABLE', { message: 'the process that puts to the queues ended' })
}
