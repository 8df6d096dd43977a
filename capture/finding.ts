import { errorCodes, type ErrorCode } from '@tidemark/schemas/error-codes.ts'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'

export type Severity = 'error' | 'warning' | 'info'

/** Something a command found. */
export interface Finding {
  /** Stable; documented in docs/errors.md. */
  code: ErrorCode
  /** `error`: the agent would not work, or would lose or disorder data. */
  severity: Severity
  /** What is the matter, naming the thing. */
  what: string
  /** Where: a file with line and column, a topic, a table, a server. Empty when `what` says it. */
  place: string
  /** The exact SQL, ACL, command or option that mends it. Empty when nothing is to be done. */
  remedy: string
}

/** An error as a finding. What is no TidemarkError is INTERNAL. */
export function findingOf(error: unknown, severity: Severity = 'error'): Finding {
  if (isTidemarkError(error)) {
    return { code: error.code, severity, what: withCause(error), place: error.place ?? '', remedy: error.cure }
  }
  const what = error instanceof Error ? error.message : String(error)
  return { code: 'INTERNAL', severity, what, place: '', remedy: errorCodes.INTERNAL.cure }
}

/** What a library said below is often the one thing that helps. */
function withCause(error: Error): string {
  const { cause } = error
  if (!(cause instanceof Error) || cause.message === '' || error.message.includes(cause.message)) return error.message
  return `${error.message} (${cause.message})`
}

export function hasErrors(findings: readonly Finding[]): boolean {
  return findings.some(finding => finding.severity === 'error')
}

/** In the order of the configuration file, as far as findings have a line and column of it. */
export function inOrderOfPlace(findings: readonly Finding[]): Finding[] {
  const offset = ({ place }: Finding) => {
    const [, line, column] = /:(\d+):(\d+)$/.exec(place) ?? []
    return Number(line ?? 0) * 1_000_000 + Number(column ?? 0)
  }
  return [...findings].sort((a, b) => offset(a) - offset(b))
}

const order: Record<Severity, number> = { error: 0, warning: 1, info: 2 }

/** Errors first; otherwise in the order found. */
export function bySeverity(findings: readonly Finding[]): Finding[] {
  return [...findings].sort((a, b) => order[a.severity] - order[b.severity])
}
