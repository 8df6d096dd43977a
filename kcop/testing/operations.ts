import type { MessageContent, Operation, TransactionContext } from '@tidemark/schemas/operation.ts'
import type { ColumnType, Table, TypeKind } from '@tidemark/schemas/table.ts'
import { Row } from '@tidemark/schemas/row.ts'
import { NULL_LENGTH, Tuple, UNCHANGED_LENGTH } from '@tidemark/schemas/tuple.ts'

/** A column the server left out because it did not change. */
export const UNCHANGED = Symbol('unchanged')

/** Values of a row in PostgreSQL's text form, in column order. */
export type RowTexts = readonly (string | null | typeof UNCHANGED)[]

export const transaction: TransactionContext = {
  sourceId: '757',
  commitTime: 1_709_208_000_000_001,
  position: new Uint8Array(8),
  kind: 'mirror'
}

/** A column type; `int8[]` is an array of int8. */
export function columnType(kind: string): ColumnType {
  if (kind.endsWith('[]')) {
    const element = columnType(kind.slice(0, -2))
    return { oid: 1, name: `_${element.name}`, kind: 'array', element, modifier: -1 }
  }
  const known = kind === 'box' ? 'other' : (kind as TypeKind)
  return { oid: 1, name: kind, kind: known, element: null, modifier: -1 }
}

/** `columns`: name to type kind; `key`: names, by default the first column. */
export function table(
  name: string,
  columns: Readonly<Record<string, string>>,
  more: Partial<Table> & { key?: readonly string[] } = {}
): Table {
  const names = Object.keys(columns)
  const { key = names.slice(0, 1), ...given } = more
  return {
    id: idOf(name),
    schema: 'public',
    name,
    qualifiedName: `public.${name}`,
    columns: names.map(column => ({ name: column, type: columnType(columns[column]!), key: key.includes(column) })),
    keyColumns: key.map(column => names.indexOf(column)),
    replicaIdentity: 'default',
    version: 1,
    ...given
  }
}

/** The same for each version of a table, another for other names. */
function idOf(name: string): number {
  return Buffer.from(name).reduce((sum, byte) => (sum * 31 + byte) % 1_000_003, 16_384)
}

/** The tuple of a row, with bytes before it so that offsets are not all from 0. */
export function tuple(texts: RowTexts): Tuple {
  const filled = new Tuple(texts.length)
  const parts: Buffer[] = [Buffer.from('before')]
  let at = 6
  texts.forEach((value, index) => {
    const bytes = typeof value === 'string' ? Buffer.from(value) : null
    filled.starts[index] = at
    filled.lengths[index] = bytes?.length ?? (value === null ? NULL_LENGTH : UNCHANGED_LENGTH)
    if (bytes === null) return
    parts.push(bytes)
    at += bytes.length
  })
  filled.bytes = Buffer.concat([...parts, Buffer.from('behind')])
  filled.count = texts.length
  return filled
}

const blank: Operation = {
  kind: 'insert',
  table: null,
  ordinal: 3,
  transaction,
  lsnBytes: null,
  lsnStart: 0,
  before: null,
  after: null,
  oldTuple: null,
  beforeIsKeyOnly: false,
  newTuple: null,
  truncated: [],
  message: null
}

export function insert(of: Table, row: RowTexts, more: Partial<Operation> = {}): Operation {
  return { ...blank, table: of, ...imageAfter(of, row), ...more }
}

/**
 * `old`: the row before as the server sent it; `keyOnly` when it holds the identity's columns only, the others null.
 * As a source does, columns left out of the row are filled from a whole old row.
 */
export function update(of: Table, old: RowTexts | null, row: RowTexts, keyOnly = false): Operation {
  const whole = old === null || keyOnly ? row : row.map((value, index) => (value === UNCHANGED ? old[index]! : value))
  return { ...blank, kind: 'update', table: of, ...imageBefore(of, old, keyOnly), ...imageAfter(of, whole) }
}

export function remove(of: Table, old: RowTexts | null, keyOnly = false): Operation {
  return { ...blank, kind: 'delete', table: of, ...imageBefore(of, old, keyOnly) }
}

/** The same operation at a place of its own in the log. */
export function at(lsn: bigint, operation: Operation): Operation {
  const lsnBytes = Buffer.alloc(8)
  lsnBytes.writeBigUInt64BE(lsn)
  return { ...operation, lsnBytes, lsnStart: 0 }
}

function imageAfter(of: Table, row: RowTexts): Pick<Operation, 'after' | 'newTuple'> {
  const newTuple = tuple(row)
  return { newTuple, after: new Row(of, newTuple) }
}

function imageBefore(
  of: Table,
  old: RowTexts | null,
  keyOnly: boolean
): Pick<Operation, 'before' | 'oldTuple' | 'beforeIsKeyOnly'> {
  if (old === null) return { before: null, oldTuple: null, beforeIsKeyOnly: false }
  const oldTuple = tuple(old)
  const sent = [...old.keys()].filter(index => old[index] !== null)
  return { oldTuple, before: new Row(of, oldTuple, keyOnly ? { only: sent } : {}), beforeIsKeyOnly: keyOnly }
}

export function truncate(...tables: Table[]): Operation {
  return { ...blank, kind: 'truncate', table: tables.length === 1 ? tables[0]! : null, truncated: tables }
}

export function message(prefix: string, content: string): Operation {
  const carried: MessageContent = { prefix, bytes: Buffer.from(content), properties: new Map() }
  return { ...blank, kind: 'message', message: carried }
}
