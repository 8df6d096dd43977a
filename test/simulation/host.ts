import type { Surroundings } from '../../capture/agent.ts'
import type { Clock } from '@tidemark/kafka/clock.ts'
import type { World } from './world.ts'

/** Something that waits to happen to a process: an answer, a timer, a task. */
export interface Pending {
  /** Whether it can happen now. */
  ready(): boolean
  run(): void
}

const always = (): boolean => true

/** What is thrown at a process that asks again after its connection is gone. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost'
}

/**
 * One process: it hears only what the scheduler lets happen. Once it has crashed nothing happens to it any more, so all
 * its promises stay open for ever; what it has sent may still arrive.
 */
export class Host implements Surroundings {
  readonly name: string
  readonly world: World
  alive = true
  /** Stalled until this step of the scheduler. */
  sleepUntil = 0
  /** It does not wait for ever, so its waiting is progress. */
  hasLimits = true
  inbox: Pending[] = []
  private tickers: (() => void)[] = []
  private readonly crashes: (() => void)[] = []
  private readonly skewMs: number

  constructor(world: World, name: string) {
    this.world = world
    this.name = name
    this.skewMs = !world.needsRightClocks && world.chance.happens(0.3) ? world.chance.below(20_000) - 10_000 : 0
  }

  /** A question to the outside: `sample` is asked once it `may` be, and heard of then or some time later. */
  ask<T>(sample: () => T, may: () => boolean = always): Promise<T> {
    return new Promise((resolve, reject) => {
      const answer = (): void => {
        let result: T
        try {
          result = sample()
        } catch (error) {
          this.later(() => reject(error))
          return
        }
        if (this.world.healing || this.world.chance.happens(0.7)) resolve(result)
        else this.later(() => resolve(result))
      }
      this.later(answer, may)
    })
  }

  later(run: () => void, ready: () => boolean = always): void {
    if (this.alive) this.inbox.push({ run, ready })
  }

  /** Lets one thing happen; false when nothing could. */
  step(): boolean {
    const { inbox, world } = this
    if (world.chance.happens(0.03)) this.tick()
    for (let tries = 3; tries > 0 && inbox.length > 0; tries--) {
      const index = world.chance.below(inbox.length)
      const pending = inbox[index]!
      if (!pending.ready()) continue
      inbox[index] = inbox[inbox.length - 1]!
      inbox.pop()
      pending.run()
      return true
    }
    return false
  }

  /** Lets the oldest thing that can happen happen. */
  stepInOrder(): boolean {
    const index = this.inbox.findIndex(pending => pending.ready())
    if (index < 0) return false
    const [pending] = this.inbox.splice(index, 1)
    pending!.run()
    return true
  }

  /** Calls `task` when the process is killed: for what goes on without it. */
  onCrash(task: () => void): void {
    this.crashes.push(task)
  }

  tick(): void {
    for (const task of this.tickers) task()
  }

  /** kill -9 */
  crash(): void {
    this.alive = false
    this.inbox = []
    this.tickers = []
    for (const task of this.crashes.splice(0)) task()
  }

  now = (): number => this.world.timeMs + this.skewMs

  randomBytes = (length: number): Uint8Array => this.world.chance.bytes(length)

  schedule = (task: () => void): void => this.later(task)

  delay = (ms: number, signal?: AbortSignal): Promise<void> => {
    const { world } = this
    const due = world.timeMs + ms
    return new Promise((resolve, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
      if (signal?.aborted === true) reject(signal.reason as Error)
      // A process may be slow, never early: the time of the whole world goes on to when the timer is due.
      this.later(
        () => {
          world.timeMs = Math.max(world.timeMs, due)
          if (this.hasLimits) world.events++
          resolve()
        },
        () => world.timeMs >= due || world.healing || world.mayLeap()
      )
    })
  }

  /** A time limit: nothing waits for it, so the world's time does not go on to it. */
  after = (ms: number, task: () => void): (() => void) => {
    const { world } = this
    const due = world.timeMs + ms
    let cancelled = false
    this.later(
      () => {
        if (!cancelled) task()
      },
      () => cancelled || (!world.healing && world.timeMs >= due)
    )
    return () => {
      cancelled = true
    }
  }

  every = (_ms: number, task: () => void): (() => void) => {
    this.tickers.push(task)
    return () => {
      this.tickers = this.tickers.filter(other => other !== task)
    }
  }

  /** The same, as modules of the kafka package and the reader take it. */
  get clock(): Clock {
    return {
      wallMs: this.now,
      steadyMs: () => this.world.timeMs,
      delay: this.delay,
      random: () => this.world.chance.next()
    }
  }
}
