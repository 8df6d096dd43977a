import type { RecordedValues } from '@tidemark/kcop/display/operation-recorder.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import type { Configuration, TableConfiguration } from '../config/configuration.ts'
import { Pseudonyms } from './pseudonyms.ts'

const textType = { oid: 25, name: 'text', kind: 'text', element: null, modifier: -1 } as const

/**
 * What a recording may hold: values that some topic open to all its readers gets as they are. A column that any rule protects
 * or drops, or that only restricted topics get, is written as a pseudonym.
 */
export function recordedValues(configuration: Configuration, secret: Buffer): RecordedValues {
  const pseudonyms = new Pseudonyms(secret)
  const open = openColumns(configuration)
  const closed = closedMembers(configuration)
  return {
    text: (table, index, text) => {
      const { name, type } = table.columns[index]!
      return open(table, name) ? text : pseudonyms.of(type, text)
    },
    message: (prefix, content) => {
      const members = closed.get(prefix) ?? []
      return members.length === 0 ? content : withoutMembers(content, members, text => pseudonyms.of(textType, text)!)
    }
  }
}

function openColumns(configuration: Configuration): (table: Table, column: string) => boolean {
  const tables = new Map(configuration.tables.map(table => [table.qualifiedName, table]))
  const outboxes = new Map(configuration.outbox.tables.map(table => [table.qualifiedName, table]))
  return (table, column) => {
    const configured = tables.get(table.qualifiedName)
    if (configured !== undefined) return isOpen(configured, table, column)
    const outbox = outboxes.get(table.qualifiedName)
    return outbox !== undefined && !isClosedBy(outbox.columns, column)
  }
}

function isOpen(configured: TableConfiguration, table: Table, column: string): boolean {
  const outputs = [configured, ...configured.also]
  if (outputs.some(({ columns }) => isClosedBy(columns, column))) return false
  const isKey = table.columns.some(({ name, key }) => name === column && key)
  return outputs.some(
    ({ readers, columns, key }) =>
      readers === null &&
      (columns.only === null || columns.only.includes(column) || (key === null ? isKey : key.includes(column)))
  )
}

type Closing = { dropped: readonly string[]; protected: readonly { column: string }[] }

function isClosedBy(columns: Closing, name: string): boolean {
  return columns.dropped.includes(name) || columns.protected.some(({ column }) => column === name)
}

function closedMembers({ outbox }: Configuration): ReadonlyMap<string, readonly string[]> {
  return new Map(
    outbox.messages.map(({ prefix, columns }) => [
      prefix,
      [...columns.dropped, ...columns.protected.map(({ column }) => column)]
    ])
  )
}

/** What is not an object cannot be looked into, and is left out as a whole. */
function withoutMembers(content: Uint8Array, members: readonly string[], standIn: (text: string) => string): Buffer {
  const object = objectOf(content)
  for (const name of members) {
    if (name in object && object[name] !== null) object[name] = standIn(JSON.stringify(object[name]))
  }
  return Buffer.from(JSON.stringify(object))
}

function objectOf(content: Uint8Array): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(content).toString())
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {}
  } catch {
    return {}
  }
}
