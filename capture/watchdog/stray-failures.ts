import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'

/** What fails outside of any call, as the process tells it. */
export interface StrayFailures {
  /** Rejects with the first one; never resolves. */
  readonly failed: Promise<never>
  forget(): void
}

/**
 * Hears errors that nobody catches while processors are run: a timer or a promise that one of them left behind. Without
 * it Node ends the process with a message that may quote row values. `files`: of the processors, to tell which it was.
 */
export function strayFailures(process: NodeJS.Process, files: readonly string[]): StrayFailures {
  const { promise, reject } = Promise.withResolvers<never>()
  promise.catch(() => {})
  let heard = false
  const hear = (error: unknown) => {
    heard = true
    reject(strayError(error, files))
  }
  process.on('uncaughtException', hear)
  process.on('unhandledRejection', hear)
  return {
    failed: promise,
    forget() {
      // Where one was, more may follow while the process ends: they must not be told by Node, with their values.
      if (heard) return
      process.off('uncaughtException', hear)
      process.off('unhandledRejection', hear)
    }
  }
}

/** Never the message of the error, which may quote row values. What points to no processor's file is no processor's. */
function strayError(error: unknown, files: readonly string[]): unknown {
  const stack = error instanceof Error && typeof error.stack === 'string' ? error.stack : ''
  const frames = stack.split('\n').filter(line => /^\s+at .*:\d+:\d+\)?$/.test(line))
  const frame = frames.find(line => files.some(file => line.includes(file)))
  if (frame === undefined && frames.length > 0) return error
  const file = files.find(name => frame?.includes(name)) ?? files.join(', ')
  const name = error instanceof Error && /^[A-Za-z]{1,64}$/.test(error.name) ? error.name : 'an error'
  return new TidemarkError('PROCESSOR_STRAY', {
    message: `a processor left something behind that failed: ${name}`,
    place: `${file}${/:\d+:\d+(?=\)?$)/.exec(frame ?? '')?.[0] ?? ''}`
  })
}
