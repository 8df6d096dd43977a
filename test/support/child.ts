import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { TestContext } from 'node:test'
import { forgetProcess, watchProcess } from '../../services/scratch.ts'

export interface ChildOptions {
  args?: string[]
  /** Added to this process's environment; undefined takes a variable away. */
  environment?: Record<string, string | undefined>
  /** For node itself, such as --max-old-space-size=400. */
  nodeArgs?: string[]
  cwd?: string
  /** Kept of its output, the newest. Default 4 MiB. */
  outputBytesMax?: number
}

export interface ChildEnd {
  code: number | null
  signal: NodeJS.Signals | null
}

/** A program started by a test. It ends with the test, and never outlives the test's process. */
export class Child {
  readonly pid: number
  /** Resolves when it has ended and all its output is here. */
  readonly ended: Promise<ChildEnd>
  readonly #process: ChildProcess
  readonly #outputBytesMax: number
  readonly #waiting = new Set<() => void>()
  #output = ''
  #end: ChildEnd | undefined

  constructor(program: ChildProcess, outputBytesMax: number) {
    this.#process = program
    this.#outputBytesMax = outputBytesMax
    this.pid = program.pid ?? -1
    if (this.pid > 0) watchProcess(this.pid, 'SIGKILL')
    for (const stream of [program.stdout, program.stderr])
      stream?.setEncoding('utf8').on('data', text => this.#add(text))
    program.once('exit', () => forgetProcess(this.pid))
    this.ended = once(program, 'close').then(([code, signal]) => {
      this.#end = { code, signal }
      this.#wake()
      return this.#end
    })
    // Who waits for `ended` or a line learns of a failure to start.
    this.ended.catch(() => this.#wake())
  }

  /** Standard output and error as they came, the newest part. */
  get output(): string {
    return this.#output
  }

  get alive(): boolean {
    return this.#end === undefined && this.#process.exitCode === null && this.#process.signalCode === null
  }

  /**
   * The first line of output that matches, whether it came already or comes yet. Throws, with the output's end, when
   * the program ends without it or the time is over.
   */
  async line(pattern: RegExp, timeoutMs = 30_000): Promise<string> {
    const deadline = performance.now() + timeoutMs
    for (;;) {
      const found = this.#output.split('\n').find(line => pattern.test(line))
      if (found !== undefined) return found
      const leftMs = deadline - performance.now()
      if (this.#end) throw new Error(`ended (${JSON.stringify(this.#end)}) without a line ${pattern}\n${this.#tail()}`)
      if (leftMs <= 0) throw new Error(`no line ${pattern} within ${timeoutMs} ms\n${this.#tail()}`)
      await this.#change(leftMs)
    }
  }

  /** Sends a signal, SIGKILL by default, and waits for the end; a program that does not heed it is killed. */
  async kill(signal: NodeJS.Signals = 'SIGKILL', graceMs = 30_000): Promise<ChildEnd> {
    if (this.alive) this.#process.kill(signal)
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), graceMs)
    try {
      return await this.ended
    } finally {
      clearTimeout(timer)
    }
  }

  #add(text: string): void {
    this.#output = (this.#output + text).slice(-this.#outputBytesMax)
    this.#wake()
  }

  #change(timeoutMs: number): Promise<void> {
    return new Promise(done => {
      const wake = (): void => {
        clearTimeout(timer)
        this.#waiting.delete(wake)
        done()
      }
      const timer = setTimeout(wake, timeoutMs)
      this.#waiting.add(wake)
    })
  }

  #wake(): void {
    for (const wake of this.#waiting) wake()
  }

  #tail(): string {
    return this.#output.split('\n').slice(-40).join('\n')
  }
}

/** Starts a TypeScript program with this Node. It is killed after the test if it still runs. */
export function startProgram(t: TestContext, file: string, options: ChildOptions = {}): Child {
  const environment = { ...process.env, NODE_TEST_CONTEXT: undefined, ...options.environment }
  const args = [...(options.nodeArgs ?? []), file, ...(options.args ?? [])]
  const program = spawn(process.execPath, args, {
    cwd: options.cwd,
    env: environment as NodeJS.ProcessEnv,
    stdio: ['ignore', 'pipe', 'pipe']
  })
  const child = new Child(program, options.outputBytesMax ?? 4 * 1024 * 1024)
  t.after(() => child.kill().catch(() => {}))
  return child
}
