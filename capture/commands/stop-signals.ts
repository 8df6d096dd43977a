import { constants } from 'node:os'

/** The part of a process that stopping needs. */
export interface Stoppable {
  on(signal: 'SIGTERM' | 'SIGINT', listener: () => void): unknown
  off(signal: 'SIGTERM' | 'SIGINT', listener: () => void): unknown
  exit(code: number): void
}

export interface StopSignals {
  /** Aborted by the first SIGTERM or SIGINT. */
  readonly signal: AbortSignal
  forget(): void
}

/** The first SIGTERM or SIGINT asks to drain, the second ends at once with 128 + its number. */
export function stopSignals(process: Stoppable): StopSignals {
  const controller = new AbortController()
  const listeners = (['SIGTERM', 'SIGINT'] as const).map(name => {
    const listener = () => {
      if (controller.signal.aborted) process.exit(128 + constants.signals[name])
      controller.abort()
    }
    process.on(name, listener)
    return { name, listener }
  })
  return {
    signal: controller.signal,
    forget: () => listeners.forEach(({ name, listener }) => process.off(name, listener))
  }
}
