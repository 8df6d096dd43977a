import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Surroundings } from './agent.ts'
import type { SourceClock } from './postgres/copy-stream.ts'

/** The process's own time, chance and event loop. */
export const systemSurroundings: Surroundings = {
  now: () => Date.now(),
  randomBytes: length => randomBytes(length),
  schedule: task => void setImmediate(task),
  delay: (ms, signal) => delay(ms, undefined, { signal }),
  every: (ms, task) => {
    const timer = setInterval(task, ms)
    return () => clearInterval(timer)
  }
}

export const systemSourceClock: SourceClock = {
  wallMs: () => Date.now(),
  steadyMs: () => performance.now(),
  after: (ms, task) => {
    const timer = setTimeout(task, ms)
    return () => clearTimeout(timer)
  },
  delay: (ms, signal) => delay(ms, undefined, signal ? { signal } : {})
}
