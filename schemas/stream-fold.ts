import type { Claim } from './commit-stream.ts'
import { TidemarkError } from './tidemark-error.ts'

/**
 * Which records of the commit stream count. The current epoch is the running maximum of claim epochs; a claim is valid
 * iff it raises it; a Commits is valid iff its epoch is the current one at its offset. Feed it every record in the order
 * of the stream.
 */
export class EpochFold {
  /** The current epoch; 0 before the first claim. */
  epoch: number

  /** Begins at the start of the stream, or anywhere with the epoch known to be current there. */
  constructor(known: { readonly epoch: number } = { epoch: 0 }) {
    this.epoch = known.epoch
  }

  /** Whether the claim is valid: its writer owns the subscription from here on. */
  claim(claim: Pick<Claim, 'epoch'>): boolean {
    if (claim.epoch <= this.epoch) return false
    this.epoch = claim.epoch
    return true
  }

  /**
   * Whether a Commits of that epoch counts, or is void: written by an owner after it was superseded. Throws CLAIM_MISSING
   * for an epoch above the current one, or before any claim: the claim is not where it must be, so nothing can be told.
   */
  commits(epoch: number): 'valid' | 'void' {
    if (epoch > this.epoch || this.epoch === 0) {
      throw new TidemarkError('CLAIM_MISSING', {
        message: `a commit record is of epoch ${epoch}, the highest claim before it ${this.epoch === 0 ? 'is missing' : `is of epoch ${this.epoch}`}`
      })
    }
    return epoch === this.epoch ? 'valid' : 'void'
  }
}
