import type { Known } from '@tidemark/schemas/commit-stream.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { CommitStreamLog } from './commit-stream-log.ts'

/**
 * Knows which of an owner's acknowledged commit records are valid. An acknowledged record need not be: a superseded
 * owner that told the source so would lose data.
 */
export class OwnWrites {
  private readonly log: CommitStreamLog
  private readonly epoch: number
  private readonly claim: number
  /** Offset after the last own record; everything before it is known. */
  private next: number

  constructor(log: CommitStreamLog, epoch: number, claim: number) {
    this.log = log
    this.epoch = epoch
    this.claim = claim
    this.next = claim + 1
  }

  /** Offset of the last own record that is known to be valid: the claim, or a later one. */
  get lastOffset(): number {
    return this.next - 1
  }

  /** What the next own record carries as `known`. */
  get known(): Known {
    return { offset: this.next, epoch: this.epoch, claim: this.claim }
  }

  /**
   * Own records were stored at [base, base + count). Returns when they are valid. Throws SUPERSEDED when a higher claim
   * stands before them, STREAM_TRUNCATED when the stream lost its end.
   */
  async confirm(base: number, count: number): Promise<void> {
    if (base < this.next) {
      throw new TidemarkError('STREAM_TRUNCATED', {
        message: `own records reached offset ${this.next}, the next were stored at ${base}`,
        place: this.log.topic
      })
    }
    if (base > this.next) await this.readBetween(base)
    this.next = base + count
  }

  private async readBetween(base: number): Promise<void> {
    await this.log.scan(this.next, base, ({ offset, record }) => {
      if (record.type !== 'claim' || record.epoch <= this.epoch) return
      throw new TidemarkError('SUPERSEDED', {
        message: `agent ${record.agent} claimed epoch ${record.epoch} after this agent's ${this.epoch}`,
        place: `${this.log.topic} offset ${offset}`
      })
    })
  }
}
