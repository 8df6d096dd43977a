import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { escapePointer, readablePath, type YamlDocument } from './yaml-document.ts'

interface Unavailable {
  /** Path in the configuration; `*` is any key. */
  path: string
  /** Which values; every one when absent. */
  values?: readonly string[]
}

/**
 * Options the schema knows and this version does not carry out. They are refused, so that nothing is silently ignored.
 * When a feature is built, its line goes.
 */
export const unavailable: readonly Unavailable[] = []

/** One NOT_AVAILABLE for each use of an unavailable option, at its place. */
export function unavailableFaults(document: YamlDocument, list: readonly Unavailable[] = unavailable): TidemarkError[] {
  return list.flatMap(entry =>
    uses(document.root, entry.path.split('.'), '')
      .filter(use => entry.values === undefined || entry.values.includes(String(use.value)))
      .map(use => refusal(use.path, entry, use.value, document))
  )
}

function refusal(path: string, entry: Unavailable, value: unknown, document: YamlDocument): TidemarkError {
  const shown = entry.values === undefined ? '' : ` \`${String(value)}\``
  return new TidemarkError('NOT_AVAILABLE', {
    message: `\`${readablePath(path)}\`${shown} is not available in this version`,
    place: document.placeOf(path, 'key'),
    cure: 'leave it out, or use a version of Tidemark that has it'
  })
}

function uses(value: unknown, parts: readonly string[], at: string): { path: string; value: unknown }[] {
  const [part, ...rest] = parts
  if (part === undefined) return value === undefined ? [] : [{ path: at, value }]
  if (typeof value !== 'object' || value === null) return []
  const record = value as Record<string, unknown>
  const keys = part === '*' ? Object.keys(record) : [part]
  return keys.flatMap(key => uses(record[key], rest, `${at}/${escapePointer(key)}`))
}
