import { spawn, type ChildProcess } from 'node:child_process'
import { createWriteStream, type WriteStream } from 'node:fs'
import { once } from 'node:events'
import { basename } from 'node:path'
import { PassThrough } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { forgetProcess, watchProcess } from '../services/scratch.ts'

const agentProgram = fileURLToPath(new URL('../capture/bin/tidemark.mjs', import.meta.url))
export const sinkProgram = fileURLToPath(new URL('../mq-sink/bin/tidemark-mq-sink.mjs', import.meta.url))

export interface AgentProcessOptions {
  /** Default: the agent's. */
  program?: string
  /** Default: this process's. */
  environment?: NodeJS.ProcessEnv
}

/** Runs one command of its program to its end; its output goes to the log. Rejects with its last lines when it fails. */
export async function runToEnd(of: AgentProcess, args: readonly string[]): Promise<void> {
  const { program, config, environment, logStream: log } = of
  const child = spawn(process.execPath, [program, ...args, '-c', config], {
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe']
  })
  let tail = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      log.write(chunk)
      tail = (tail + chunk.toString()).slice(-2000)
    })
  }
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code !== 0) throw new Error(`${basename(program, '.mjs')} ${args[0]} ended with ${code}:\n${tail}`)
}

/** The agent, or a sink, as a process of its own, so that it can be killed. */
export class AgentProcess {
  restarts = 0
  /** Rejects when the agent ends by itself, with what it said last; never resolves. */
  readonly failed: Promise<never>
  private fail: (error: Error) => void = () => {}
  private tail = ''
  private child: ChildProcess | null = null
  readonly program: string
  readonly environment: NodeJS.ProcessEnv
  readonly config: string
  private readonly log: WriteStream
  private readonly output = new PassThrough()
  private owned = false
  private stopping = false

  constructor(config: string, logFile: string, options: AgentProcessOptions = {}) {
    this.program = options.program ?? agentProgram
    this.environment = options.environment ?? process.env
    this.config = config
    this.log = createWriteStream(logFile, { flags: 'a' })
    this.output.pipe(this.log, { end: false })
    this.output.on('data', (chunk: Buffer) => {
      this.owned ||= chunk.includes('.owner"')
      this.tail = (this.tail + chunk.toString()).slice(-1_000)
    })
    this.failed = new Promise((_, reject) => {
      this.fail = reject
    })
    this.failed.catch(() => {})
  }

  get logStream(): WriteStream {
    return this.log
  }

  start(): void {
    const child = spawn(
      process.execPath,
      ['--max-semi-space-size=8', this.program, 'run', '-c', this.config, '--log-format', 'json'],
      {
        // A group of its own: Ctrl-C in the terminal is for the demonstration, which stops the agent in its own order.
        detached: true,
        env: this.environment,
        stdio: ['ignore', 'pipe', 'pipe']
      }
    )
    if (child.pid) watchProcess(child.pid, 'SIGKILL')
    child.stdout.pipe(this.output, { end: false })
    child.stderr.pipe(this.output, { end: false })
    child.once('exit', (code, signal) => {
      if (child.pid) forgetProcess(child.pid)
      if (this.child === child) this.child = null
      if (this.stopping) return
      if (signal === 'SIGKILL') this.restart()
      else
        this.fail(new Error(`${basename(this.program, '.mjs')} ended by itself with ${code ?? signal}:\n${this.tail}`))
    })
    this.child = child
  }

  /** Resolves when the agent owns the subscription for the first time. */
  async ready(): Promise<void> {
    while (!this.owned && !this.stopping) await Promise.race([once(this.output, 'data'), this.failed])
  }

  /** kill -9: no goodbye, whatever it is doing. It is started again at once. */
  kill(): void {
    this.child?.kill('SIGKILL')
  }

  /** SIGTERM: drains and ends. */
  async stop(): Promise<void> {
    this.stopping = true
    const child = this.child
    if (child) {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
    }
    this.log.end()
  }

  private restart(): void {
    this.restarts++
    this.start()
  }
}
