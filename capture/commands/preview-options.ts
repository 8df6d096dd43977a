import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { Invocation } from './invocation.ts'

export interface PreviewOptions {
  /** Present rows of each table. */
  rows: number
  /** When live changes end; null: none are shown. */
  live: { seconds: number; transactions: number } | null
  /** File the operations are written down in; null: none. */
  record: string | null
}

const rowsMax = 1_000
const secondsMax = 86_400

/** The verb's options. Throws USAGE. */
export function previewOptions({ options }: Pick<Invocation, 'options'>): PreviewOptions {
  const live = options['live'] === true
  if (!live && (options['seconds'] !== undefined || options['transactions'] !== undefined)) {
    throw usage('--seconds and --transactions end live changes', 'add --live')
  }
  const record = options['record'] as string | undefined
  return {
    record: record ?? null,
    rows: whole(options['rows'], '--rows', 0, rowsMax) ?? (live ? 0 : 3),
    live: live
      ? {
          seconds: whole(options['seconds'], '--seconds', 1, secondsMax) ?? secondsMax,
          transactions: whole(options['transactions'], '--transactions', 1, Number.MAX_SAFE_INTEGER) ?? Infinity
        }
      : null
  }
}

function whole(value: unknown, name: string, least: number, most: number): number | undefined {
  if (value === undefined) return undefined
  const number = Number(value)
  if (value !== '' && Number.isSafeInteger(number) && number >= least && number <= most) return number
  throw usage(`${name} is not a whole number from ${least} to ${most}`, `for example ${name} 10`)
}

function usage(message: string, cure: string): TidemarkError {
  return new TidemarkError('USAGE', { message, cure })
}
