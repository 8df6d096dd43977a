/** End-to-end latencies in milliseconds, the newest `capacity` of them. */
export class Latency {
  private readonly values: Float64Array
  private count = 0

  constructor(capacity = 100_000) {
    this.values = new Float64Array(capacity)
  }

  add(milliseconds: number): void {
    this.values[this.count++ % this.values.length] = milliseconds
  }

  /** Of the values kept; `ranks` between 0 and 1. Zeros when there are none. */
  percentiles(ranks: readonly number[]): number[] {
    const sorted = this.values.slice(0, Math.min(this.count, this.values.length)).sort()
    return ranks.map(
      rank => Math.round((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * rank))] ?? 0) * 10) / 10
    )
  }
}
