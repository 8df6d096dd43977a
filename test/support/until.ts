import { setTimeout as pause } from 'node:timers/promises'

export interface UntilOptions {
  /** Default 30,000. */
  timeoutMs?: number
  /** Between two looks. Default 20. */
  intervalMs?: number
  /** What did not come, for the error: "the slot to be active". A function is called when the time is over. */
  what?: string | (() => string)
}

/**
 * Waits until `look` answers with something truthy, and returns that. A `look` that throws counts as "not yet".
 * Throws when the time is over, with what was awaited and the last error.
 */
export async function until<T>(look: () => T | Promise<T>, options: UntilOptions = {}): Promise<NonNullable<T>> {
  const { timeoutMs = 30_000, intervalMs = 20 } = options
  const deadline = performance.now() + timeoutMs
  let last: unknown
  do {
    try {
      const seen = await look()
      if (seen) return seen
      last = undefined
    } catch (error) {
      last = error
    }
    await pause(intervalMs)
  } while (performance.now() < deadline)
  const what = typeof options.what === 'function' ? options.what() : (options.what ?? look.toString())
  throw new Error(`waited ${timeoutMs} ms in vain for ${what}`, { cause: last })
}
