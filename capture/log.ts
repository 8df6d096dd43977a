import { pino, type Logger } from 'pino'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { withoutSecrets } from './config/redaction.ts'

export type LogFormat = 'json' | 'console'
export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

/**
 * Writes log entries. `event` is stable and made for machines: the error's code for errors, `area.what` for the rest.
 * Fields never hold row values.
 */
export interface Log {
  debug(event: string, message: string, fields?: LogFields): void
  info(event: string, message: string, fields?: LogFields): void
  warn(event: string, message: string, fields?: LogFields): void
  /** An error by its own code, place and cure, with the chain of its causes. `fields` are added. */
  failure(error: unknown, fields?: LogFields): void
  /** With them another thread can write to the same log. */
  readonly settings: LogSettings
}

export type LogFields = Readonly<Record<string, unknown>>

export interface LogSettings {
  format: LogFormat
  level: LogLevel
  /** In every entry. */
  subscription: string
  /** Struck out wherever they appear in a line; see secretsOf. */
  secrets: readonly string[]
  color: boolean
}

export interface LogOptions extends LogSettings {
  write: (line: string) => void
}

/** Entries that a program may pass by mistake and that never belong in a log, at the first three depths. */
const sensitive = ['password', 'passphrase', 'token', 'authorization', 'secret', 'connectionString', 'url']
const redact = sensitive.flatMap(name => [name, `*.${name}`, `*.*.${name}`])

export function openLog(options: LogOptions): Log {
  const clean = (line: string) => withoutSecrets(line, options.secrets)
  const write =
    options.format === 'json' ? options.write : (line: string) => options.write(readable(line, options.color))
  const logger = pino(
    {
      level: options.level,
      base: { subscription: options.subscription },
      messageKey: 'message',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
      redact: { paths: redact, censor: '***' },
      hooks: { streamWrite: clean }
    },
    { write }
  )
  const { write: _, ...settings } = options
  return logOn(logger, settings)
}

function logOn(logger: Logger, settings: LogSettings): Log {
  return {
    settings,
    debug: (event, message, fields) => logger.debug({ ...fields, event }, message),
    info: (event, message, fields) => logger.info({ ...fields, event }, message),
    warn: (event, message, fields) => logger.warn({ ...fields, event }, message),
    failure: (error, fields) => logger.error({ ...fields, ...describeError(error) }, messageOf(error))
  }
}

/** An error as log fields: `event` is its code (INTERNAL for what is no TidemarkError), `causes` the messages below it. */
export function describeError(error: unknown): { event: string; place?: string; cure?: string; causes?: string[] } {
  const causes = causesOf(error)
  const chain = causes.length === 0 ? {} : { causes }
  if (!isTidemarkError(error)) return { event: 'INTERNAL', ...chain }
  const place = error.place === undefined ? {} : { place: error.place }
  return { event: error.code, ...place, cure: error.cure, ...chain }
}

const causesMax = 8

function causesOf(error: unknown): string[] {
  const causes: string[] = []
  let cause = error instanceof Error ? error.cause : undefined
  while (cause instanceof Error && causes.length < causesMax) {
    causes.push(cause.message)
    cause = cause.cause
  }
  return causes
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

const shades: Record<string, number> = { error: 31, warn: 33, info: 32, debug: 90, trace: 90 }

/** What `openLog` writes as one line. */
interface Entry {
  subscription: string
  time: string
  level: string
  event: string
  message: string
  place?: string
  cure?: string
  causes?: string[]
  [field: string]: unknown
}

/** `12:30:59.123 warn  SLOT_IN_USE the message (retryInMs=200)`, from a JSON line. */
function readable(line: string, color: boolean): string {
  const { subscription: _, time, level, event, message, cure, place, causes, ...rest } = JSON.parse(line) as Entry
  const paint = (text: string, shade: number) => (color ? `\u001b[${shade}m${text}\u001b[0m` : text)
  const fields = Object.entries(rest).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`
  )
  const lines = [
    `${time.slice(11, 23)} ${paint(level.padEnd(5), shades[level] ?? 0)} ${paint(event, 1)} ${message}${
      fields.length === 0 ? '' : ` (${fields.join(', ')})`
    }`
  ]
  if (place !== undefined) lines.push(`             at:    ${place}`)
  for (const cause of causes ?? []) lines.push(`             cause: ${cause}`)
  if (cure !== undefined) lines.push(`             cure:  ${cure}`)
  return `${lines.join('\n')}\n`
}
