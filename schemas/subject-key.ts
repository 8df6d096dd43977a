import { createHash } from 'node:crypto'
import { AES_GCM_SUBJECT, placeBound, type FieldPlace } from './protected-field.ts'
import type { WrappedKey } from './protection-headers.ts'

/*
 * Data keys of single data subjects, in a compacted topic whose name ends in `.subject-keys`. One record for each key:
 *
 *   key    <handle of the subject, 64 hex digits>/<data key id, 16 hex digits>
 *   value  {"name":"pii","wrapped":{"<reader key id, hex>":"<base64>"}}; absent (a tombstone): the key was destroyed
 *
 * A record may be of a transaction that was never named: its key then protects nothing.
 */

/** Topics whose names end so hold keys: readers of all topics leave them out. */
const suffix = '.subject-keys'

export function subjectKeysTopic(prefix: string): string {
  return `${prefix}${suffix}`
}

export function isSubjectKeysTopic(topic: string): boolean {
  return topic.endsWith(suffix)
}

/** What stands for a subject: SHA-256 of `tidemark subject 1`, the key's name and the subject's text, parted by NUL; hex. */
export function subjectHandle(keyName: string, subject: string): string {
  return createHash('sha256').update(`tidemark subject 1\0${keyName}\0${subject}`).digest('hex')
}

/** Associated data of a field under a subject's key: that of its place, then the handle's 32 bytes. */
export function subjectBound(keyId: Uint8Array, place: FieldPlace, handle: string): Buffer {
  return Buffer.concat([placeBound(AES_GCM_SUBJECT, keyId, place), Buffer.from(handle, 'hex')])
}

/** A subject's data key as it is stored. */
export interface SubjectKey {
  readonly handle: string
  readonly wrapped: WrappedKey
}

export function subjectKeyRecord(
  handle: string,
  keyId: Uint8Array,
  wrapped: WrappedKey
): { key: string; value: string } {
  return { key: `${handle}/${Buffer.from(keyId).toString('hex')}`, value: JSON.stringify(wrapped) }
}

const recordKey = /^([0-9a-f]{64})\/([0-9a-f]{16})$/

/** The subject and the data key id of a record's key; null when it is another record. */
export function subjectKeyOf(key: string): { handle: string; keyId: string } | null {
  const match = recordKey.exec(key)
  return match === null ? null : { handle: match[1]!, keyId: match[2]! }
}

/** The wrapped key of a record's value; null when it is none. */
export function wrappedKeyOf(value: string): WrappedKey | null {
  try {
    const parsed = JSON.parse(value) as Partial<WrappedKey> | null
    const isKey = typeof parsed?.name === 'string' && typeof parsed.wrapped === 'object' && parsed.wrapped !== null
    return isKey ? (parsed as WrappedKey) : null
  } catch {
    return null
  }
}
