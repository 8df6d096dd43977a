/** Sequences a reader did not get and went past, with leave: every gap is surfaced, on the next transaction handed over. */
export interface SequenceGap {
  /**
   * `start`: a reader from `earliest` found transactions whose records had aged out of their topics.
   * `accepted`: an operator accepted that source positions are lost; sequences need not be missing.
   * `loss`: an operator gave leave to read past transactions whose records are gone.
   */
  readonly kind: 'start' | 'accepted' | 'loss'
  /** First and last sequence not handed over, inclusive; both null when none is missing. */
  readonly firstSequence: number | null
  readonly lastSequence: number | null
  readonly reason: string
  readonly acceptedBy: string | null
}
