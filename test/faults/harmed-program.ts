import { once } from 'node:events'
import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { forgetProcess, watchProcess } from '../../services/scratch.ts'
import { until } from '../support/until.ts'

/** From the root of the repository. */
export const agentProgram = 'capture/main.ts'
export const sinkProgram = 'mq-sink/main.ts'

const root = new URL('../../', import.meta.url)
const points = ['data-stored', 'commit-next', 'commit-stored', 'settle-next'] as const
const outputCharactersMax = 4_000
/** A fault point may not be met: then it is killed as it is. */
const pointMsMax = 6_000
const ownedMsMax = 60_000

/** An agent, or a sink, that is killed and started again. */
export class HarmedProgram {
  starts = 0
  /** How it ended by itself, which no harm should make it do. */
  readonly ends: string[] = []
  private child: ChildProcess | null = null
  private text = ''
  private owned = false
  private readonly program: string
  private readonly config: string
  private readonly environment: NodeJS.ProcessEnv

  constructor(program: string, config: string, environment: NodeJS.ProcessEnv) {
    this.program = program
    this.config = config
    this.environment = environment
  }

  /** What it said last. */
  get output(): string {
    return this.text
  }

  /** Throws with its output when it fails. */
  async apply(...options: string[]): Promise<void> {
    const child = this.spawn(['apply', ...options], {})
    const [code] = (await once(child, 'exit')) as [number | null]
    if (code !== 0) throw new Error(`apply of ${this.program} ended with ${code}:\n${this.text}`)
  }

  /** Unless it runs. */
  start(fault: Record<string, string> = {}): void {
    if (this.child !== null) return
    this.starts++
    this.owned = false
    this.child = this.spawn(['run'], fault)
  }

  async kill(): Promise<void> {
    const { child } = this
    if (child === null) return
    this.child = null
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }

  async killAfter(ms: number): Promise<void> {
    await pause(ms)
    await this.kill()
  }

  /** An agent: starts it anew so that it dies at a named place of its delivery. */
  async dieAtPoint(random: () => number): Promise<void> {
    await this.kill()
    const point = points[Math.floor(random() * points.length)]!
    this.start({ TIDEMARK_FAULT_POINT: `${point}:${1 + Math.floor(random() * 4)}` })
    const child = this.child!
    await Promise.race([once(child, 'exit'), pause(pointMsMax, null, { ref: false })])
    await this.kill()
  }

  /** The process that talks to the queue manager, which is its child. */
  async killChild(): Promise<void> {
    const pid = this.child?.pid
    if (pid === undefined) return
    for (const child of childrenOf(pid)) process.kill(child, 'SIGKILL')
  }

  /** SIGTERM, which it heeds once it runs: drains and ends. Returns its exit code. */
  async drain(): Promise<number | null> {
    await until(() => this.owned, { timeoutMs: ownedMsMax, what: () => `${this.program} to run: ${this.text}` })
    const child = this.child!
    this.child = null
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    const [code] = (await ended) as [number | null]
    return code
  }

  private spawn(args: string[], more: Record<string, string>): ChildProcess {
    const child = spawn(process.execPath, [fileURLToPath(new URL(this.program, root)), ...args, '-c', this.config], {
      env: { ...this.environment, ...more },
      stdio: ['ignore', 'pipe', 'pipe']
    })
    const { pid } = child
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        this.owned ||= chunk.includes('.owner')
        this.text = (this.text + chunk.toString()).slice(-outputCharactersMax)
      })
    }
    if (pid !== undefined) watchProcess(pid, 'SIGKILL')
    child.once('exit', code => {
      if (pid !== undefined) forgetProcess(pid)
      if (this.child !== child) return
      this.child = null
      if (code !== null) this.ends.push(`${this.program} ended by itself with ${code}: ${this.text}`)
    })
    return child
  }
}

/** Pids; none where the system does not say. */
function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    return text.split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}
