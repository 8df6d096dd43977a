import type { MessageContent, Operation } from '@tidemark/schemas/operation.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import * as raw from './operations.ts'
import { rowTexts, type DefinedTable } from './table-definition.ts'

/** A transaction to be run: operations, or a step of a first copy. */
export type GivenTransaction =
  | {
      readonly does: 'operations'
      readonly operations: readonly Operation[]
      /** The source's transaction id; by default 1, 2, 3.. of the harness. */
      readonly id?: string
      /** ISO 8601 in UTC; by default a second after the one before, from 2024-01-01. */
      readonly commitTime?: string
      /** Microseconds since the Unix epoch, instead of `commitTime`. */
      readonly commitMicros?: number
      /** Of the commit in the source's log; by default made up. */
      readonly position?: Uint8Array
      readonly kind?: 'mirror' | 'refresh'
    }
  | { readonly does: 'refreshStart' | 'refreshEnd'; readonly table: Table }

/** Operations that were committed together, in their order. */
export function transaction(...operations: readonly Operation[]): GivenTransaction {
  return { does: 'operations', operations: operations.map(numbered) }
}

/** The same with an id and a commit time of its own. */
export function transactionOf(
  about: { id?: string; commitTime?: string },
  ...operations: readonly Operation[]
): GivenTransaction {
  return { ...about, does: 'operations', operations: operations.map(numbered) }
}

/** A first copy of a table's present rows: start, rows in chunks, end. */
export function refresh<Row extends object>(
  table: DefinedTable<Row>,
  rows: readonly Row[],
  chunkRows = 1_000
): GivenTransaction[] {
  const chunks: GivenTransaction[] = []
  for (let at = 0; at < rows.length; at += chunkRows) {
    const operations = rows.slice(at, at + chunkRows).map(row => insert(table, row))
    const id = `refresh:${table.table.qualifiedName}:${chunks.length}`
    chunks.push({ does: 'operations', id, kind: 'refresh', operations: operations.map(numbered) })
  }
  return [{ does: 'refreshStart', table: table.table }, ...chunks, { does: 'refreshEnd', table: table.table }]
}

export function insert<Row extends object>(table: DefinedTable<Row>, row: Row): Operation {
  return raw.insert(table.table, rowTexts(table, row))
}

/**
 * An update of `before`; `changes` are the columns that become otherwise. Of the row before the processor sees what the
 * server would send: all of it under `replicaIdentity: 'full'`, else the key when it changed, else nothing. A change to
 * UNCHANGED is a large value that did not change and is not sent.
 */
export function update<Row extends object>(table: DefinedTable<Row>, before: Row, changes: Partial<Row>): Operation {
  const old = rowTexts(table, before)
  const after = rowTexts(table, { ...before, ...changes })
  const { keyColumns, replicaIdentity } = table.table
  if (replicaIdentity === 'full') return raw.update(table.table, old, after)
  const movesKey = replicaIdentity === 'default' && keyColumns.some(index => old[index] !== after[index])
  return movesKey
    ? raw.update(table.table, keyOnly(table.table, old), after, true)
    : raw.update(table.table, null, after)
}

/** A delete: of the row the server sends all under `replicaIdentity: 'full'`, else the key. */
export function remove<Row extends object>(table: DefinedTable<Row>, row: Row): Operation {
  const old = rowTexts(table, row)
  const { qualifiedName, keyColumns, replicaIdentity } = table.table
  if (replicaIdentity === 'full') return raw.remove(table.table, old)
  if (replicaIdentity === 'nothing' || keyColumns.length === 0) {
    throw new TidemarkError('USAGE', {
      message: `a published table refuses deletes without a replica identity, and ${qualifiedName} has none`,
      cure: `give defineTable a key, or replicaIdentity: 'full'`
    })
  }
  return raw.remove(table.table, keyOnly(table.table, old), true)
}

export function truncate(...tables: readonly Pick<DefinedTable, 'table'>[]): Operation {
  return raw.truncate(...tables.map(({ table }) => table))
}

/** A logical message of that prefix, or a message of the queue of that name. An object is sent as JSON. */
export function message(
  prefix: string,
  content: string | Uint8Array | object,
  properties: Readonly<Record<string, string | number | boolean | Uint8Array>> = {}
): Operation {
  const isText = typeof content === 'string' || content instanceof Uint8Array
  const bytes = Buffer.from(isText ? (content as string) : JSON.stringify(content))
  const carried: MessageContent = { prefix, bytes, properties: new Map(Object.entries(properties)) }
  return { ...raw.message(prefix, ''), message: carried }
}

function keyOnly({ keyColumns }: Table, row: raw.RowTexts): raw.RowTexts {
  return row.map((text, index) => (keyColumns.includes(index) ? text : null))
}

function numbered(operation: Operation, ordinal: number): Operation {
  return { ...operation, ordinal }
}
