import type { LossEntry } from '@tidemark/schemas/commit-stream.ts'

/** The sequences an operator gave leave to read past. */
export class LossRanges {
  private losses: LossEntry[] = []

  add(loss: LossEntry): void {
    this.losses.push(loss)
  }

  /** The entry that names the last of `first`..`last`, when every one of them is named; else null. */
  covering(first: number, last: number): LossEntry | null {
    let next = first
    for (;;) {
      const loss = this.losses.find(({ firstSequence, lastSequence }) => firstSequence <= next && next <= lastSequence)
      if (loss === undefined || loss.lastSequence >= last) return loss ?? null
      next = loss.lastSequence + 1
    }
  }

  /** Forgets what ends before `sequence`. */
  forget(sequence: number): void {
    if (this.losses.length > 0) this.losses = this.losses.filter(loss => loss.lastSequence >= sequence)
  }
}
