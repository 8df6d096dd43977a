import type { Scratch } from '../../scratch.ts'

/** What happened: created, updated, deleted, read by a first copy. */
export type Op = 'c' | 'u' | 'd' | 'r'

const operation = Buffer.from(',"op":"')

/** The end of an event: what happened, and when the event was made. */
export class EventStamp {
  private readonly now: () => number
  private at = Number.NaN
  /** Of the millisecond `at`, behind the letter. */
  private times: Buffer = Buffer.alloc(0)

  /** `now`: milliseconds since the Unix epoch. */
  constructor(now: () => number) {
    this.now = now
  }

  /** Appends it with the envelope's last brace. */
  write(op: Op, into: Scratch): void {
    const now = this.now()
    if (now !== this.at) {
      this.at = now
      this.times = Buffer.from(`","ts_ms":${now},"ts_us":${now}000,"ts_ns":${now}000000}`)
    }
    into.append(operation, 0, operation.length)
    into.room(1)[into.length++] = op.charCodeAt(0)
    into.append(this.times, 0, this.times.length)
  }
}
