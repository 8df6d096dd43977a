import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { complete } from './completion.ts'
import type { Configuration, MqSubscription } from './configuration.ts'
import { invalid, resolveReferences, type ReferenceSource } from './references.ts'
import { ruleFaults } from './rules.ts'
import type { ConfigurationFile } from './schema.ts'
import { schemaFaults } from './schema-faults.ts'
import { unavailableFaults } from './unavailable.ts'
import { parseYaml, readablePath, type YamlDocument } from './yaml-document.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** Either the configuration, or all that is wrong with it: CONFIG_UNREADABLE, CONFIG_INVALID, NOT_AVAILABLE, by place. */
export type ReadConfiguration = { configuration: Configuration } | { faults: readonly TidemarkError[] }

/** The same of any source: the configuration may be that of a subscription to queues. */
export type ReadSubscription = { configuration: Configuration | MqSubscription } | { faults: readonly TidemarkError[] }

const fileBytesMax = 1_000_000

/** Reads the configuration file of a subscription to tables. `file` appears in places as it was given. Throws nothing. */
export function readConfiguration(file: string, environment: Environment): ReadConfiguration {
  return withTables(readSubscription(file, environment), file)
}

/** Reads the configuration file of any subscription. Throws nothing. */
export function readSubscription(file: string, environment: Environment): ReadSubscription {
  return readSettings(file, environment, parseSubscription)
}

/** Reads a file of settings that `parse` understands. Throws nothing. */
export function readSettings<T>(
  file: string,
  environment: Environment,
  parse: (text: string, file: string, references: ReferenceSource) => T
): T | { faults: readonly TidemarkError[] } {
  try {
    const text = readFileSync(file)
    if (text.length > fileBytesMax) {
      return { faults: [unreadable(file, `is larger than ${fileBytesMax} bytes`, 'name the right file with -c')] }
    }
    return parse(text.toString(), file, referencesOf(file, environment))
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === undefined) throw error
    return { faults: [unreadable(file, `cannot be read (${code})`, 'create it, or name another with -c')] }
  }
}

/** The same for a text already read; `file` names it in places and is what relative paths start from. */
export function parseConfiguration(text: string, file: string, references: ReferenceSource): ReadConfiguration {
  return withTables(parseSubscription(text, file, references), file)
}

function withTables(read: ReadSubscription, file: string): ReadConfiguration {
  if ('faults' in read) return read
  const { configuration } = read
  if (configuration.mq === undefined) return { configuration }
  const message = `${file} is the configuration of a subscription to queues, for which this is not available`
  return { faults: [new TidemarkError('NOT_AVAILABLE', { message, place: file })] }
}

export function parseSubscription(text: string, file: string, references: ReferenceSource): ReadSubscription {
  const document = parseYaml(text, file)
  if (Array.isArray(document)) return { faults: document }
  if (document.root === null) {
    const message = `the configuration file ${file} is empty`
    return { faults: [invalid(message, document.placeOf(''), 'see docs/configuration.md for an example')] }
  }
  const unresolved = replaceReferences(document, references)
  const wrong = schemaFaults(document, new Set(unresolved.map(({ path }) => path)))
  const later = unavailableFaults(document)
  // Rules look at values the schema has vouched for; what could not be resolved would only fail again.
  const rules =
    wrong.length === 0 && unresolved.length === 0
      ? ruleFaults(document.root as ConfigurationFile, document, references)
      : []
  const faults = [...unresolved.map(({ fault }) => fault), ...wrong, ...later, ...rules]
  if (faults.length > 0) return { faults: inOrderOfPlace(faults) }
  return { configuration: complete(document.root as ConfigurationFile, resolve(file), document) }
}

/** Values for `${VAR}` from the environment, for `${file:path}` from files relative to the configuration file. */
function referencesOf(file: string, environment: Environment): ReferenceSource {
  return {
    variable: name => environment[name],
    file: path => readFileSync(resolve(dirname(file), path), 'utf8')
  }
}

/** Where `${..}` may have been meant to be a group. */
const outboxTopic = /^\/outbox\/.+\/topic$/

export interface Unresolved {
  path: string
  fault: TidemarkError
}

/** Puts values in the place of references; returns what could not be had. */
export function replaceReferences(document: YamlDocument, references: ReferenceSource): Unresolved[] {
  const unresolved: Unresolved[] = []
  for (const { path, text, replace } of document.scalars) {
    if (!text.includes('${')) continue
    const report = (message: string, cure: string) => {
      const told = outboxTopic.test(path) ? `${cure}; a group of \`routePattern\` is written \`$$\{name}\`` : cure
      const fault = invalid(`\`${readablePath(path)}\`: ${message}`, document.placeOf(path), told)
      unresolved.push({ path, fault })
    }
    replace(resolveReferences(text, references, report))
  }
  return unresolved
}

/** Places end in `:line:column`. */
export function inOrderOfPlace(faults: readonly TidemarkError[]): TidemarkError[] {
  const offset = (fault: TidemarkError) => {
    const [line, column] = (fault.place ?? '').split(':').slice(-2).map(Number)
    return (line ?? 0) * 1_000_000 + (column ?? 0)
  }
  return [...faults].sort((a, b) => offset(a) - offset(b))
}

function unreadable(file: string, message: string, cure: string): TidemarkError {
  return new TidemarkError('CONFIG_UNREADABLE', {
    message: `the configuration file ${file} ${message}`,
    place: file,
    cure
  })
}
