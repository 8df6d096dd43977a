import { constants, createHmac, createSecretKey, publicEncrypt, type KeyObject } from 'node:crypto'
import { aessiv } from '@noble/ciphers/aes.js'
import {
  AES_SIV,
  keyBound,
  placeBound,
  protectedFieldVersion,
  RSA_OAEP,
  type FieldPlace,
  type SecretKeys
} from '@tidemark/schemas/protected-field.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { Scratch } from '../scratch.ts'
import type { ColumnProtector } from './column-protector.ts'
import { writeBase64 } from './field-writer.ts'
import type { ReaderPublicKey } from './protection-keys.ts'

/** OAEP takes two hashes and two bytes of the modulus (RFC 8017, 7.1.1). */
const oaepBytes = 2 * 32 + 2

/** `rsa`: RSA-OAEP with SHA-256 directly under one reader's public key; for short values. */
export class RsaProtector implements ColumnProtector {
  private readonly key: KeyObject
  private readonly label: Buffer
  private readonly prefix: Buffer
  private readonly plainBytesMax: number
  private readonly place: FieldPlace

  constructor(reader: ReaderPublicKey, place: FieldPlace) {
    this.key = reader.key
    this.place = place
    this.prefix = prefixOf(RSA_OAEP, reader.id)
    this.label = placeBound(RSA_OAEP, reader.id, place)
    this.plainBytesMax = (reader.key.asymmetricKeyDetails?.modulusLength ?? 0) / 8 - oaepBytes
  }

  /** Throws ROW_UNSUITABLE for a value longer than the key can take. */
  write(source: Buffer, start: number, end: number, into: Scratch): void {
    if (end - start > this.plainBytesMax) throw this.tooLong()
    const padding = constants.RSA_PKCS1_OAEP_PADDING
    const options = { key: this.key, padding, oaepHash: 'sha256', oaepLabel: this.label }
    const field = Buffer.concat([this.prefix, publicEncrypt(options, source.subarray(start, end))])
    writeBase64(field, field.length, into)
  }

  private tooLong(): TidemarkError {
    const { table, column } = this.place
    return new TidemarkError('ROW_UNSUITABLE', {
      message: `a value of column ${column} of ${table} is longer than the ${this.plainBytesMax} bytes its RSA key can encrypt`,
      cure: 'use `encrypt`, which has no such limit'
    })
  }
}

/** `deterministic`: AES-SIV (RFC 5297); equal values are equal, and can be opened with the secret. */
export class DeterministicProtector implements ColumnProtector {
  private readonly key: Uint8Array
  private readonly associated: Buffer
  private readonly prefix: Buffer

  constructor(secret: SecretKeys) {
    this.key = secret.deterministic
    this.associated = keyBound(AES_SIV, secret.id)
    this.prefix = prefixOf(AES_SIV, secret.id)
  }

  write(source: Buffer, start: number, end: number, into: Scratch): void {
    // A cipher of this library serves one message.
    const sealed = aessiv(this.key, this.associated).encrypt(source.subarray(start, end))
    const field = Buffer.concat([this.prefix, sealed])
    writeBase64(field, field.length, into)
  }
}

/** `tokenise`: HMAC-SHA256 as 43 digits of base64url; equal values are equal, nobody can open them. */
export class TokenProtector implements ColumnProtector {
  private readonly key: KeyObject

  constructor(secret: SecretKeys) {
    this.key = createSecretKey(secret.token)
  }

  write(source: Buffer, start: number, end: number, into: Scratch): void {
    const token = createHmac('sha256', this.key).update(source.subarray(start, end)).digest('base64url')
    const bytes = into.room(token.length)
    into.length += bytes.write(token, into.length, 'latin1')
  }
}

function prefixOf(algorithm: number, keyId: Buffer): Buffer {
  return Buffer.concat([Buffer.of(protectedFieldVersion, algorithm), keyId])
}
