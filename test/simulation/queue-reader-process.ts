import type { ReaderOptions } from '../../capture/mq/connection-options.ts'
import type { Got } from '../../capture/mq/message-verbs.ts'
import { FrameReader, FrameWriter, type Frame } from '../../capture/mq/frame.ts'
import { QueueReader } from '../../capture/mq/queue-reader.ts'
import { Closed, ReaderCommands } from '../../capture/mq/reader-commands.ts'
import type { ReaderLink } from '../../capture/mq/reader-link.ts'
import type { ReaderCommand } from '../../capture/mq/reader-messages.ts'
import { failedEvent } from '../../capture/mq/failed-event.ts'
import { readerOutput, tell } from '../../capture/mq/reader-output.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { Host } from './host.ts'
import { QueueConnection, type QueueManager } from './simulated-queues.ts'

/** kill -9 of the reader's process, in the middle of whatever it does. */
class Killed extends Error {}

/** While all is being healed, time passes where somebody waits for it. */
const restStepMs = 1_000

/**
 * The reader's process and its two pipes: the scheduler decides when what was written is read. It reads with the
 * product's own QueueReader, and dies alone or with its agent.
 */
export class SimulatedReader implements ReaderLink {
  readonly pid = undefined
  private readonly host: Host
  private readonly manager: QueueManager
  private readonly connection: QueueConnection
  private readonly commands = new ReaderCommands()
  private readonly writer = new FrameWriter(bytes => this.write(Buffer.from(bytes)))
  private readonly frames = new FrameReader()
  /** Written by the agent, not read yet. */
  private readonly toChild: ReaderCommand[] = []
  /** Written by the child, not read yet; null: its end. */
  private readonly toAgent: (Buffer | null)[] = []
  private onFrame: (frame: Frame) => void = () => {}
  private onLost: (error: Error) => void = () => {}
  private paused = false
  private running = true
  private closing = false
  private exited: () => void = () => {}

  constructor(host: Host, manager: QueueManager) {
    this.host = host
    this.manager = manager
    this.connection = new QueueConnection(host)
    host.onCrash(() => this.orphan())
    void this.live()
  }

  listen(onFrame: (frame: Frame) => void, onLost: (error: Error) => void): void {
    this.onFrame = onFrame
    this.onLost = onLost
  }

  send(command: ReaderCommand): void {
    this.toChild.push(command)
    this.inChild(() => this.takeCommand())
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
  }

  close(): Promise<void> {
    this.closing = true
    this.onFrame = this.onLost = () => {}
    this.paused = false
    const closed = new Promise<void>(resolve => {
      this.exited = resolve
    })
    if (this.running) this.send({ do: 'close' })
    else this.host.later(() => this.exited())
    return closed
  }

  private takeCommand(): void {
    const command = this.toChild.shift()
    if (command !== undefined) this.commands.take(command)
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

  private write(bytes: Buffer | null): void {
    this.toAgent.push(bytes)
    this.host.later(
      () => this.read(),
      () => !this.paused
    )
  }

  private read(): void {
    const bytes = this.toAgent.shift()
    if (bytes === null) {
      this.exited()
      if (this.closing) return
      this.closing = true
      this.onLost(new TidemarkError('MQ_UNREACHABLE', { message: 'the process that reads the queues ended' }))
    } else for (const frame of this.frames.take(bytes!)) this.onFrame(frame)
  }

  private async live(): Promise<void> {
    try {
      const command = await this.commands.first()
      await this.open()
      const { system, queues, backout } = this.manager
      const policies = queues.map(queue => ({ queue, threshold: backout.threshold, backoutQueue: backout.queue }))
      tell(this.writer, { type: 'opened', system, backout: policies })
      await this.readFrom(await this.commands.start(), command.options)
      tell(this.writer, { type: 'rested' })
      await this.commands.start()
    } catch (error) {
      if (error instanceof Killed || !this.running) return this.die()
      if (!this.connection.lost) this.manager.back(this.connection)
      this.manager.disconnect(this.connection)
      if (!(error instanceof Closed)) tell(this.writer, failedEvent(error))
    }
    this.exit()
  }

  private open(): Promise<void> {
    const { manager, connection, commands } = this
    return new Promise((resolve, reject) => {
      const attempt = (): void => {
        try {
          commands.check()
          if (manager.holder === null) {
            manager.lock(connection)
            resolve()
          } else
            this.inChild(attempt, () => manager.holder === null || this.toChild.length > 0 || !this.host.world.healing)
        } catch (error) {
          reject(error)
        }
      }
      this.inChild(attempt)
    })
  }

  private readFrom(from: string, options: ReaderOptions): Promise<void> {
    const { manager, connection, commands, writer, host } = this
    const reader = new QueueReader(Buffer.from(from, 'base64'), {
      queues: options.queues.map((queue, index) => ({
        ...queue,
        backout: manager.backout,
        restMs: options.restsMs[index]!
      })),
      apart: options.apart,
      firstQueue: options.firstQueue,
      limits: options.limits,
      verbs: {
        get: ({ queue, waitMs }) => this.mayDie(() => this.get(queue, waitMs)),
        setAside: () => this.mayDie(() => manager.setAside(connection)),
        commit: () => this.mayDie(() => manager.commit(connection)),
        back: () => manager.back(connection)
      },
      output: readerOutput({
        frames: writer,
        commands,
        queues: options.queues.map(({ name }) => ({ name, backoutQueue: manager.backout.queue })),
        breathe: () => this.breathe(),
        pause: () => this.breathe()
      }),
      now: () => host.world.timeMs,
      waitMs: options.waitMs,
      doubtMs: options.doubtMs
    })
    return reader.run()
  }

  /** An open batch waits for more: time passes in that verb. Other waits are for the scheduler. */
  private get(queue: number, waitMs: number): Got {
    const { manager, connection, host } = this
    const got = manager.get(connection, queue)
    if (got.type === 'none' && waitMs > 0 && connection.unit.length > 0) host.world.timeMs += waitMs
    return got
  }

  /** Before or after the verb was done. */
  private mayDie<T>(verb: () => T): T {
    const { world } = this.host
    const killed = !world.healing && world.chance.happens(0.004)
    if (killed && world.chance.happens(0.5)) throw this.kill()
    const result = verb()
    if (killed) throw this.kill()
    return result
  }

  private breathe(): Promise<void> {
    const { host, manager, connection, commands } = this
    return new Promise(resolve =>
      this.inChild(resolve, () => {
        if (!host.world.healing || connection.lost || connection.unit.length > 0 || commands.resting) return true
        if (this.toChild.length > 0) return true
        if (!manager.hasFor(connection)) return false
        // What is there may be on a queue that is left alone: its rest is over in time.
        host.world.timeMs += restStepMs
        return true
      })
    )
  }

  private kill(): Killed {
    this.host.world.note(() => `the reader of ${this.host.name} is killed`)
    return new Killed()
  }

  private die(): void {
    if (!this.running) return
    this.running = false
    this.abandon()
    this.write(null)
  }

  private exit(): void {
    this.running = false
    this.write(null)
  }

  /** The agent is gone: what it said last may be heard or not. */
  private orphan(): void {
    if (!this.running) return
    const { chance } = this.host.world
    const said = this.toChild.splice(0).some(command => command.do === 'commit')
    if (said && this.connection.unit.length > 0 && !this.connection.lost && chance.happens(0.5)) {
      try {
        this.manager.commit(this.connection)
      } catch {
        // Nobody is left to be told.
      }
    }
    this.running = false
    this.abandon()
  }

  /** The queue manager learns of it at once, or when the connection's timeout is over. */
  private abandon(): void {
    const { connection, manager } = this
    connection.orphaned = true
    if (!connection.lost && this.host.world.chance.happens(0.7)) manager.release(connection)
  }
}
