import { writeSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { openLog } from '../log.ts'
import { CALL, LABEL, RUNNING, TICK } from './cells.ts'
import { Judge, type Verdict } from './verdict.ts'
import type { WatchdogStart } from './watchdog.ts'

const { cells: shared, lookMs, callMsMax, memoryBytesMax, log } = workerData as WatchdogStart
const cells = new Int32Array(shared)
const labels: string[] = []
const judge = new Judge({ lookMs, callMsMax, memoryBytesMax })

parentPort!.on('message', (label: string) => labels.push(label))
setInterval(() => {
  const verdict = judge.see({
    running: Atomics.load(cells, RUNNING) === 1,
    label: Atomics.load(cells, LABEL),
    call: Atomics.load(cells, CALL),
    tick: Atomics.load(cells, TICK),
    rssBytes: process.memoryUsage.rss()
  })
  if (verdict !== null) end(verdict)
}, lookMs)

/** The agent's thread cannot be asked for anything any more: the last word is written from here. */
function end(verdict: Verdict): void {
  openLog({ ...log, write: writeAll }).failure(errorOf(verdict))
  process.kill(process.pid, 'SIGKILL')
}

function errorOf({ why, label }: Verdict): TidemarkError {
  const what = labels[label] ?? 'a processor'
  if (why === 'memory') {
    const message = `${what} took more than ${memoryBytesMax} bytes in one call; the agent is ended`
    return new TidemarkError('PROCESSOR_MEMORY', { message })
  }
  const message =
    why === 'call'
      ? `${what} did not return within ${callMsMax} ms; the agent is ended`
      : `nothing but code was run since ${what} was called last, for more than ${callMsMax} ms; the agent is ended`
  return new TidemarkError('PROCESSOR_STUCK', { message })
}

const standardError = 2
const attemptsMax = 100

/** A pipe that is full is tried again for a moment, then the word is lost, not the end. */
function writeAll(line: string): void {
  let rest = Buffer.from(line)
  for (let attempt = 0; attempt < attemptsMax && rest.length > 0; attempt++) {
    try {
      rest = rest.subarray(writeSync(standardError, rest))
    } catch {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)
    }
  }
}
