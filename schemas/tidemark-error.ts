import { errorCodes, type ErrorCode } from './error-codes.ts'

export interface ErrorDetail {
  /** What went wrong, naming the thing (table, topic, file). Never row values. */
  message: string
  /** Where: a file with line and column, a topic and partition, a table. */
  place?: string
  /** What to do, when it is more exact than the catalogue's cure: the SQL, the option, the command. */
  cure?: string
  cause?: unknown
}

/** The one error class of Tidemark. `code` is stable and documented in docs/errors.md. */
export class TidemarkError extends Error {
  override readonly name = 'TidemarkError'
  readonly code: ErrorCode
  readonly place: string | undefined
  readonly cure: string

  constructor(code: ErrorCode, detail: ErrorDetail) {
    super(detail.message, detail.cause === undefined ? undefined : { cause: detail.cause })
    this.code = code
    this.place = detail.place
    this.cure = detail.cure ?? errorCodes[code].cure
  }

  /** The error as a person reads it: code and message, then place and cure on lines of their own. */
  format(): string {
    const lines = [`${this.code}: ${this.message}`]
    if (this.place !== undefined) lines.push(`  at:   ${this.place}`)
    lines.push(`  cure: ${this.cure}`)
    return lines.join('\n')
  }
}

export function isTidemarkError(error: unknown, code?: ErrorCode): error is TidemarkError {
  return error instanceof TidemarkError && (code === undefined || error.code === code)
}
