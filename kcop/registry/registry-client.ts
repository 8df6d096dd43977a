import { request as httpRequest, type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'

export interface RegistryOptions {
  /** `https://registry.example.com:8081`, perhaps with a path. */
  readonly url: string
  readonly username: string | null
  readonly password: string | null
  /** A bearer token instead of user and password. */
  readonly token: string | null
  /** PEM of the authorities to trust instead of Node's own. */
  readonly ca: string | null
}

const mediaType = 'application/vnd.schemaregistry.v1+json'
const timeoutMs = 10_000
const responseBytesMax = 1_048_576
/** Shown of the registry's own words. */
const messageCharactersMax = 500

interface Answer {
  status: number
  body: Record<string, unknown>
}

/**
 * The few calls of the Confluent Schema Registry's API that a producer needs. Each throws REGISTRY_UNREACHABLE for what
 * passes by itself, REGISTRY_AUTHENTICATION, SCHEMA_INCOMPATIBLE.
 */
export class RegistryClient {
  private readonly options: RegistryOptions

  constructor(options: RegistryOptions) {
    this.options = options
  }

  /** The id of a schema under a subject, registered when it is new. */
  async register(subject: string, schema: string, signal: AbortSignal): Promise<number> {
    const { status, body } = await this.post(`/subjects/${encodeURIComponent(subject)}/versions`, schema, signal)
    if (status === 200 && isId(body['id'])) return body['id']
    if (status === 409 || status === 422) throw this.incompatible(subject, body)
    throw this.refused(status, body)
  }

  /** What speaks against registering a schema under a subject as it stands; null when nothing does. */
  async incompatibility(subject: string, schema: string, signal: AbortSignal): Promise<TidemarkError | null> {
    const path = `/compatibility/subjects/${encodeURIComponent(subject)}/versions/latest?verbose=true`
    const { status, body } = await this.post(path, schema, signal)
    if (status === 404 || (status === 200 && body['is_compatible'] === true)) return null
    if (status === 200 && body['is_compatible'] === false) {
      return this.incompatible(subject, { message: [body['messages']].flat().join('; ') })
    }
    if (status === 422) return this.incompatible(subject, body)
    throw this.refused(status, body)
  }

  private incompatible(subject: string, body: Record<string, unknown>): TidemarkError {
    return new TidemarkError('SCHEMA_INCOMPATIBLE', {
      message: `the schema registry refuses the new schema of subject ${subject}: ${wordsOf(body)}`,
      place: this.place
    })
  }

  private refused(status: number, body: Record<string, unknown>): TidemarkError {
    const message = `the schema registry at ${this.place} answered with status ${status}: ${wordsOf(body)}`
    const denied = status === 401 || status === 403
    return new TidemarkError(denied ? 'REGISTRY_AUTHENTICATION' : 'REGISTRY_UNREACHABLE', {
      message,
      place: this.place
    })
  }

  /** Without credentials, which a URL may hold. */
  private get place(): string {
    return new URL(this.options.url).origin
  }

  private async post(path: string, schema: string, signal: AbortSignal): Promise<Answer> {
    try {
      return await this.send(path, Buffer.from(JSON.stringify({ schema, schemaType: 'AVRO' })), signal)
    } catch (cause) {
      if (signal.aborted) throw signal.reason as Error
      const code = (cause as NodeJS.ErrnoException).code ?? (cause as Error).message
      const message = `the schema registry at ${this.place} does not answer: ${code}`
      throw new TidemarkError('REGISTRY_UNREACHABLE', { message, place: this.place, cause })
    }
  }

  private send(path: string, body: Buffer, signal: AbortSignal): Promise<Answer> {
    const base = new URL(this.options.url)
    const target = new URL(`${base.pathname.replace(/\/$/, '')}${path}`, base)
    return new Promise((resolve, reject) => {
      const request = start(target, this.requestOptions(body, signal), response => {
        collect(response).then(resolve, reject)
      })
      request.on('error', reject)
      request.end(body)
    })
  }

  private requestOptions(body: Buffer, signal: AbortSignal): RequestOptions & { ca?: string } {
    const { ca } = this.options
    return {
      method: 'POST',
      headers: {
        'content-type': mediaType,
        accept: `${mediaType}, application/json`,
        'content-length': body.length,
        ...this.authorization()
      },
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      ...(ca === null ? {} : { ca })
    }
  }

  private authorization(): { authorization?: string } {
    const { username, password, token } = this.options
    if (token !== null) return { authorization: `Bearer ${token}` }
    if (username === null) return {}
    return { authorization: `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}` }
  }
}

function start(target: URL, options: RequestOptions, onResponse: (response: IncomingMessage) => void): ClientRequest {
  return target.protocol === 'https:'
    ? httpsRequest(target, options, onResponse)
    : httpRequest(target, options, onResponse)
}

async function collect(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > responseBytesMax) throw new Error(`an answer of more than ${responseBytesMax} bytes`)
    chunks.push(chunk)
  }
  return { status: response.statusCode ?? 0, body: jsonOf(Buffer.concat(chunks).toString()) }
}

function jsonOf(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

function isId(id: unknown): id is number {
  return typeof id === 'number' && Number.isInteger(id) && id >= 0 && id <= 0x7fffffff
}

function wordsOf(body: Record<string, unknown>): string {
  const message = typeof body['message'] === 'string' ? body['message'] : 'no message'
  return message.replaceAll(/\s+/g, ' ').slice(0, messageCharactersMax)
}
