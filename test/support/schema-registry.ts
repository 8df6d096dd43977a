import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import avsc from 'avsc'

/** How the registry behaves from now on. */
export type RegistryMode = 'well' | 'unavailable' | 'silent' | 'resetting' | 'babbling'

/** A stand-in of the Confluent Schema Registry's API for subjects, over HTTP, with BACKWARD compatibility unless told otherwise. */
export interface TestRegistry {
  url: string
  mode: RegistryMode
  /** The rule of every subject. */
  rule: 'backward' | 'none'
  /** Requests that came in, as `POST /subjects/a-value/versions`. */
  readonly requests: string[]
  /** Refuses everybody else with 401. */
  credentials: string | null
  /** Texts of the schemas of a subject, oldest first. */
  versions(subject: string): readonly string[]
  /** The schema of an id. */
  schema(id: number): string
}

/** A registry for one test, on a free port. */
export async function useSchemaRegistry(t: TestContext): Promise<TestRegistry> {
  const registry = new StandIn()
  await registry.listen()
  t.after(() => registry.close())
  return registry
}

class StandIn implements TestRegistry {
  mode: RegistryMode = 'well'
  rule: 'backward' | 'none' = 'backward'
  credentials: string | null = null
  readonly requests: string[] = []
  private readonly subjects = new Map<string, string[]>()
  /** Ids are of schemas, not of subjects, and begin with 1. */
  private readonly schemas: string[] = []
  private readonly server: Server = createServer((request, response) => void this.answer(request, response))

  listen(): Promise<void> {
    return new Promise(done => this.server.listen(0, '127.0.0.1', done))
  }

  close(): Promise<void> {
    this.server.closeAllConnections()
    return new Promise(done => this.server.close(() => done()))
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  versions(subject: string): readonly string[] {
    return this.subjects.get(subject) ?? []
  }

  schema(id: number): string {
    const schema = this.schemas[id - 1]
    if (schema === undefined) throw new RangeError(`no schema has id ${id}`)
    return schema
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests.push(`${request.method} ${decodeURIComponent(request.url!)}`)
    const text = await bodyOf(request)
    switch (this.mode) {
      case 'unavailable':
        return send(response, 503, { error_code: 50301, message: 'no leader' })
      case 'silent':
        return
      case 'resetting':
        request.socket.destroy()
        return
      case 'babbling':
        response.writeHead(200).end('<html>')
        return
      case 'well':
        return this.serve(request, response, text)
    }
  }

  private serve(request: IncomingMessage, response: ServerResponse, text: string): void {
    if (this.credentials !== null && request.headers.authorization !== this.credentials) {
      return send(response, 401, { error_code: 401, message: 'Unauthorized' })
    }
    const path = new URL(request.url!, 'http://localhost').pathname
    const subject = /^\/(?:compatibility\/)?subjects\/([^/]+)\/versions(?:\/latest)?$/.exec(path)?.[1]
    if (request.method !== 'POST' || subject === undefined) return send(response, 404, { message: 'HTTP 404' })
    const { schema } = JSON.parse(text) as { schema: string }
    const name = decodeURIComponent(subject)
    if (path.startsWith('/compatibility/')) return this.tellCompatibility(name, schema, response)
    this.register(name, schema, response)
  }

  private register(subject: string, schema: string, response: ServerResponse): void {
    const versions = this.subjects.get(subject) ?? []
    if (!versions.includes(schema)) {
      const fault = this.faultOf(schema, versions.at(-1))
      if (fault !== null) return send(response, 409, { error_code: 409, message: `incompatible: ${fault}` })
      this.subjects.set(subject, [...versions, schema])
    }
    if (!this.schemas.includes(schema)) this.schemas.push(schema)
    send(response, 200, { id: this.schemas.indexOf(schema) + 1 })
  }

  private faultOf(schema: string, before: string | undefined): string | null {
    return faultOf(schema, this.rule === 'none' ? undefined : before)
  }

  private tellCompatibility(subject: string, schema: string, response: ServerResponse): void {
    const latest = this.versions(subject).at(-1)
    if (latest === undefined) return send(response, 404, { error_code: 40401, message: 'Subject not found.' })
    const fault = this.faultOf(schema, latest)
    send(response, 200, { is_compatible: fault === null, messages: fault === null ? [] : [fault] })
  }
}

/** Why a reader with the new schema cannot read what was written with the one before. */
function faultOf(schema: string, before: string | undefined): string | null {
  try {
    const reader = avsc.Type.forSchema(JSON.parse(schema) as avsc.Schema, { wrapUnions: true })
    if (before === undefined) return null
    reader.createResolver(avsc.Type.forSchema(JSON.parse(before) as avsc.Schema, { wrapUnions: true }))
    return null
  } catch (error) {
    return (error as Error).message
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) text += chunk as string
  return text
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/vnd.schemaregistry.v1+json' }).end(JSON.stringify(body))
}
