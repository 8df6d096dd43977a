import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import type { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { nearest } from './nearest.ts'
import { hasReference, invalid } from './references.ts'
import { configurationSchema } from './schema.ts'
import { escapePointer, readablePath, type YamlDocument } from './yaml-document.ts'

/** What the schema says of one place, as far as messages need it. */
interface SchemaNotes {
  'x-must'?: string
  'x-secret'?: boolean
  properties?: Record<string, unknown>
  type?: string
}

const ajv = new Ajv({
  allErrors: true,
  verbose: true,
  useDefaults: true,
  strict: true,
  strictRequired: false,
  allowUnionTypes: true
})
ajv.addVocabulary(['x-must', 'x-secret', 'x-may-be-empty', 'x-key'])
const validateConfiguration = ajv.compile(configurationSchema)

/** A check against another schema of the same kind, for `schemaFaults`. */
export function schemaCheck(schema: object): ValidateFunction {
  return ajv.compile(schema)
}

/**
 * Checks `document.root` against the schema and fills in its defaults. Returns every fault as CONFIG_INVALID with place,
 * path and what would be right; never the value of a secret or of anything that came through a reference. Nothing is said
 * of the paths in `unresolved`, which were reported already.
 */
export function schemaFaults(
  document: YamlDocument,
  unresolved: ReadonlySet<string>,
  validate: ValidateFunction = validateConfiguration
): TidemarkError[] {
  fillEmptyMappings(document.root)
  if (validate(document.root)) return []
  if (convertReferences(document, validate.errors ?? []) && validate(document.root)) return []
  const references = new Set(document.scalars.filter(scalar => hasReference(scalar.text)).map(scalar => scalar.path))
  return withoutBranches(validate.errors ?? [])
    .filter(error => !unresolved.has(error.instancePath))
    .map(error => faultOf(error, document, references))
}

/** `public.account:` with nothing behind it means `{}`; so do the other places the schema marks `x-may-be-empty`. */
function fillEmptyMappings(root: unknown): void {
  const { tables, outbox, kafka } = (root ?? {}) as Record<string, unknown>
  for (const mapping of [tables, outbox, (outbox as Record<string, unknown> | undefined)?.['message']]) {
    fillEmpty(mapping, () => true)
  }
  fillEmpty(kafka, key => key === 'tls')
}

function fillEmpty(mapping: unknown, applies: (key: string) => boolean): void {
  if (typeof mapping !== 'object' || mapping === null) return
  const record = mapping as Record<string, unknown>
  for (const key of Object.keys(record)) if (record[key] === null && applies(key)) record[key] = {}
}

/** What came through `${VAR}` is text; where a number or a boolean is wanted, it is read as one. True if any was. */
function convertReferences(document: YamlDocument, errors: readonly ErrorObject[]): boolean {
  const wanted = new Map(errors.filter(e => e.keyword === 'type').map(e => [e.instancePath, String(e.params['type'])]))
  let converted = false
  for (const scalar of document.scalars) {
    if (!hasReference(scalar.text)) continue
    const value = readAs(wanted.get(scalar.path), errors.find(e => e.instancePath === scalar.path)?.data)
    if (value === undefined) continue
    scalar.replace(value)
    converted = true
  }
  return converted
}

function readAs(type: string | undefined, text: unknown): number | boolean | undefined {
  if (typeof text !== 'string') return undefined
  if ((type === 'integer' || type === 'number') && /^-?\d+(\.\d+)?$/.test(text)) return Number(text)
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true'
  return undefined
}

/** Of a union that nothing matched, only the union itself is worth a message. */
function withoutBranches(errors: readonly ErrorObject[]): ErrorObject[] {
  const unions = errors.filter(error => error.keyword === 'anyOf')
  return errors.filter(
    error => !unions.some(union => error !== union && error.schemaPath.startsWith(`${union.schemaPath}/`))
  )
}

function faultOf(error: ErrorObject, document: YamlDocument, references: ReadonlySet<string>): TidemarkError {
  const path = error.instancePath
  const schema = (error.parentSchema ?? {}) as SchemaNotes
  if (error.keyword === 'additionalProperties') {
    return unknownEntry(
      path,
      String(error.params['additionalProperty']),
      Object.keys(schema.properties ?? {}),
      document
    )
  }
  if (error.keyword === 'required') return missingEntry(path, String(error.params['missingProperty']), document)
  const name = path === '' ? 'the configuration' : `\`${readablePath(path)}\``
  const shown = schema['x-secret'] || references.has(path) ? '' : shownValue(error.data)
  const { message, cure } = wording(error, schema, name, shown)
  return invalid(message, document.placeOf(path), cure)
}

function unknownEntry(path: string, key: string, known: string[], document: YamlDocument): TidemarkError {
  const at = `${path}/${escapePointer(key)}`
  const meant = nearest(key, known)
  const cure = meant === null ? `known here: ${known.join(', ')}` : `did you mean \`${meant}\`?`
  return invalid(`\`${readablePath(at)}\` is not a known entry`, document.placeOf(at, 'key'), cure)
}

function missingEntry(path: string, key: string, document: YamlDocument): TidemarkError {
  const at = `${path}/${escapePointer(key)}`
  return invalid(`\`${readablePath(at)}\` is missing`, document.placeOf(path, 'key'), `add \`${readablePath(at)}\``)
}

function wording(
  error: ErrorObject,
  schema: SchemaNotes,
  name: string,
  shown: string
): { message: string; cure: string } {
  const must = schema['x-must']
  switch (error.keyword) {
    case 'type':
      if (must !== undefined && Array.isArray(error.params['type'])) {
        return { message: `${name} is ${kindOf(error.data)}`, cure: `it must ${must}` }
      }
      return {
        message: `${name} is ${kindOf(error.data)}, not ${typeNames[String(error.params['type'])]}`,
        cure: typeCure(String(error.params['type']), error.data)
      }
    case 'enum': {
      const allowed = (error.params['allowedValues'] as string[]).map(String)
      const meant = typeof error.data === 'string' && shown !== '' ? nearest(error.data, allowed) : null
      const hint = meant === null ? '' : `did you mean \`${meant}\`? `
      return { message: `${name}${shown} is not a known value`, cure: `${hint}use one of: ${allowed.join(', ')}` }
    }
    case 'minimum':
    case 'maximum':
      return {
        message: `${name}${shown} is out of range`,
        cure: `it must be ${error.message?.replace('must be ', '')}`
      }
    case 'minItems':
    case 'minLength':
      return {
        message: `${name} is ${Number(error.params['limit']) > 1 ? 'too short' : 'empty'}`,
        cure: must === undefined ? 'give at least one' : `it must ${must}`
      }
    default:
      return { message: `${name}${shown} is not valid`, cure: `it must ${must ?? error.message?.replace('must ', '')}` }
  }
}

const typeNames: Record<string, string> = {
  object: 'a mapping',
  array: 'a list',
  string: 'text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false'
}

function kindOf(value: unknown): string {
  if (value === null) return 'empty'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a mapping'
  if (typeof value === 'string') return 'text'
  return typeof value === 'boolean' ? 'true or false' : 'a number'
}

function typeCure(type: string, value: unknown): string {
  if (type === 'string' && (typeof value === 'number' || typeof value === 'boolean')) return 'put it in quotes'
  if (type === 'array' && typeof value === 'string') return 'write a list: [ ... ]'
  if (type === 'boolean') return 'write true or false'
  return `write ${typeNames[type]}`
}

function shownValue(value: unknown): string {
  if (typeof value === 'string') return value.length <= 60 ? ` \`${value}\`` : ''
  return typeof value === 'number' || typeof value === 'boolean' ? ` \`${value}\`` : ''
}
