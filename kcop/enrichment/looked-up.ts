import type { ColumnType, Table } from '@tidemark/schemas/table.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { NULL_LENGTH, type Tuple } from '@tidemark/schemas/tuple.ts'
import type { LookupColumn } from '../rules.ts'
import type { DerivedValue } from './expression.ts'
import type { CapturedSide, LookupTables } from './lookup-table.ts'
import { textType } from './typed-value.ts'

/** A column taken from the row that a column of this row names. Throws COLUMN_UNKNOWN, LOOKUP_INVALID. */
export function lookedUp(rule: LookupColumn, table: Table, lookups: LookupTables): DerivedValue {
  const by = table.columns.findIndex(({ name }) => name === rule.by)
  if (by < 0) {
    throw new TidemarkError('COLUMN_UNKNOWN', {
      message: `a lookup in ${rule.in} goes by column ${rule.by}, which table ${table.qualifiedName} has not`,
      cure: `use one of: ${table.columns.map(({ name }) => name).join(', ')}`
    })
  }
  const rows = lookups.get(rule.in)
  if (rows === undefined) throw invalid(`there is no lookup ${rule.in}`, known('lookup', [...lookups.keys()]))
  const column = rows.columns.indexOf(rule.take)
  if (column < 0) throw invalid(`lookup ${rule.in} has no column ${rule.take}`, known('column', rows.columns))
  const { captured } = rows
  if (captured !== undefined) requireComparable(rule, table.columns[by]!.type, captured)
  return {
    type: rows.types?.[column] ?? textType,
    uses: [by],
    changes: captured !== undefined,
    tells: captured?.hides(rule.take) === true ? `${captured.table}.${rule.take}` : undefined,
    text: found
  }

  function found(image: Tuple, isBefore = false): string | null {
    const length = image.lengths[by]!
    if (length === NULL_LENGTH) return null
    const start = image.starts[by]!
    const value = rows!.find(image.bytes.toString('utf8', start, start + length), column)
    if (value !== undefined || rule.whenMissing === 'empty') return value ?? null
    // A row may go after the one that named it (ON DELETE CASCADE): its old image is no fault.
    if (isBefore && captured !== undefined) return null
    throw new TidemarkError('ROW_UNSUITABLE', {
      message: `lookup ${rule.in} has no row for the ${rule.by} of a row of ${table.qualifiedName}`,
      cure: 'add the row, or set `whenMissing: empty`'
    })
  }
}

/** Types of which equal values have the same text. */
const textKeys: ReadonlySet<string> = new Set([
  'int2',
  'int4',
  'int8',
  'oid',
  'text',
  'uuid',
  'date',
  'boolean',
  'enum'
])
const integers: ReadonlySet<string> = new Set(['int2', 'int4', 'int8', 'oid'])

function requireComparable(rule: LookupColumn, by: ColumnType, { table, keyType }: CapturedSide): void {
  const isText = ({ kind, name }: ColumnType) => kind === 'text' && name !== 'citext' && name !== 'bpchar'
  const same = by.name === keyType.name && by.modifier === keyType.modifier
  const alike = same || (integers.has(by.kind) && integers.has(keyType.kind)) || (isText(by) && isText(keyType))
  if (textKeys.has(keyType.kind) && keyType.name !== 'citext' && alike) return
  throw invalid(
    `column ${rule.by} of type ${by.name} cannot be looked up by the key of ${table}, of type ${keyType.name}`,
    'both must be integers, texts, or of one of the types uuid, date, boolean, char(n) and enum: values are compared as text'
  )
}

function known(what: string, names: readonly string[]): string {
  return names.length === 0 ? `add the ${what}` : `use one of: ${names.join(', ')}`
}

function invalid(message: string, cure: string): TidemarkError {
  return new TidemarkError('LOOKUP_INVALID', { message, cure })
}
