import type { Configuration, MqSubscription, OutputConfiguration } from './configuration.ts'

const hidden = '***'

/** The configuration as it may be shown and logged: passwords, private keys and passphrases replaced by `***`. */
export function redacted(configuration: Configuration): Configuration {
  const { postgres, kafka } = configuration
  return {
    ...configuration,
    postgres: { ...postgres, url: withoutPassword(postgres.url) },
    outbox: {
      tables: configuration.outbox.tables.map(withoutSalts),
      messages: configuration.outbox.messages.map(withoutSalts)
    },
    tables: configuration.tables.map(table => ({ ...withoutSalts(table), also: table.also.map(withoutSalts) })),
    kafka: hideSecrets(kafka) as Configuration['kafka'],
    registry: hideSecrets(configuration.registry) as Configuration['registry']
  }
}

/** The same of a subscription to queues. */
export function redactedQueues(subscription: MqSubscription): MqSubscription {
  const { connection } = subscription.mq
  const mq = { ...subscription.mq, connection: hideSecrets(connection) }
  return { ...subscription, mq, kafka: hideSecrets(subscription.kafka) } as MqSubscription
}

function withoutSalts<T extends Pick<OutputConfiguration, 'columns'>>(output: T): T {
  const rules = output.columns.protected.map(rule =>
    rule.protection.kind === 'hash' ? { ...rule, protection: { ...rule.protection, salt: hidden } } : rule
  )
  return { ...output, columns: { ...output.columns, protected: rules } }
}

function saltsOf(configuration: Configuration): string[] {
  const { tables, messages } = configuration.outbox
  const outputs = [...configuration.tables.flatMap(table => [table, ...table.also]), ...tables, ...messages]
  const rules = outputs.flatMap(output => output.columns.protected.map(({ protection }) => protection))
  return rules.flatMap(protection => (protection.kind === 'hash' ? [protection.salt] : []))
}

const secretEntries = new Set(['password', 'key', 'passphrase', 'token', 'keyRepositoryPassword'])

/** Any settings, with `***` for what stands under the name of a secret. */
export function hideSecrets(value: unknown): unknown {
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

/** Shorter ones would be struck out of half the words there are. */
const strikableLengthMin = 6

/**
 * The secrets themselves, in each form in which an error of a library could repeat them, so that output can be cleaned of
 * them. A second defence, the first being that no message is made with one: a secret that is a common word, since it
 * stands in the rest of the configuration as well (`tidemark`, `postgres`), is left out. Striking it would garble names
 * and SQL, and so betray it.
 */
export function secretsOf(configuration: Configuration | MqSubscription): readonly string[] {
  if (configuration.mq !== undefined) {
    const { password, tls } = configuration.mq.connection
    return strikable(
      [password, tls?.keyRepositoryPassword, ...kafkaSecrets(configuration)],
      redactedQueues(configuration)
    )
  }
  const url = new URL(configuration.postgres.url)
  const inQuery = [...url.searchParams].filter(([name]) => /password/i.test(name)).map(([, value]) => value)
  const secrets = [
    url.password,
    decoded(url.password),
    ...inQuery,
    ...kafkaSecrets(configuration),
    ...saltsOf(configuration),
    configuration.registry?.password,
    configuration.registry?.token
  ]
  return strikable(secrets, redacted(configuration))
}

export function kafkaSecrets({ kafka: { tls, sasl } }: Pick<Configuration, 'kafka'>): unknown[] {
  return [tls?.key, tls?.passphrase, sasl?.mechanism === 'oauthbearer' ? sasl.token : sasl?.password]
}

/** `shown`: the configuration without its secrets. */
export function strikable(secrets: readonly unknown[], shown: object): readonly string[] {
  const visible = JSON.stringify(shown)
  const struck = secrets
    .filter(secret => typeof secret === 'string')
    .filter(secret => secret.length >= strikableLengthMin && !visible.includes(secret))
  return [...new Set(struck.flatMap(secret => [secret, JSON.stringify(secret).slice(1, -1)]))]
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
