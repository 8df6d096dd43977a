import type { Clock } from '@tidemark/kafka/clock.ts'
import { takeOver, type FrameHandler, type FrameReader } from './frame-reader.ts'
import { Pacing, defaultPacing, type PacingLimits } from './pacing.ts'
import { connectionOf, destroySession, socketOf, type BulkSession } from './session.ts'

/** Time as a replication connection needs it. */
export interface SourceClock extends Omit<Clock, 'random'> {
  /** Runs `task` once after `ms`; the function returned takes it back. */
  after(ms: number, task: () => void): () => void
}

export interface CopyStreamOptions {
  session: BulkSession
  clock: SourceClock
  /** Called for each CopyData message while nothing holds the stream; may call `hold`. What it throws ends the stream. */
  onCopyData: FrameHandler['copyData']
  /** null: read as data comes. */
  pacing?: Omit<PacingLimits, 'bufferBytes'> | null
}

/** Why messages are not handed on. `pace` only leaves the socket unread: what was read is handed on. */
export type HoldReason = 'start' | 'receiver' | 'catalogue' | 'pace' | 'ended'

/**
 * The copy mode of one connection: a command whose answer is a stream of CopyData (START_REPLICATION, COPY TO STDOUT).
 * Owns the connection from then on.
 */
export class CopyStream {
  private readonly session: BulkSession
  private readonly clock: SourceClock
  private readonly reader: FrameReader
  private readonly pacing: Pacing | null
  private readonly holds = new Set<HoldReason>()
  private cancelPause: () => void = () => {}
  private outcome = Promise.withResolvers<void>()
  /** When anything was last read, or reading was resumed, in steady ms. */
  heardMs: number

  constructor(options: CopyStreamOptions) {
    this.session = options.session
    this.clock = options.clock
    this.heardMs = options.clock.steadyMs()
    this.outcome.promise.catch(() => {})
    const limits = options.pacing === undefined ? defaultPacing : options.pacing
    this.pacing = limits && new Pacing({ ...limits, bufferBytes: this.session.readBytesMax }, this.heardMs)
    const socket = socketOf(this.session.client)
    this.reader = takeOver(socket, options.onCopyData, error => this.fail(error))
    this.session.lendChunks()
    socket.on('data', (chunk: Buffer) => this.paced(chunk.length))
  }

  /**
   * Of the command started last: resolves when the server ended it, or after `close`; rejects with what pg, the socket
   * or the receiver threw.
   */
  get ended(): Promise<void> {
    return this.outcome.promise
  }

  /**
   * Sends the command. Resolves when the server has gone into copy mode, with the stream held for 'start'; rejects with
   * the server's error, after which another command may be started, as it may when `ended` has resolved.
   */
  start(command: string): Promise<void> {
    const { client } = this.session
    const began = Promise.withResolvers<void>()
    this.outcome = Promise.withResolvers<void>()
    this.outcome.promise.catch(() => {})
    let streaming = false
    const onStart = (): void => {
      streaming = true
      this.hold('start')
      began.resolve()
    }
    const connection = connectionOf(client)
    for (const event of startEvents) connection.once(event, onStart)
    const forget = (): void => {
      for (const event of startEvents) connection.removeListener(event, onStart)
    }
    client.query(command).then(
      () => {
        forget()
        this.outcome.resolve()
      },
      (error: unknown) => {
        forget()
        if (streaming) this.fail(error)
        else began.reject(error)
      }
    )
    return began.promise
  }

  /** Before the next message: nothing more is handed on or read until every reason is released. */
  hold(reason: HoldReason): void {
    this.holds.add(reason)
    if (reason !== 'pace') this.reader.hold()
    socketOf(this.session.client).pause()
  }

  release(reason: HoldReason): void {
    if (!this.holds.delete(reason)) return
    if (this.holds.size === 0 || this.onlyPaced) this.handOn()
    if (this.holds.size > 0) return
    this.heardMs = this.clock.steadyMs()
    socketOf(this.session.client).resume()
  }

  /** Whether the socket is read, or only rests for a moment. */
  get reading(): boolean {
    return this.holds.size === 0 || this.onlyPaced
  }

  /** Writes to the server unless what was written before has not left yet. */
  write(bytes: Buffer): void {
    const socket = socketOf(this.session.client)
    if (socket.writable && socket.writableLength < writeQueueBytesMax) socket.write(bytes)
  }

  /** Ends the connection with an error, which `ended` rejects with. */
  fail(error: unknown): void {
    // What stands behind the error in a chunk already read must not be handed on.
    this.hold('ended')
    this.outcome.reject(error)
    this.destroy()
  }

  /** Ends the connection: with a word of farewell, and at once when the server does not take it within `waitMs`. */
  async close(farewell: Buffer[], waitMs: number): Promise<void> {
    this.hold('ended')
    this.outcome.resolve()
    const socket = socketOf(this.session.client)
    if (socket.destroyed) return this.destroy()
    const closed = new Promise<void>(resolve => socket.once('close', () => resolve()))
    // What the server still sends is thrown away, or it would wait for us to read.
    socket.removeAllListeners('data').resume()
    for (const bytes of farewell) socket.write(bytes)
    socket.end(terminate)
    const cancel = this.clock.after(waitMs, () => this.destroy())
    await closed
    cancel()
    this.destroy()
  }

  private get onlyPaced(): boolean {
    return this.holds.size === 1 && this.holds.has('pace')
  }

  private handOn(): void {
    try {
      this.reader.release()
    } catch (error) {
      this.fail(error)
    }
  }

  private paced(bytes: number): void {
    const nowMs = this.clock.steadyMs()
    this.heardMs = nowMs
    const pauseMs = this.pacing === null ? 0 : this.pacing.read(bytes, nowMs)
    if (pauseMs === 0 || this.holds.size > 0) return
    this.hold('pace')
    this.cancelPause = this.clock.after(pauseMs, () => this.release('pace'))
  }

  private destroy(): void {
    this.cancelPause()
    destroySession(this.session.client)
  }
}

/** CopyBothResponse and CopyOutResponse, as pg names them. */
const startEvents = ['replicationStart', 'copyOutResponse'] as const
/** Status updates are 39 bytes: this many only queue up when the server has stopped reading. */
const writeQueueBytesMax = 65_536
/** Terminate (manual, "Message Formats"). */
const terminate = Buffer.from([0x58, 0, 0, 0, 4])
