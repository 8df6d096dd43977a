import { constants, createPrivateKey, createPublicKey, KeyObject, privateDecrypt } from 'node:crypto'
import { dataKeyLabel, readerKeyId, secretKeys } from './protected-field.ts'
import type { SubjectKey } from './subject-key.ts'
import { TidemarkError } from './tidemark-error.ts'
import type { WrappedKey } from './protection-headers.ts'

export interface ReaderKeysOptions {
  /** RSA private keys, PEM or as Node has them; old ones stay for reading what was written to them. */
  privateKeys?: readonly (string | KeyObject)[]
  /** Data keys of subjects, as far as they were not destroyed. */
  subjectKeys?: StoredSubjectKeys
  /** Texts of the agent's secret key files (base64), for deterministic fields. */
  secretKeys?: readonly string[]
}

/** Where the data keys of subjects are found now. */
export interface StoredSubjectKeys {
  /** `keyId`: hexadecimal digits. null: destroyed, or never there. */
  find(keyId: string): SubjectKey | null
}

const dataKeysMax = 10_000

/** The keys of one reader. Data keys once unwrapped are kept: unwrapping is the slow part (RSA, 3,500/s at 2048 bits). */
export class ReaderKeys {
  private readonly privateKeys: ReadonlyMap<string, KeyObject>
  private readonly secrets: ReadonlyMap<string, Buffer>
  private readonly dataKeys = new Map<string, Buffer>()

  private readonly subjectKeys: StoredSubjectKeys | null

  /** Throws KEY_INVALID. */
  constructor(options: ReaderKeysOptions) {
    this.subjectKeys = options.subjectKeys ?? null
    this.privateKeys = new Map((options.privateKeys ?? []).map(key => identified(privateKeyOf(key))))
    const secrets = (options.secretKeys ?? []).map(text => secretKeys(Buffer.from(text.trim(), 'base64')))
    this.secrets = new Map(secrets.map(({ id, deterministic }) => [id.toString('hex'), deterministic]))
  }

  privateKey(id: Buffer): KeyObject | null {
    return this.privateKeys.get(id.toString('hex')) ?? null
  }

  /** For AES-SIV. */
  secret(id: Buffer): Buffer | null {
    return this.secrets.get(id.toString('hex')) ?? null
  }

  /** The data key, unwrapped by whichever private key it was wrapped for; null when there is none here. */
  dataKey(id: Buffer, wrapped: WrappedKey | undefined): Buffer | null {
    const name = id.toString('hex')
    const known = this.dataKeys.get(name)
    if (known !== undefined) return known
    const key = this.unwrap(wrapped)
    if (key === null) return null
    if (this.dataKeys.size >= dataKeysMax) this.dataKeys.delete(this.dataKeys.keys().next().value!)
    this.dataKeys.set(name, key)
    return key
  }

  /** The data key of a subject with the subject's handle. It is asked for each time, so that one destroyed is used no more. */
  subjectKey(id: Buffer): { key: Buffer; handle: string } | 'shredded' | 'no-key' {
    if (this.subjectKeys === null) return 'no-key'
    const stored = this.subjectKeys.find(id.toString('hex'))
    if (stored === null) {
      this.dataKeys.delete(id.toString('hex'))
      return 'shredded'
    }
    const key = this.dataKey(id, stored.wrapped)
    return key === null ? 'no-key' : { key, handle: stored.handle }
  }

  private unwrap(wrapped: WrappedKey | undefined): Buffer | null {
    for (const [reader, text] of Object.entries(wrapped?.wrapped ?? {})) {
      const key = this.privateKeys.get(reader)
      if (key === undefined) continue
      const padding = constants.RSA_PKCS1_OAEP_PADDING
      try {
        return privateDecrypt(
          { key, padding, oaepHash: 'sha256', oaepLabel: dataKeyLabel },
          Buffer.from(text, 'base64')
        )
      } catch {
        return null
      }
    }
    return null
  }
}

function privateKeyOf(key: string | KeyObject): KeyObject {
  try {
    const object = key instanceof KeyObject ? key : createPrivateKey(key)
    if (object.type === 'private' && object.asymmetricKeyType === 'rsa') return object
  } catch {
    // Told below: what OpenSSL says of a file that is no key helps nobody.
  }
  throw new TidemarkError('KEY_INVALID', {
    message: 'a private key is not an RSA private key in PEM',
    cure: 'give the private key whose public key the agent was given, PKCS#8 PEM'
  })
}

function identified(key: KeyObject): [string, KeyObject] {
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' })
  return [readerKeyId(spki).toString('hex'), key]
}
