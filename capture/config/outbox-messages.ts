import { outboxDefaults } from '@tidemark/kcop/rules.ts'
import type { ConfigurationFile } from './schema.ts'
import type { OutboxTableFile } from './table-options.ts'
import { escapePointer } from './yaml-document.ts'

/** The logical messages of one prefix as written. */
export interface MessageEntry {
  readonly prefix: string
  readonly entry: OutboxTableFile
  /** JSON pointer. */
  readonly at: string
}

const at = '/outbox/message'

/** `outbox.message` in each of its forms: a prefix, a list of them, or a mapping of prefixes to how events are made. */
export function messageEntries(outbox: ConfigurationFile['outbox']): MessageEntry[] {
  const message = outbox?.message as string | string[] | Record<string, OutboxTableFile> | undefined
  if (message === undefined) return []
  if (typeof message === 'string') return [{ prefix: message, entry: plainEntry, at }]
  if (Array.isArray(message)) {
    return message.map((prefix, index) => ({ prefix, entry: plainEntry, at: `${at}/${index}` }))
  }
  return Object.entries(message).map(([prefix, entry]) => ({ prefix, entry, at: `${at}/${escapePointer(prefix)}` }))
}

const { timestamp: _, schemaVersion: __, additional: ___, ...defaults } = outboxDefaults
const plainEntry: OutboxTableFile = { ...defaults, additional: [], onFailure: 'stop' }
