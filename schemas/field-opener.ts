import { constants, createDecipheriv, privateDecrypt } from 'node:crypto'
import { aessiv } from '@noble/ciphers/aes.js'
import { ColumnTextError, columnValue, type ColumnValue } from './column-value.ts'
import {
  AES_GCM,
  AES_GCM_SUBJECT,
  AES_SIV,
  ivBytes,
  keyBound,
  parseProtectedField,
  placeBound,
  RSA_OAEP,
  tagBytes,
  type ProtectedField
} from './protected-field.ts'
import {
  fieldsHeader,
  keysHeader,
  protectionVersion,
  typeOfText,
  versionHeader,
  type FieldNotes,
  type WrappedKeys
} from './protection-headers.ts'
import { subjectBound } from './subject-key.ts'
import type { ReaderKeys } from './reader-keys.ts'

/** Why a field stays as it is. */
export type SealedReason =
  /** This reader has no key for it. */
  | 'no-key'
  /** The key of its subject was destroyed: nobody can open it any more. */
  | 'shredded'
  /** It does not open under its key at this place: changed, or copied from elsewhere. */
  | 'not-genuine'
  /** It is not a protected field of a version known here. */
  | 'not-known'

export type OpenedField = { readonly value: ColumnValue } | { readonly sealed: SealedReason }

/** What opens the fields of one record. */
export interface FieldOpener {
  readonly table: string
  /** Names of the fields that can be opened with the right keys. */
  readonly names: readonly string[]
  /** Opens the text of a field, back to the value its column had (docs/types.md). Throws nothing. */
  open(name: string, text: string): OpenedField
}

export type RecordHeaders = Readonly<Record<string, Uint8Array | string | null | undefined>>

/**
 * The opener of a record's protected fields; null when it has none, or their version is not known here. `topic`: as the
 * agent knows it (on a mirrored cluster, the name before mirroring).
 */
export function fieldOpener(topic: string, headers: RecordHeaders, keys: ReaderKeys): FieldOpener | null {
  if (textOf(headers[versionHeader]) !== protectionVersion) return null
  const notes = jsonOf(headers[fieldsHeader]) as FieldNotes | null
  if (notes === null) return null
  const wrapped = (jsonOf(headers[keysHeader]) ?? {}) as WrappedKeys
  return new RecordOpener(topic, notes, wrapped, keys)
}

class RecordOpener implements FieldOpener {
  readonly table: string
  readonly names: readonly string[]
  private readonly topic: string
  private readonly notes: FieldNotes
  private readonly wrapped: WrappedKeys
  private readonly keys: ReaderKeys

  constructor(topic: string, notes: FieldNotes, wrapped: WrappedKeys, keys: ReaderKeys) {
    this.table = notes.table
    this.names = Object.keys(notes.fields)
    this.topic = topic
    this.notes = notes
    this.wrapped = wrapped
    this.keys = keys
  }

  open(name: string, text: string): OpenedField {
    const field = parseProtectedField(text)
    if (field === null || !Object.hasOwn(this.notes.fields, name)) return { sealed: 'not-known' }
    const plain = this.decrypt(field, name)
    if (typeof plain === 'string') return { sealed: plain }
    return typed(this.notes.fields[name]!.type, plain.toString('utf8'))
  }

  private decrypt(field: ProtectedField, column: string): Buffer | SealedReason {
    const { algorithm, keyId } = field
    const place = { topic: this.topic, table: this.table, column }
    try {
      switch (algorithm) {
        case AES_GCM: {
          const key = this.keys.dataKey(keyId, this.wrapped[keyId.toString('hex')])
          return key === null ? 'no-key' : openGcm(field, key, placeBound(algorithm, keyId, place))
        }
        case AES_GCM_SUBJECT: {
          const found = this.keys.subjectKey(keyId)
          if (typeof found === 'string') return found
          return openGcm(field, found.key, subjectBound(keyId, place, found.handle))
        }
        case RSA_OAEP: {
          const key = this.keys.privateKey(keyId)
          if (key === null) return 'no-key'
          const padding = constants.RSA_PKCS1_OAEP_PADDING
          const oaepLabel = placeBound(algorithm, keyId, place)
          return privateDecrypt({ key, padding, oaepHash: 'sha256', oaepLabel }, field.body)
        }
        case AES_SIV: {
          const key = this.keys.secret(keyId)
          return key === null ? 'no-key' : Buffer.from(aessiv(key, keyBound(algorithm, keyId)).decrypt(field.body))
        }
        default:
          return 'not-known'
      }
    } catch {
      return 'not-genuine'
    }
  }
}

function openGcm({ body }: ProtectedField, key: Buffer, associated: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, body.subarray(0, ivBytes), { authTagLength: tagBytes })
  decipher.setAAD(associated)
  decipher.setAuthTag(body.subarray(body.length - tagBytes))
  const plain = decipher.update(body.subarray(ivBytes, body.length - tagBytes))
  return Buffer.concat([plain, decipher.final()])
}

function typed(type: string, text: string): OpenedField {
  try {
    return { value: columnValue(typeOfText(type), text) }
  } catch (error) {
    if (error instanceof ColumnTextError) return { value: text }
    throw error
  }
}

function textOf(value: Uint8Array | string | null | undefined): string | null {
  if (value === null || value === undefined) return null
  return typeof value === 'string' ? value : Buffer.from(value).toString('utf8')
}

function jsonOf(value: Uint8Array | string | null | undefined): unknown {
  const text = textOf(value)
  if (text === null) return null
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
