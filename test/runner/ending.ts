/**
 * Aborts on the first signal, or when the run takes too long: running tests are cancelled and servers ended in order.
 * A second signal ends this process at once.
 */
export function endingOf(process: NodeJS.Process, timeoutMs: number): AbortSignal {
  const ending = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (ending.signal.aborted) process.exit(1)
      ending.abort(new Error(`ended by ${signal}`))
    })
  }
  return AbortSignal.any([ending.signal, AbortSignal.timeout(timeoutMs)])
}
