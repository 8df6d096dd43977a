import { setMaxListeners } from 'node:events'

/** An AbortController whose signal many wait on at once: Node warns of a leak at the eleventh listener otherwise. */
export function sharedAbort(): AbortController {
  const controller = new AbortController()
  setMaxListeners(0, controller.signal)
  return controller
}

/** Aborted with the first of them, for many to wait on. */
export function anyAborted(...signals: (AbortSignal | undefined)[]): AbortSignal {
  const signal = AbortSignal.any(signals.filter(signal => signal !== undefined))
  setMaxListeners(0, signal)
  return signal
}
