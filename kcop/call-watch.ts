/**
 * Told when code of a processor runs, so that another thread can see a call that does not come back, and so that many
 * calls in a row do not keep the event loop from its timers.
 */
export interface CallWatch {
  /** A number for `what`: a processor's file and what it is called for. */
  label(what: string): number
  enter(label: number): void
  leave(): void
  /** When calls have taken long enough without it: resolves after a turn of the event loop. null: go on. */
  turn(): Promise<void> | null
}

/** For tools and tests: nobody looks. */
export const unwatched: CallWatch = { label: () => 0, enter: () => {}, leave: () => {}, turn: () => null }
