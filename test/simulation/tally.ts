import type { Report } from './campaign.ts'
import { configurationNamed } from './configuration.ts'
import { commandFor } from './repetition.ts'

/** Where nobody looks on, progress is told this seldom. */
const quietSchedules = 5_000

/** What the reports say together. */
export class Tally {
  readonly first = new Map<string, { configuration: string; seed: number }>()
  private readonly counts = new Map<string, number>()
  private readonly counters: Record<string, number> = {}
  private readonly broken: string[] = []
  private readonly expected: number
  private readonly startedMs = performance.now()
  private schedules = 0
  private told = 0

  constructor(expected: number) {
    this.expected = expected
  }

  get isClean(): boolean {
    return this.counts.size === 0 && this.broken.length === 0
  }

  add(report: Report): void {
    this.schedules += report.schedules
    for (const { configuration, seed, failure } of report.failures) {
      const key = `${configuration}: ${failure}`
      if (!this.first.has(key)) this.first.set(key, { configuration, seed })
      this.counts.set(key, (this.counts.get(key) ?? 0) + 1)
    }
    if (report.broken !== null) this.broken.push(`${JSON.stringify(report.task)}: ${report.broken}`)
    for (const [name, value] of Object.entries(report.counters)) {
      this.counters[name] = (this.counters[name] ?? 0) + value
    }
    const state = `${this.schedules} of ${this.expected} schedules, ${this.counts.size} kinds of failures`
    if (process.stderr.isTTY) process.stderr.write(`\r${state} `)
    else if (this.schedules >= this.told + quietSchedules) process.stderr.write(`${state}\n`)
    else return
    this.told = this.schedules
  }

  summary(): string {
    const seconds = (performance.now() - this.startedMs) / 1000
    const rate = Math.round(this.schedules / seconds)
    const lines = [
      `${this.schedules} schedules in ${seconds.toFixed(1)} s, ${rate} a second`,
      JSON.stringify(this.counters)
    ]
    for (const [key, count] of this.counts) {
      const { configuration, seed } = this.first.get(key)!
      const command = commandFor(seed, configurationNamed(configuration))
      lines.push(`${count} x ${key}\n    ${command}`)
    }
    return `\n${[...lines, ...this.broken, this.isClean ? 'clean' : 'FAILED'].join('\n')}\n`
  }
}
