import { setTimeout } from 'node:timers/promises'

/** Time and chance, as arguments: so that tests decide both. */
export interface Clock {
  /** Milliseconds since 1970, as records carry them; may jump. */
  wallMs(): number
  /** Milliseconds that only rise, for measuring how long something takes. */
  steadyMs(): number
  /** Resolves after `ms`; rejects with the signal's reason when it is aborted before. */
  delay(ms: number, signal?: AbortSignal): Promise<void>
  /** 0 <= x < 1. */
  random(): number
}

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  steadyMs: () => performance.now(),
  delay,
  random: () => Math.random()
}

async function delay(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await setTimeout(ms, undefined, signal === undefined ? {} : { signal })
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  }
}

export interface Backoff {
  firstMs: number
  maxMs: number
}

/**
 * Milliseconds to wait before try number `attempt` (1 = the first repetition): doubles up to `maxMs`, spread by a fifth
 * to both sides so that many clients do not come back together.
 */
export function backoffMs(attempt: number, backoff: Backoff, random: number): number {
  const grown = Math.min(backoff.maxMs, backoff.firstMs * 2 ** Math.min(attempt - 1, 30))
  return Math.round(grown * (0.8 + 0.4 * random))
}
