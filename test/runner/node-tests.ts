import { relative } from 'node:path'
import { run, type EventData } from 'node:test'
import { inspect } from 'node:util'
import { emptyCounts, type TestCounts } from './counts.ts'

export interface TestRun {
  root: string
  /** From `root`. */
  files: string[]
  /** Files at a time. */
  concurrency: number
  /** For one test, and for one file. */
  timeoutMs: number
  /** Only tests whose name matches. */
  namePattern?: string | undefined
  /** Ends the run early. */
  signal?: AbortSignal
  write: (text: string) => void
}

const slowTestsShown = 5
const slowTestMs = 2_000

/**
 * Runs test files by node's runner, each in a process of its own, and tells: a line for each file, every failure in
 * full, the slowest tests, and the runner's own closing lines.
 */
export async function runTestFiles(test: TestRun): Promise<TestCounts> {
  const stream = run({
    files: test.files.map(file => `${test.root}/${file}`),
    concurrency: test.concurrency,
    timeout: test.timeoutMs,
    // kafkajs asks for timers in the past; its users cannot help it.
    execArgv: ['--disable-warning=TimeoutNegativeWarning'],
    ...(test.namePattern === undefined ? {} : { testNamePatterns: [new RegExp(test.namePattern)] }),
    ...(test.signal === undefined ? {} : { signal: test.signal })
  })
  const telling = new Telling(test)
  stream.on('test:summary', data => telling.summary(data))
  stream.on('test:pass', data => telling.pass(data))
  stream.on('test:fail', data => telling.fail(data))
  stream.on('test:stdout', data => test.write(data.message))
  stream.on('test:stderr', data => test.write(data.message))
  for await (const _ of stream);
  telling.close()
  return telling.counts
}

class Telling {
  readonly counts: TestCounts = emptyCounts()
  readonly #test: TestRun
  readonly #failures: string[] = []
  readonly #slow: { name: string; ms: number }[] = []
  #durationMs = 0

  constructor(test: TestRun) {
    this.#test = test
  }

  summary(data: EventData.TestSummary): void {
    if (data.file !== undefined) {
      const mark = data.success ? 'ok  ' : 'FAIL'
      this.#test.write(
        `${mark} ${relative(this.#test.root, data.file)} (${data.counts.tests} in ${seconds(data.duration_ms)})\n`
      )
      return
    }
    const { tests, passed, cancelled, skipped, todo } = data.counts
    const failed = tests - passed - cancelled - skipped - todo
    Object.assign(this.counts, { tests, passed, cancelled, skipped, todo, failed })
    this.#durationMs = data.duration_ms
  }

  pass(data: EventData.TestPass): void {
    const ms = data.details.duration_ms
    if (data.details.type !== 'suite' && ms >= slowTestMs) this.#slow.push({ name: data.name, ms })
  }

  fail(data: EventData.TestFail): void {
    const error = data.details.error as Error & { failureType?: string; cause?: unknown }
    // A parent fails for its children, which have been told already.
    if (error.failureType === 'subtestsFailed') return
    const place = data.file === undefined ? '' : `${relative(this.#test.root, data.file)}:${data.line ?? 1}`
    const text = `\n✖ ${data.name}\n  ${place}\n${indent(inspect(error.cause ?? error))}\n\n`
    this.#failures.push(text)
    this.#test.write(text)
  }

  close(): void {
    const { write } = this.#test
    const slowest = this.#slow.toSorted((one, other) => other.ms - one.ms).slice(0, slowTestsShown)
    if (slowest.length > 0) write('\nslowest:\n')
    for (const { name, ms } of slowest) write(`  ${seconds(ms).padStart(7)}  ${name}\n`)
    if (this.#failures.length > 0) write(`\nfailing tests:\n${this.#failures.join('')}`)
    const { tests, passed, failed, cancelled, skipped, todo } = this.counts
    const closing = {
      tests,
      pass: passed,
      fail: failed,
      cancelled,
      skipped,
      todo,
      duration_ms: Math.round(this.#durationMs)
    }
    write('\n')
    for (const [name, value] of Object.entries(closing)) write(`ℹ ${name} ${value}\n`)
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '  ')
}
