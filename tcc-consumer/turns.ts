import { setImmediate } from 'node:timers/promises'
import type { Clock } from '@tidemark/kafka/clock.ts'

/** A loop may run this long on fetched data before sockets and timers get a turn: the next fetch comes in meanwhile. */
const turnMs = 4
/** The clock is looked at once in so many steps. */
const stepsPerLook = 16

/** A loop over fetched data never leaves the microtask queue: without turns nothing would be fetched while it runs. */
export class Turns {
  private readonly clock: Clock
  private steps = stepsPerLook
  private lastMs = 0

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** Whether it is time for `give`; call at every step. */
  isDue(): boolean {
    if (--this.steps > 0) return false
    this.steps = stepsPerLook
    return this.clock.steadyMs() - this.lastMs >= turnMs
  }

  /** Lets the event loop go round once. */
  async give(): Promise<void> {
    await setImmediate()
    this.given()
  }

  /** The event loop went round by itself. */
  given(): void {
    this.lastMs = this.clock.steadyMs()
    this.steps = stepsPerLook
  }
}
