import type { Configuration } from './configuration.ts'

const hidden = '***'

/** The configuration as it may be shown and logged: passwords, private keys and passphrases replaced by `***`. */
export function redacted(configuration: Configuration): Configuration {
  const { postgres, kafka } = configuration
  return {
    ...configuration,
    postgres: { ...postgres, url: withoutPassword(postgres.url) },
    kafka: hideSecrets(kafka) as Configuration['kafka']
  }
}

const secretEntries = new Set(['password', 'key', 'passphrase', 'token'])

function hideSecrets(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, entry]) => [name, secretEntries.has(name) ? hidden : hideSecrets(entry)])
  )
}

/** A database URL without its password: `postgres://user:***@host/database`. */
export function withoutPassword(url: string): string {
  const parsed = new URL(url)
  if (parsed.password !== '') parsed.password = hidden
  for (const name of parsed.searchParams.keys()) if (/password/i.test(name)) parsed.searchParams.set(name, hidden)
  return parsed.href
}

/**
 * The secrets themselves, in each form in which an error of a library could repeat them, so that logs can be cleaned of
 * them. Texts shorter than four characters are left out: they would strike out half of every line.
 */
export function secretsOf(configuration: Configuration): readonly string[] {
  const { url } = configuration.postgres
  const password = new URL(url).password
  const { tls, sasl } = configuration.kafka
  const saslSecret = sasl?.mechanism === 'oauthbearer' ? sasl.token : sasl?.password
  const secrets = [password, decoded(password), tls?.key, tls?.passphrase, saslSecret]
  const known = secrets.filter(secret => typeof secret === 'string' && secret.length >= 4) as string[]
  return [...new Set(known.flatMap(secret => [secret, JSON.stringify(secret).slice(1, -1)]))]
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** `text` with every secret replaced by `***`. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets.reduce((cleaned, secret) => cleaned.replaceAll(secret, hidden), text)
}
