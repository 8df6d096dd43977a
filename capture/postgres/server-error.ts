import type { ErrorCode } from '@tidemark/schemas/error-codes.ts'
import { isTidemarkError, TidemarkError, type ErrorDetail } from '@tidemark/schemas/tidemark-error.ts'

/** What was being done, for the message: the place never holds a password. */
export interface ServerContext {
  /** `host:port/database as user`. */
  place: string
  /** As in "while <doing>": "creating the publication". */
  doing: string
}

/** What a SQLSTATE means to a statement. */
export interface Meaning {
  code: ErrorCode
  cure?: string
}

/** SQLSTATE (manual, appendix A) to code. Classes stand under their two characters. */
const meanings: Readonly<Record<string, Meaning>> = {
  '08': { code: 'POSTGRES_UNREACHABLE' },
  '28': { code: 'POSTGRES_AUTHENTICATION' },
  '3D000': { code: 'POSTGRES_UNREACHABLE', cure: 'create the database, or correct its name in `postgres.url`' },
  '42501': { code: 'POSTGRES_PERMISSION' },
  '42P01': { code: 'TABLE_MISSING' },
  '53': { code: 'POSTGRES_UNREACHABLE', cure: 'the server is short of memory, disk or another resource: see its log' },
  '53300': {
    code: 'POSTGRES_UNREACHABLE',
    cure: 'all connections are taken: end some, or raise max_connections or max_wal_senders'
  },
  '53400': { code: 'POSTGRES_SETTING', cure: 'raise max_replication_slots, or drop slots that are not used' },
  '55006': { code: 'SLOT_IN_USE' },
  '57P01': { code: 'POSTGRES_UNREACHABLE', cure: 'the server ended the connection: see its log' },
  '57P02': { code: 'POSTGRES_UNREACHABLE', cure: 'the server crashed: see its log' },
  '57P03': { code: 'POSTGRES_UNREACHABLE', cure: 'the server is starting or stopping: try again' },
  '57P05': { code: 'POSTGRES_UNREACHABLE', cure: 'the server ended an idle session' },
  '58P01': { code: 'SLOT_LOST' }
}

/**
 * An error of `pg` or of the socket in Tidemark's words; a TidemarkError passes unchanged. `refined` names codes that
 * this statement gives another meaning. The server's DETAIL is left out, as is the message of data errors (classes 22
 * and 23): they quote values.
 */
export function serverError(
  error: unknown,
  context: ServerContext,
  refined: Readonly<Record<string, Meaning>> = {}
): TidemarkError {
  if (isTidemarkError(error)) return error
  const state = sqlState(error)
  const meaning = state === undefined ? connectionMeaning(error) : stateMeaning(state, refined)
  // A statement that names a code itself handles no rows.
  const quotes = state !== undefined && !Object.hasOwn(refined, state) && quotesValues(state)
  const detail: ErrorDetail = {
    message: `${quotes ? 'the server refused a value' : said(error)} (${state ?? 'no SQLSTATE'}, while ${context.doing})`,
    place: context.place,
    cause: quotes ? undefined : error
  }
  if (meaning.cure !== undefined) detail.cure = meaning.cure
  return new TidemarkError(meaning.code, detail)
}

/** The five characters of an error the server sent; undefined for an error of the connection. Only errnos begin with E. */
export function sqlState(error: unknown): string | undefined {
  const code = errorCode(error)
  return code !== undefined && /^[0-9A-DF-Z][0-9A-Z]{4}$/.test(code) ? code : undefined
}

function stateMeaning(state: string, refined: Readonly<Record<string, Meaning>>): Meaning {
  return refined[state] ?? meanings[state] ?? meanings[state.slice(0, 2)] ?? { code: 'POSTGRES_FAILED' }
}

/** Node's errno, TLS and `pg`'s own plain errors; whatever is not known was still the connection's end. */
function connectionMeaning(error: unknown): Meaning {
  const text = error instanceof Error ? error.message : ''
  if (/password must be a (non-empty )?string|SASL|SCRAM/i.test(text)) return { code: 'POSTGRES_AUTHENTICATION' }
  return { code: 'POSTGRES_UNREACHABLE' }
}

function said(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(said).join('; ')
  return error instanceof Error && error.message !== '' ? error.message : (errorCode(error) ?? 'unknown error')
}

function quotesValues(state: string): boolean {
  return state.startsWith('22') || state.startsWith('23')
}

function errorCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code
  return typeof code === 'string' ? code : undefined
}
