import type { ColumnType, TypeKind } from './table.ts'

/*
 * Headers of a record with protected fields that can be opened again:
 *
 *   tidemark.enc.v       `1`
 *   tidemark.enc.fields  {"table":"public.customer","fields":{"ssn":{"key":"pii","algorithm":"A256GCM","type":"text"}}}
 *   tidemark.enc.keys    {"<data key id, hex>":{"name":"pii","wrapped":{"<reader key id, hex>":"<base64>"}}}
 */
export const versionHeader = 'tidemark.enc.v'
export const fieldsHeader = 'tidemark.enc.fields'
export const keysHeader = 'tidemark.enc.keys'
export const protectionVersion = '1'

export type FieldAlgorithm = 'A256GCM' | 'RSA-OAEP-256' | 'A256SIV' | 'A256GCM-SUBJECT'

export interface FieldNote {
  /** Name of the key in the agent's configuration. */
  readonly key: string
  readonly algorithm: FieldAlgorithm
  /** Type before protection, as `typeText` writes it. */
  readonly type: string
  /** With A256GCM-SUBJECT: the topic its data keys are in. */
  readonly keys?: string
}

export interface FieldNotes {
  /** `schema.table` */
  readonly table: string
  readonly fields: Readonly<Record<string, FieldNote>>
}

export interface WrappedKey {
  readonly name: string
  /** By reader key id in hexadecimal digits: the data key under RSA-OAEP, base64. */
  readonly wrapped: Readonly<Record<string, string>>
}

export type WrappedKeys = Readonly<Record<string, WrappedKey>>

/** `int8`, `text[]`; `box` for its own delimiter. */
export function typeText(type: ColumnType): string {
  if (type.kind === 'array' && type.element !== null) return `${typeText(type.element)}[]`
  return type.name === 'box' ? 'box' : type.kind
}

/** The type of a text of `typeText`. */
export function typeOfText(text: string): ColumnType {
  if (text.endsWith('[]')) {
    const element = typeOfText(text.slice(0, -2))
    return { oid: 0, name: `_${element.name}`, kind: 'array', element, modifier: -1 }
  }
  const kind = (text === 'box' ? 'other' : text) as TypeKind
  return { oid: 0, name: text, kind, element: null, modifier: -1 }
}
