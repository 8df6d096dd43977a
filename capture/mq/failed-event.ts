import type { ErrorCode } from '@tidemark/schemas/error-codes.ts'
import { isTidemarkError, TidemarkError } from '@tidemark/schemas/tidemark-error.ts'

/** A TidemarkError as it goes from a process that talks to the queue manager to the one that started it. */
export interface FailedEvent {
  type: 'failed'
  code: ErrorCode
  message: string
  place: string | null
  cure: string
  cause: string | null
}

/** What is no TidemarkError goes as INTERNAL. */
export function failedEvent(error: unknown): FailedEvent {
  const named = isTidemarkError(error)
    ? error
    : new TidemarkError('INTERNAL', { message: error instanceof Error ? error.message : String(error), cause: error })
  const { code, message, place, cure, cause } = named
  return {
    type: 'failed',
    code,
    message,
    place: place ?? null,
    cure,
    cause: cause instanceof Error ? cause.message : null
  }
}

export function errorOf({ code, message, place, cure, cause }: FailedEvent): TidemarkError {
  return new TidemarkError(code, {
    message,
    cure,
    ...(place === null ? {} : { place }),
    ...(cause === null ? {} : { cause: new Error(cause) })
  })
}
