import type { ConnectionOptions as ConnectionSettings, SASLOptions } from '@platformatic/kafka'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'

/** How to reach a Kafka cluster; the same for the agent and the TCC client. */
export interface KafkaConnection {
  /** `host:port` of some brokers; the others are learnt from them. */
  brokers: readonly string[]
  /** Shown in the brokers' logs and quotas. */
  clientId: string
  /** Absent: plain text. */
  tls?: KafkaTls
  sasl?: KafkaSasl
  timeouts?: KafkaTimeouts
}

/** PEM texts; `{}` checks the broker against the system's authorities. */
export interface KafkaTls {
  ca?: string | readonly string[]
  cert?: string
  key?: string
  passphrase?: string
  /** Name expected in the broker's certificate, when it is not the host name. */
  serverName?: string
  /** false accepts any certificate: for trials only. */
  rejectUnauthorized?: boolean
}

export type KafkaSasl =
  | { mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'; username: string; password: string }
  | { mechanism: 'oauthbearer'; token: string | (() => string | Promise<string>) }

export interface KafkaTimeouts {
  connectMs?: number
  /** How long a request may stay without an answer; a long poll may take as much longer as it waits. */
  requestMs?: number
}

export interface BrokerAddress {
  host: string
  port: number
}

export const timeoutDefaults = { connectMs: 5_000, requestMs: 30_000 } as const satisfies KafkaTimeouts

const mechanisms = ['plain', 'scram-sha-256', 'scram-sha-512', 'oauthbearer'] as const

/**
 * Checks `input` and returns it frozen. `place` (a path in a file, an option's name) begins the places in errors.
 * Throws CONFIG_INVALID naming the entry and what would be right; never the value of a secret.
 */
export function kafkaConnection(input: unknown, place = 'kafka'): Readonly<KafkaConnection> {
  const entries = object(input, place, ['brokers', 'clientId', 'tls', 'sasl', 'timeouts'])
  return Object.freeze({
    brokers: brokerList(entries['brokers'], `${place}.brokers`),
    clientId: entries['clientId'] === undefined ? 'tidemark' : text(entries['clientId'], `${place}.clientId`),
    ...(entries['tls'] === undefined ? {} : { tls: tls(entries['tls'], `${place}.tls`) }),
    ...(entries['sasl'] === undefined ? {} : { sasl: sasl(entries['sasl'], `${place}.sasl`) }),
    ...(entries['timeouts'] === undefined ? {} : { timeouts: timeouts(entries['timeouts'], `${place}.timeouts`) })
  })
}

/** `host:port` or `[ipv6]:port`; the port may be left out (9092). Throws CONFIG_INVALID. */
export function brokerAddress(broker: string, place = 'kafka.brokers'): BrokerAddress {
  const parts = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:/[\]]+))(?::(\d{1,5}))?$/.exec(broker)
  const host = parts?.[1] ?? parts?.[2]
  const port = Number(parts?.[3] ?? 9092)
  if (host === undefined || port < 1 || port > 65_535) {
    throw invalid(
      place,
      `\`${broker}\` is not the address of a broker`,
      'write `host:port`, or `[address]:port` for IPv6'
    )
  }
  return { host, port }
}

/** The connection library's form. */
export function connectionSettings(connection: KafkaConnection): ConnectionSettings {
  const { tls, sasl } = connection
  return {
    connectTimeout: connection.timeouts?.connectMs ?? timeoutDefaults.connectMs,
    requestTimeout: connection.timeouts?.requestMs ?? timeoutDefaults.requestMs,
    ...(tls === undefined ? {} : { tls: tlsSettings(tls), tlsServerName: tls.serverName ?? true }),
    ...(sasl === undefined ? {} : { sasl: saslSettings(sasl) })
  }
}

function tlsSettings({ ca, ...rest }: KafkaTls): NonNullable<ConnectionSettings['tls']> {
  delete rest.serverName
  if (ca === undefined) return rest
  return { ...rest, ca: typeof ca === 'string' ? ca : [...ca] }
}

function saslSettings(sasl: KafkaSasl): SASLOptions {
  if (sasl.mechanism === 'oauthbearer') return { mechanism: 'OAUTHBEARER', token: sasl.token }
  const mechanism = sasl.mechanism.toUpperCase() as 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
  return { mechanism, username: sasl.username, password: sasl.password }
}

function brokerList(input: unknown, place: string): readonly string[] {
  if (!Array.isArray(input) || input.length === 0) {
    throw invalid(place, 'at least one broker must be given', 'write a list such as [127.0.0.1:9092]')
  }
  return Object.freeze(
    input.map((entry: unknown, index) => {
      const broker = text(entry, `${place}[${index}]`)
      brokerAddress(broker, `${place}[${index}]`)
      return broker
    })
  )
}

function tls(input: unknown, place: string): Readonly<KafkaTls> {
  const entries = object(input, place, ['ca', 'cert', 'key', 'passphrase', 'serverName', 'rejectUnauthorized'])
  const result: KafkaTls = {}
  if (entries['ca'] !== undefined) {
    result.ca = Array.isArray(entries['ca'])
      ? entries['ca'].map((ca: unknown, index) => text(ca, `${place}.ca[${index}]`))
      : text(entries['ca'], `${place}.ca`)
  }
  for (const name of ['cert', 'key', 'passphrase', 'serverName'] as const) {
    if (entries[name] !== undefined) result[name] = text(entries[name], `${place}.${name}`)
  }
  if ((result.cert === undefined) !== (result.key === undefined)) {
    throw invalid(place, 'a client certificate needs both `cert` and `key`', 'give both or neither')
  }
  const reject = entries['rejectUnauthorized']
  if (reject === undefined) return Object.freeze(result)
  if (typeof reject !== 'boolean') {
    throw invalid(`${place}.rejectUnauthorized`, 'must be true or false', 'leave it out, or write true or false')
  }
  return Object.freeze({ ...result, rejectUnauthorized: reject })
}

function sasl(input: unknown, place: string): Readonly<KafkaSasl> {
  const entries = object(input, place, ['mechanism', 'username', 'password', 'token'])
  const named = typeof entries['mechanism'] === 'string' ? entries['mechanism'].toLowerCase() : undefined
  const mechanism = mechanisms.find(known => known === named)
  if (mechanism === undefined) {
    throw invalid(`${place}.mechanism`, 'is not a mechanism Tidemark knows', `write one of ${mechanisms.join(', ')}`)
  }
  if (mechanism !== 'oauthbearer') {
    const username = text(entries['username'], `${place}.username`)
    return Object.freeze({ mechanism, username, password: text(entries['password'], `${place}.password`) })
  }
  const token = entries['token']
  if (typeof token === 'function') return Object.freeze({ mechanism, token: token as () => string | Promise<string> })
  return Object.freeze({ mechanism, token: text(token, `${place}.token`) })
}

function timeouts(input: unknown, place: string): Readonly<KafkaTimeouts> {
  const entries = object(input, place, ['connectMs', 'requestMs'])
  const result: KafkaTimeouts = {}
  for (const name of ['connectMs', 'requestMs'] as const) {
    const value = entries[name]
    if (value === undefined) continue
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 100 || value > 600_000) {
      throw invalid(`${place}.${name}`, 'is not a timeout', 'write whole milliseconds from 100 to 600000')
    }
    result[name] = value
  }
  return Object.freeze(result)
}

function object(input: unknown, place: string, known: readonly string[]): Record<string, unknown> {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw invalid(place, 'must be a group of entries', `give it entries of ${known.join(', ')}`)
  }
  for (const name of Object.keys(input)) {
    if (!known.includes(name)) {
      throw invalid(`${place}.${name}`, `there is no entry \`${name}\``, `known entries are ${known.join(', ')}`)
    }
  }
  return input as Record<string, unknown>
}

function text(input: unknown, place: string): string {
  if (typeof input === 'string' && input !== '') return input
  throw invalid(place, input === undefined ? 'is missing' : 'must be a text that is not empty', 'give it a text')
}

function invalid(place: string, message: string, cure: string): TidemarkError {
  return new TidemarkError('CONFIG_INVALID', { message: `${place}: ${message}`, place, cure })
}
