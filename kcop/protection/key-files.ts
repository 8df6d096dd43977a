import { createPublicKey, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { readerKeyId, secretKeys, type SecretKeys } from '@tidemark/schemas/protected-field.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { KeyRule } from '../rules.ts'
import type { ProtectionKey, ProtectionKeys, ReaderPublicKey } from './protection-keys.ts'

/** NIST SP 800-131A: RSA keys below 2048 bits are not to be used. */
const modulusBitsMin = 2_048
const secretBytesMin = 32
const fileBytesMax = 65_536

export const secretCure = 'make one with: openssl rand -base64 32 > FILE; chmod 600 FILE'
const publicCure =
  'make one with: openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072 -out reader.pem; openssl pkey -in reader.pem -pubout -out reader.pub.pem'

/** Loads every key the rules name. Throws KEY_INVALID with the file and the place of the rule. */
export function loadKeys(rules: readonly KeyRule[]): ProtectionKeys {
  return new Map(rules.map(rule => [rule.name, loadKey(rule)]))
}

function loadKey(rule: KeyRule): ProtectionKey {
  return {
    name: rule.name,
    readers: rule.publicKeys.map(file => placed(rule, () => readerKey(read(file), file))),
    secret: rule.secretKey === null ? null : placed(rule, () => secretKey(read(rule.secretKey!), rule.secretKey!)),
    rotateAfterValues: rule.rotateAfterValues,
    rotateAfterMs: rule.rotateAfterMinutes * 60_000
  }
}

/** The public key in the text of a file. Throws KEY_INVALID. */
export function readerKey(text: string, file: string): ReaderPublicKey {
  if (/PRIVATE KEY/.test(text)) {
    throw invalid(file, 'holds a private key: the agent must not have what opens the fields', publicCure)
  }
  const key = publicKeyOf(text, file)
  const { modulusLength = 0 } = key.asymmetricKeyDetails ?? {}
  if (modulusLength < modulusBitsMin) {
    throw invalid(file, `holds an RSA key of ${modulusLength} bits; at least ${modulusBitsMin} are needed`, publicCure)
  }
  return { id: readerKeyId(key.export({ type: 'spki', format: 'der' })), key }
}

function publicKeyOf(text: string, file: string): KeyObject {
  let key: KeyObject
  try {
    key = createPublicKey(text)
  } catch {
    throw invalid(file, 'does not hold a public key in PEM', publicCure)
  }
  if (key.asymmetricKeyType === 'rsa') return key
  throw invalid(file, `holds a key of type ${key.asymmetricKeyType}, not RSA`, publicCure)
}

/** The secret in the text of a file. Throws KEY_INVALID. */
export function secretKey(text: string, file: string): SecretKeys {
  const trimmed = text.replaceAll(/\s+/g, '')
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(trimmed)) throw invalid(file, 'does not hold a secret in base64', secretCure)
  const bytes = Buffer.from(trimmed, 'base64')
  if (bytes.length < secretBytesMin) {
    throw invalid(file, `holds a secret of ${bytes.length} bytes; at least ${secretBytesMin} are needed`, secretCure)
  }
  return secretKeys(bytes)
}

function read(file: string): string {
  try {
    const bytes = readFileSync(file)
    if (bytes.length > fileBytesMax) throw invalid(file, `is larger than ${fileBytesMax} bytes`, 'name the right file')
    return bytes.toString('utf8')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (error instanceof TidemarkError || code === undefined) throw error
    throw invalid(file, `cannot be read (${code})`, 'create it, or correct its name or permissions')
  }
}

function placed<T>(rule: KeyRule, load: () => T): T {
  try {
    return load()
  } catch (error) {
    if (!(error instanceof TidemarkError) || rule.place === null) throw error
    throw new TidemarkError(error.code, { message: error.message, cure: error.cure, place: rule.place })
  }
}

function invalid(file: string, fault: string, cure: string): TidemarkError {
  return new TidemarkError('KEY_INVALID', { message: `the key file ${file} ${fault}`, place: file, cure })
}
