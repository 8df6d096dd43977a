import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { Notify } from '../notice.ts'
import type { RegistryClient } from './registry-client.ts'

const noId = -1
const retryMsFirst = 200
const retryMsMax = 30_000

/** A schema under a subject, and its id once the registry has told it. */
export interface RegisteredSchema {
  readonly subject: string
  readonly schema: string
  /** -1 until it is known. */
  readonly id: number
  /** Resolves when the id is known; rejects with what no retry mends. null: it is known. */
  readonly ready: Promise<void> | null
}

/** Resolves when the ids of all of them are known; rejects as `ready` does. null: they are known, or there is none. */
export function untilKnown(...entries: (RegisteredSchema | null)[]): Promise<void> | null {
  const waits = entries.map(entry => entry?.ready ?? null).filter(wait => wait !== null)
  if (waits.length === 0) return null
  const all = Promise.all(waits).then(() => {})
  // Whoever asks waits for it; a rules' check does not.
  all.catch(() => {})
  return all
}

export interface SchemaRegistryOptions {
  client: Pick<RegistryClient, 'register'>
  /** Resolves after `ms`; rejects when the signal is aborted. */
  delay(ms: number, signal: AbortSignal): Promise<void>
  notify: Notify
}

/**
 * Ids of schemas, each asked for once and kept. While the registry does not answer, what is known goes on and what is new
 * waits: it is asked for again and again, and told.
 */
export class SchemaRegistry {
  private readonly options: SchemaRegistryOptions
  private readonly known = new Map<string, Entry>()
  private readonly closing = new AbortController()

  constructor(options: SchemaRegistryOptions) {
    this.options = options
  }

  /** Begins to register a schema that is not known. */
  entry(subject: string, schema: string): RegisteredSchema {
    const key = `${subject}\n${schema}`
    const present = this.known.get(key)
    if (present !== undefined) return present
    const entry = new Entry(subject, schema)
    this.known.set(key, entry)
    entry.ready = this.register(entry).catch((error: unknown) => {
      // Asked for again when the agent starts again: the registry's compatibility rule may have been changed.
      this.known.delete(key)
      throw error
    })
    entry.ready.catch(() => {})
    return entry
  }

  /** Stops asking; what still waits rejects. */
  close(): void {
    this.closing.abort()
  }

  private async register(entry: Entry): Promise<void> {
    const { signal } = this.closing
    for (let attempt = 1; ; attempt++) {
      try {
        entry.id = await this.options.client.register(entry.subject, entry.schema, signal)
        entry.ready = null
        if (attempt > 1) this.tell('warn', `subject ${entry.subject} is registered: going on`, attempt)
        return
      } catch (error) {
        if (!isTidemarkError(error, 'REGISTRY_UNREACHABLE')) throw error
        // At the 1st, 2nd, 4th, 8th.. attempt.
        if ((attempt & (attempt - 1)) === 0) {
          this.tell('error', `${error.message}; held until subject ${entry.subject} is registered`, attempt)
        }
        await this.options.delay(Math.min(retryMsMax, retryMsFirst * 2 ** (attempt - 1)), signal)
      }
    }
  }

  private tell(level: 'warn' | 'error', message: string, count: number): void {
    this.options.notify({ level, message, count })
  }
}

class Entry implements RegisteredSchema {
  readonly subject: string
  readonly schema: string
  id = noId
  ready: Promise<void> | null = null

  constructor(subject: string, schema: string) {
    this.subject = subject
    this.schema = schema
  }
}
