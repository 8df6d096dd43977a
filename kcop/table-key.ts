import type { Table } from '@tidemark/schemas/table.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { NULL_LENGTH, UNCHANGED_LENGTH, type Tuple } from '@tidemark/schemas/tuple.ts'
import type { OutputRule } from './rules.ts'

/**
 * Indexes of the record key's columns. Throws COLUMN_UNKNOWN for a key column the table has not, ROW_UNSUITABLE when
 * changes of a key column could not be seen, TABLE_WITHOUT_KEY when there is no key and deletes need one.
 */
export function keyColumnsOf(table: Table, rule: OutputRule): readonly number[] {
  const key = rule.key === null ? table.keyColumns : rule.key.map(name => columnIndex(table, name))
  const tellsDeletes = rule.deletes !== 'none' && !rule.format.startsWith('audit')
  if (key.length === 0 && tellsDeletes) throw withoutKey(table)
  if (tellsDeletes && table.replicaIdentity !== 'full') requireIdentity(table, key)
  return key
}

function columnIndex(table: Table, name: string): number {
  const index = table.columns.findIndex(column => column.name === name)
  if (index >= 0) return index
  throw new TidemarkError('COLUMN_UNKNOWN', {
    message: `the key of ${table.qualifiedName} names column ${name}, which the table has not`,
    cure: `use columns of the table: ${table.columns.map(column => column.name).join(', ')}`
  })
}

/** Without the old value of a key column neither its change nor a delete could be told under the right key. */
function requireIdentity(table: Table, key: readonly number[]): void {
  const outside = key.filter(index => !table.columns[index]!.key && !table.keyColumns.includes(index))
  if (outside.length === 0) return
  const names = outside.map(index => table.columns[index]!.name).join(', ')
  throw new TidemarkError('ROW_UNSUITABLE', {
    message: `key column ${names} of ${table.qualifiedName} is not in its replica identity: its old value is not sent`,
    cure: `ALTER TABLE ${table.qualifiedName} REPLICA IDENTITY FULL, or \`deletes: none\``
  })
}

function withoutKey(table: Table): TidemarkError {
  return new TidemarkError('TABLE_WITHOUT_KEY', {
    message: `table ${table.qualifiedName} has no key: its updates and deletes cannot be told apart by record key`,
    cure: `add a primary key, name key columns (\`key: [..]\`) with REPLICA IDENTITY FULL, or set \`deletes: none\``
  })
}

/** Whether the key columns differ between two images; one left out as unchanged has not changed. */
export function keyDiffers(key: readonly number[], before: Tuple, after: Tuple): boolean {
  for (let position = 0; position < key.length; position++) {
    const index = key[position]!
    if (after.lengths[index] !== UNCHANGED_LENGTH && !sameColumn(before, after, index)) return true
  }
  return false
}

function sameColumn(left: Tuple, right: Tuple, index: number): boolean {
  const length = left.lengths[index]!
  if (length !== right.lengths[index]) return false
  const from = left.starts[index]!
  const other = right.starts[index]!
  for (let at = 0; at < length; at++) if (left.bytes[from + at] !== right.bytes[other + at]) return false
  return true
}

/**
 * In an image of identity columns only, a null key column is one the server did not send: identity columns are never
 * null. Throws ROW_UNSUITABLE.
 */
export function requireKeyOf(table: Table, key: readonly number[], image: Tuple): void {
  for (let position = 0; position < key.length; position++) {
    if (image.lengths[key[position]!] === NULL_LENGTH) throw oldKeyNotSent(table)
  }
}

export function oldKeyNotSent(table: Table): TidemarkError {
  return new TidemarkError('ROW_UNSUITABLE', {
    message: `the old row of an operation on ${table.qualifiedName} came without its key columns`,
    cure: `ALTER TABLE ${table.qualifiedName} REPLICA IDENTITY FULL`
  })
}
