import { fork, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'

/** Schedules of one configuration, seeds `first` to `first + count - 1`. */
export interface Stretch {
  type: 'stretch'
  configuration: string
  first: number
  count: number
}

/** One mutation, looked for in at most `schedulesMax` schedules from seed `first` on. */
export interface Hunt {
  type: 'hunt'
  mutation: string
  first: number
  schedulesMax: number
}

export type Task = Stretch | Hunt

export interface FoundFailure {
  configuration: string
  seed: number
  failure: string
}

export interface Report {
  task: Task
  schedules: number
  failures: FoundFailure[]
  counters: Record<string, number>
  /** The worker itself failed: an edit that does not fit, a schedule that never ends. */
  broken: string | null
}

/** What a worker says after each schedule. */
export const alive = 'alive'

/** A schedule takes milliseconds: a worker that is silent for that long has met an endless loop. */
const silenceMsMax = 60_000

/**
 * Processes that crash in a schedule leave listeners on signals that are never aborted, and Node keeps what such a
 * listener refers to: a worker grows by 20 kB with every schedule and is replaced in time.
 */
const tasksPerWorker = 12

/** Gives the tasks to worker processes; `hear` is called with each report as it comes. */
export async function runTasks(
  tasks: readonly Task[],
  processes: number,
  hear: (report: Report) => void
): Promise<void> {
  const waiting = [...tasks]
  const lanes = Array.from({ length: Math.min(processes, tasks.length) }, async () => {
    let worker: ChildProcess | null = null
    let tasksDone = 0
    for (let task = waiting.shift(); task !== undefined; task = waiting.shift()) {
      worker ??= fork(join(import.meta.dirname, 'worker.ts'), { execArgv: ['--max-old-space-size=1024'] })
      const report = await askWorker(worker, task)
      if (report.broken !== null) worker.kill('SIGKILL')
      else if (++tasksDone % tasksPerWorker === 0) worker.disconnect()
      if (!worker.connected || worker.killed) worker = null
      hear(report)
    }
    worker?.disconnect()
  })
  await Promise.all(lanes)
}

function askWorker(worker: ChildProcess, task: Task): Promise<Report> {
  return new Promise(resolve => {
    const broken = (what: string): void => done({ task, schedules: 0, failures: [], counters: {}, broken: what })
    const silence = `no schedule ended within ${silenceMsMax / 1000} s: an endless loop`
    const timer = setTimeout(() => broken(silence), silenceMsMax)
    const ended = (code: number | null): void => broken(`the worker ended with ${code}`)
    const heard = (message: Report | typeof alive): void => {
      if (message === alive) timer.refresh()
      else done(message)
    }
    const done = (report: Report): void => {
      clearTimeout(timer)
      worker.off('message', heard).off('exit', ended)
      resolve(report)
    }
    worker.on('message', heard).on('exit', ended)
    worker.send(task)
  })
}
