import { createHash, hkdfSync } from 'node:crypto'

/*
 * A protected field, version 1: base64 (with padding) of
 *
 *   version     1 byte, 1
 *   algorithm   1 byte, see below
 *   key id      8 bytes: data key (1, 4), reader's key (2), secret key (3)
 *   body        1: IV (12 bytes), ciphertext, tag (16 bytes)    AES-256-GCM under a data key
 *               2: ciphertext                                  RSA-OAEP with SHA-256, directly under a reader's public key
 *               3: synthetic IV (16 bytes), ciphertext          AES-SIV (RFC 5297) with a key of 512 bits
 *               4: as 1                                        AES-256-GCM under a data key of the value's subject
 *
 * The plaintext is the value in PostgreSQL's text form, UTF-8. The associated data (the label of OAEP) binds 1 and 2 to
 * their place, so that a ciphertext copied to another topic, table or column does not open. 3 is bound to its key alone:
 * equal values are to be equal in every table that joins on them. 4 is bound to its subject too (subject-key.ts).
 */
export const protectedFieldVersion = 1
export const keyIdBytes = 8
export const prefixBytes = 2 + keyIdBytes
export const ivBytes = 12
export const tagBytes = 16

export const AES_GCM = 1
export const RSA_OAEP = 2
export const AES_SIV = 3
export const AES_GCM_SUBJECT = 4

/** Place of a field: what its ciphertext is bound to. */
export interface FieldPlace {
  readonly topic: string
  /** `schema.table` */
  readonly table: string
  readonly column: string
}

/** Associated data of AES-GCM, label of RSA-OAEP: version, algorithm, key id, then each part with its length (2 bytes). */
export function placeBound(algorithm: number, keyId: Uint8Array, { topic, table, column }: FieldPlace): Buffer {
  const parts = [topic, table, column].flatMap(text => {
    const bytes = Buffer.from(text)
    const length = Buffer.alloc(2)
    length.writeUInt16BE(bytes.length)
    return [length, bytes]
  })
  return Buffer.concat([keyBound(algorithm, keyId), ...parts])
}

/** Associated data of AES-SIV: version, algorithm, key id. */
export function keyBound(algorithm: number, keyId: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(protectedFieldVersion, algorithm), keyId])
}

/** The label under which data keys are wrapped by RSA-OAEP. */
export const dataKeyLabel = Buffer.from('tidemark data key 1')

/** The id of a reader's RSA key: the first 8 bytes of SHA-256 of its public key in SPKI DER. */
export function readerKeyId(spkiDer: Uint8Array): Buffer {
  return createHash('sha256').update(spkiDer).digest().subarray(0, keyIdBytes)
}

/** What one secret is used for, each under a key of its own (HKDF with SHA-256, RFC 5869, no salt). */
export interface SecretKeys {
  readonly id: Buffer
  /** For AES-SIV: 64 bytes. */
  readonly deterministic: Buffer
  /** For HMAC-SHA256: 32 bytes. */
  readonly token: Buffer
}

export function secretKeys(secret: Uint8Array): SecretKeys {
  const derive = (purpose: string, length: number) =>
    Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), `tidemark ${purpose} 1`, length))
  return { id: derive('key id', keyIdBytes), deterministic: derive('deterministic', 64), token: derive('token', 32) }
}

/** A protected field taken apart. */
export interface ProtectedField {
  readonly algorithm: number
  readonly keyId: Buffer
  readonly body: Buffer
}

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/** Takes the text of a field apart; null when it is not one of this version. */
export function parseProtectedField(text: string): ProtectedField | null {
  if (!base64.test(text)) return null
  const bytes = Buffer.from(text, 'base64')
  if (bytes.length < prefixBytes || bytes[0] !== protectedFieldVersion) return null
  return { algorithm: bytes[1]!, keyId: bytes.subarray(2, prefixBytes), body: bytes.subarray(prefixBytes) }
}
