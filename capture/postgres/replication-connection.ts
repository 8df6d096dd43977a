import { lsnFromBytes, lsnToBytes, type Lsn, type PositionBytes } from '@tidemark/schemas/position.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { SourceConnection, SourceIdentity, TransactionReceiver } from '../source.ts'
import { Assembler, type NonTransactionalMessages } from './assembler.ts'
import type { CopyStream, SourceClock } from './copy-stream.ts'
import { due, type LivenessTimings } from './liveness.ts'
import { PgoutputDecoder } from './pgoutput.ts'
import type { StreamRequest, RelationCatalogue } from './relation-catalogue.ts'
import { copyDone, standbyStatus } from './standby-status.ts'

export interface ReplicationConnectionOptions {
  identity: SourceIdentity
  clock: SourceClock
  timings: LivenessTimings
  /** The slot's confirmed position when the lock was had: told to the server until something is settled. */
  confirmed: Lsn
  catalogue: RelationCatalogue
  nonTransactionalMessages: NonTransactionalMessages
  /** Throws SLOT_MISSING, SLOT_LOST, POSTGRES_UNREACHABLE. */
  readConfirmed(): Promise<Lsn>
  /** Looks up in the catalogue what is wanted. */
  look(request: StreamRequest): Promise<void>
  /** An error of the stream in Tidemark's words. */
  named(error: unknown): Promise<TidemarkError>
  /** Ends what else belongs to the connection. */
  release(): Promise<void>
}

/** How long a server may take to say good-bye. */
const farewellMs = 1_000

/**
 * A walsender that holds the slot. Bytes go in at `onCopyData`, transactions come out at the receiver; what is settled
 * goes back on a timer of its own, whether or not anything is read.
 */
export class ReplicationConnection implements SourceConnection {
  readonly identity: SourceIdentity
  private readonly options: ReplicationConnectionOptions
  private stream: CopyStream | null = null
  private assembler: Assembler | null = null
  private decoder: PgoutputDecoder | null = null
  private settled: Lsn
  private said: Lsn
  private statusMs: number
  private tickedMs: number
  private askedMs = 0
  private cancelTick: () => void = () => {}
  private closing: Promise<void> | null = null

  constructor(options: ReplicationConnectionOptions) {
    this.options = options
    this.identity = options.identity
    this.settled = this.said = options.confirmed
    this.statusMs = this.tickedMs = options.clock.steadyMs()
  }

  /** To be called once, when the stream has started. */
  attach(stream: CopyStream): void {
    this.stream = stream
    this.scheduleTick()
  }

  /** For the stream: one CopyData message. */
  readonly onCopyData = (buffer: Buffer, start: number, end: number): void => {
    this.decoder!.decode(buffer, start, end)
    if (buffer[start] === 0x6b && buffer[end - 1] === 1) this.sendStatus(false)
    if (this.assembler!.wanted !== null) void this.look(this.assembler!.wanted)
  }

  async confirmed(): Promise<PositionBytes> {
    return lsnToBytes(await this.options.readConfirmed())
  }

  async run(receiver: TransactionReceiver, from: PositionBytes): Promise<void> {
    const { catalogue, nonTransactionalMessages } = this.options
    this.assembler = new Assembler({ receiver, catalogue, from: lsnFromBytes(from), nonTransactionalMessages })
    this.decoder = new PgoutputDecoder(this.assembler)
    const stream = this.stream!
    stream.release('start')
    try {
      await stream.ended
    } catch (error) {
      throw await this.options.named(error)
    } finally {
      this.cancelTick()
    }
    if (this.closing === null) throw ended()
  }

  pause(): void {
    this.stream!.hold('receiver')
  }

  resume(): void {
    this.stream!.release('receiver')
  }

  settle(position: PositionBytes): void {
    const settled = lsnFromBytes(position)
    if (settled > this.settled) this.settled = settled
  }

  close(): Promise<void> {
    this.closing ??= this.end()
    return this.closing
  }

  private async end(): Promise<void> {
    this.cancelTick()
    const status = standbyStatus(this.settled, this.options.clock.wallMs(), false)
    await this.stream?.close([status, copyDone], farewellMs)
    await this.options.release()
  }

  /** Nothing is handed on meanwhile. */
  private async look(request: StreamRequest): Promise<void> {
    const stream = this.stream!
    stream.hold('catalogue')
    try {
      await this.options.look(request)
      this.assembler!.looked()
      stream.release('catalogue')
    } catch (error) {
      stream.fail(error)
    }
  }

  private scheduleTick(): void {
    const { clock, timings } = this.options
    this.cancelTick = clock.after(timings.tickMs, () => {
      this.tick()
      if (this.closing === null) this.scheduleTick()
    })
  }

  private tick(): void {
    const { clock, timings } = this.options
    const nowMs = clock.steadyMs()
    const { heardMs, reading } = this.stream!
    const unsaid = this.settled > this.said
    const { statusMs, tickedMs, askedMs } = this
    const state = { nowMs, heardMs, reading, unsaid, statusMs, tickedMs, askedMs }
    this.tickedMs = nowMs
    const what = due(state, timings)
    if (what === 'dead') this.stream!.fail(silent(timings.silenceMs))
    else if (what !== 'nothing') this.sendStatus(what === 'ping')
  }

  private sendStatus(answerAsked: boolean): void {
    this.stream!.write(standbyStatus(this.settled, this.options.clock.wallMs(), answerAsked))
    this.said = this.settled
    this.statusMs = this.options.clock.steadyMs()
    if (answerAsked) this.askedMs = this.statusMs
  }
}

function silent(ms: number): TidemarkError {
  return new TidemarkError('POSTGRES_UNREACHABLE', {
    message: `the server has sent nothing for ${ms} ms, although it was asked`,
    cure: 'nothing to do if it comes back: the agent connects again; else check the network between'
  })
}

function ended(): TidemarkError {
  return new TidemarkError('POSTGRES_UNREACHABLE', { message: 'the server has ended the replication stream' })
}
