interface EpochRange {
  epoch: number
  first: number
  last: number
}

/** Older epochs than these are no longer told apart. */
const epochsMax = 64

/** Which sequences each of the last epochs validly named, as far as read: tells a repeated record from a void one. */
export class EpochLedger {
  private readonly ranges: EpochRange[] = []

  named(epoch: number, sequence: number): void {
    const last = this.ranges[this.ranges.length - 1]
    if (last?.epoch === epoch) {
      last.last = sequence
      return
    }
    this.ranges.push({ epoch, first: sequence, last: sequence })
    if (this.ranges.length > epochsMax) this.ranges.shift()
  }

  wasNamed(epoch: number, sequence: number): boolean {
    for (let index = this.ranges.length - 1; index >= 0; index--) {
      const range = this.ranges[index]!
      if (range.epoch === epoch) return range.first <= sequence && sequence <= range.last
    }
    return false
  }
}
