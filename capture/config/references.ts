import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'

/** Where the values of `${VAR}` and `${file:path}` come from. */
export interface ReferenceSource {
  variable(name: string): string | undefined
  /** Content of a file, `path` relative to the configuration file. Throws when it cannot be read. */
  file(path: string): string
}

/** `$${` is a literal `${`; otherwise a reference. */
const reference = /\$\$\{|\$\{([^}]*)\}/g
const referenceForm = /^(?:file:(?<path>.+)|(?<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?<byDefault>.*))?)$/

/** Stands for itself: a part of the outbox `topic`, as in Debezium's configuration. */
const notVariables = new Set(['routedByValue'])

export function hasReference(text: string): boolean {
  return /\$\{/.test(text)
}

/**
 * `text` with its references replaced. Faults (CONFIG_INVALID) go to `report`, by the name of the reference and never
 * with a value.
 */
export function resolveReferences(
  text: string,
  source: ReferenceSource,
  report: (message: string, cure: string) => void
): string {
  return text.replace(reference, (whole: string, inner: string | undefined) => {
    if (inner === undefined) return '${'
    if (notVariables.has(inner)) return whole
    return resolved(inner, source, report) ?? whole
  })
}

function resolved(
  inner: string,
  source: ReferenceSource,
  report: (message: string, cure: string) => void
): string | undefined {
  const { path, name, byDefault } = referenceForm.exec(inner)?.groups ?? {}
  if (path !== undefined) return fileContent(path, source, report)
  if (name === undefined) {
    report(
      `\`\${${inner}}\` is not a reference`,
      'write `${VAR}`, `${VAR:-default}` or `${file:path}`; `$${` for a literal `${`'
    )
    return undefined
  }
  const value = source.variable(name)
  // As in the shell, `:-` also replaces a variable that is set but empty.
  if (byDefault !== undefined) return value === undefined || value === '' ? byDefault : value
  if (value === undefined) {
    report(`the environment variable ${name} is not set`, `set ${name}, or give a default: \`\${${name}:-default}\``)
  }
  return value
}

/** The last line break of the file does not count: editors add it. */
function fileContent(path: string, source: ReferenceSource, report: (message: string, cure: string) => void) {
  try {
    return source.file(path).replace(/\r?\n$/, '')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error'
    report(
      `the file ${path} cannot be read (${code})`,
      'create the file, or correct its path, relative to the configuration file'
    )
    return undefined
  }
}

export function invalid(message: string, place: string, cure: string): TidemarkError {
  return new TidemarkError('CONFIG_INVALID', { message, place, cure })
}
