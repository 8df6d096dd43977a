import type { PositionBytes } from '@tidemark/schemas/position.ts'
import { decodePosition, encodePosition, identityBytes } from './position.ts'

/** How far one unit of work may grow; a transaction that is open is brought to its end first. */
export interface UnitLimits {
  messages: number
  bytes: number
  /** Since its first message. */
  ms: number
  /** Whatever the transaction: beyond it the unit's position does not fit a record of the commit stream. */
  messagesMax: number
}

/**
 * Which messages a unit of work holds, which of them were named before, and what its position is. Pure: no clock, no
 * connection. The decisions of the MQ source rest here.
 */
export class UnitLedger {
  private readonly limits: UnitLimits
  /** Named before, and not known to be gone: by identity, how often. */
  private readonly doubtful = new Map<string, number>()
  private unit: number
  private got: Buffer[] = []
  private count = 0
  private bytes = 0
  private begunMs = 0
  private alone = false

  /** `from`: the position of the last State entry. Throws COMMIT_STREAM_INVALID. */
  constructor(from: PositionBytes, limits: UnitLimits) {
    this.limits = limits
    const { unit, identities } = decodePosition(from)
    this.unit = unit
    for (let at = 0; at < identities.length; at += identityBytes) {
      this.doubt(identities.toString('latin1', at, at + identityBytes))
    }
  }

  /** Nothing was got since the last `committed`. */
  get isEmpty(): boolean {
    return this.count === 0
  }

  get messages(): number {
    return this.count
  }

  /** Bytes of content. */
  get size(): number {
    return this.bytes
  }

  /** Messages named before that may come again. */
  get doubts(): number {
    return this.doubtful.size
  }

  /**
   * A message was got. Returns whether it was named before: then it is not to be handed over again. It is in the unit's
   * position either way.
   */
  take(identity: Buffer, bytes: number, nowMs: number): 'new' | 'named' {
    if (this.count++ === 0) this.begunMs = nowMs
    this.got.push(identity)
    this.bytes += bytes
    const key = identity.toString('latin1')
    const times = this.doubtful.get(key)
    if (times === undefined) return 'new'
    if (times === 1) this.doubtful.delete(key)
    else this.doubtful.set(key, times - 1)
    return 'named'
  }

  /** The message taken last was set aside in the same unit of work: were it to come again, it would be set aside again. */
  setAside(): void {
    this.got.pop()
  }

  /** The next transaction is the unit's last: it failed before, and is not to take others with it. */
  endSoon(): void {
    this.alone = true
  }

  /** Between transactions: whether the unit is to be settled before the next. */
  isFull(nowMs: number): boolean {
    if (this.alone) return true
    const { messages, bytes, ms } = this.limits
    return this.count >= messages || this.bytes >= bytes || (this.count > 0 && nowMs - this.begunMs >= ms)
  }

  /** Within a transaction: it cannot be carried in one unit. */
  get isBeyondMax(): boolean {
    return this.count > this.limits.messagesMax
  }

  /** Position of the unit as it stands: settling it settles every message got in it. */
  end(): PositionBytes {
    this.unit++
    const older = [...this.doubtful].flatMap(([key, times]) => Array<Buffer>(times).fill(Buffer.from(key, 'latin1')))
    return encodePosition({ unit: this.unit, identities: Buffer.concat([...older, ...this.got]) })
  }

  /** MQCMIT is known to be done: what the unit held cannot come again. */
  committed(): void {
    this.got = []
    this.count = 0
    this.bytes = 0
    this.alone = false
  }

  /** What came no more until now never will: see docs/decisions/0020. */
  forgetDoubts(): void {
    this.doubtful.clear()
  }

  private doubt(key: string): void {
    this.doubtful.set(key, (this.doubtful.get(key) ?? 0) + 1)
  }
}
