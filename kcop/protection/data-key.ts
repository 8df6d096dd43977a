import { constants, createSecretKey, publicEncrypt, type KeyObject } from 'node:crypto'
import { dataKeyLabel, keyIdBytes } from '@tidemark/schemas/protected-field.ts'
import type { WrappedKey } from '@tidemark/schemas/protection-headers.ts'
import type { ProtectionKey } from './protection-keys.ts'

export interface DataKeyOptions {
  key: ProtectionKey
  /** Milliseconds. */
  now: () => number
  randomBytes: (length: number) => Buffer
}

export const dataKeyBytes = 32

/**
 * The data key under which values are encrypted now, wrapped for each reader's public key. It changes between operations
 * only, by count and by age: random IVs are safe far beyond (2^32 values, NIST SP 800-38D 8.3).
 */
export class DataKey {
  id: Buffer = Buffer.alloc(keyIdBytes)
  /** Values encrypted under it. */
  uses = 0
  /** Rises with each new key. */
  generation = 0
  private secret: KeyObject | null = null
  private since = 0
  private readonly options: DataKeyOptions
  private wrapped: WrappedKey | null = null

  constructor(options: DataKeyOptions) {
    this.options = options
  }

  get name(): string {
    return this.options.key.name
  }

  /** For AES-256-GCM. */
  get current(): KeyObject {
    return this.secret!
  }

  /** For the header that names data keys. */
  get note(): WrappedKey {
    return this.wrapped!
  }

  /** Takes a new key when there is none or this one has served enough. */
  turn(): void {
    const { key, now } = this.options
    const time = now()
    if (this.secret !== null && this.uses < key.rotateAfterValues && time - this.since < key.rotateAfterMs) return
    this.since = time
    this.replace()
  }

  private replace(): void {
    const { key, randomBytes } = this.options
    const bytes = randomBytes(dataKeyBytes)
    this.id = randomBytes(keyIdBytes)
    this.uses = 0
    this.generation++
    this.wrapped = wrapDataKey(key, bytes)
    this.secret = createSecretKey(bytes)
    bytes.fill(0)
  }
}

/** A data key under the public key of every reader. */
export function wrapDataKey(key: ProtectionKey, bytes: Buffer): WrappedKey {
  return { name: key.name, wrapped: Object.fromEntries(key.readers.map(reader => wrap(reader, bytes))) }
}

function wrap(reader: ProtectionKey['readers'][number], bytes: Buffer): [string, string] {
  const padding = constants.RSA_PKCS1_OAEP_PADDING
  const wrapped = publicEncrypt({ key: reader.key, padding, oaepHash: 'sha256', oaepLabel: dataKeyLabel }, bytes)
  return [reader.id.toString('hex'), wrapped.toString('base64')]
}
