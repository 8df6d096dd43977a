import type { ColumnValue } from './column-value.ts'
import type { FieldOpener, SealedReason } from './field-opener.ts'
import { parseJson, type JsonValue } from './json-text.ts'

export interface OpenedJson {
  /** The record's JSON with opened fields in the type their column had; null for a tombstone. */
  readonly value: unknown
  /** Fields that stayed as they are, by path, and why. */
  readonly sealed: Readonly<Record<string, SealedReason>>
}

/** Where formats of JSON keep row images: the object itself, audit-single, Debezium's envelope with and without schema. */
const imagePaths: readonly (readonly string[])[] = [
  [],
  ['beforeImage'],
  ['afterImage'],
  ['before'],
  ['after'],
  ['payload', 'before'],
  ['payload', 'after'],
  ['payload']
]

/** Opens the fields of a JSON key or value; without an opener it is parsed as it is. Throws SyntaxError on what is no JSON. */
export function openJson(json: Uint8Array | string | null, opener: FieldOpener | null): OpenedJson {
  if (json === null) return { value: null, sealed: {} }
  const value = parseJson(json)
  const sealed: Record<string, SealedReason> = {}
  if (opener !== null) for (const path of imagePaths) openImage(value, path, opener, sealed)
  return { value, sealed }
}

function openImage(
  root: JsonValue,
  path: readonly string[],
  opener: FieldOpener,
  sealed: Record<string, SealedReason>
): void {
  const image = path.reduce<unknown>((at, name) => (isMembers(at) ? at[name] : undefined), root)
  if (!isMembers(image)) return
  for (const name of opener.names) {
    const text = Object.hasOwn(image, name) ? image[name] : undefined
    if (typeof text !== 'string') continue
    const opened = opener.open(name, text)
    if ('sealed' in opened) sealed[[...path, name].join('.')] = opened.sealed
    else image[name] = opened.value
  }
}

function isMembers(value: unknown): value is Record<string, ColumnValue> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
