import type { ColumnProtection, ColumnRules, DerivedColumn, HeaderRule, PartitionRule } from '@tidemark/kcop/rules.ts'
import type { ConfigurationFile } from './schema.ts'
import type { OutboxTableFile } from './table-options.ts'
import { messageEntries } from './outbox-messages.ts'
import { escapePointer } from './yaml-document.ts'
import type { ColumnRuleFile, ColumnsFile, HeaderSourceFile } from './column-options.ts'

/** The rule of one column as written. */
type Written = 'drop' | 'plain' | ColumnRuleFile

const everyColumn: ColumnRules = { only: null, dropped: [], protected: [] }

/**
 * The columns of an output. `inherited`: of the table, for a further output: a protection holds there too unless the
 * entry says otherwise for the column, or `all`.
 */
export function completeColumns(
  written: ColumnsFile | undefined,
  inherited: ColumnRules = everyColumn,
  placeOf: (column: string) => string | null = () => null
): ColumnRules {
  if (written === undefined) return inherited
  const before = inherited.derived ?? []
  if (written === 'all') return { ...everyColumn, ...derivedRules(before.map(column => ({ ...column, plain: true }))) }
  const own = new Map(ownRules(written))
  return {
    only: Array.isArray(written) ? namesOf(written) : inherited.only,
    dropped: [
      ...inherited.dropped.filter(column => !own.has(column)),
      ...[...own].filter(([, rule]) => rule === 'drop').map(([column]) => column)
    ],
    protected: [
      ...inherited.protected.filter(({ column }) => !own.has(column)),
      ...[...own].flatMap(([column, rule]) =>
        typeof rule === 'string' ? [] : completeProtection(rule).map(protection => ({ column, protection }))
      )
    ],
    ...derivedRules([
      ...before
        .filter(({ name }) => !isDerivation(own.get(name)))
        .map(column => (own.get(column.name) === 'plain' ? { ...column, plain: true } : column)),
      ...[...own].flatMap(([column, rule]) => completeDerived(column, rule, placeOf))
    ])
  }
}

/** Absent rather than empty: most tables have none. */
function derivedRules(derived: readonly DerivedColumn[]): { derived?: readonly DerivedColumn[] } {
  return derived.length === 0 ? {} : { derived }
}

function isDerivation(rule: Written | undefined): boolean {
  return typeof rule === 'object' && (rule.expression !== undefined || rule.lookup !== undefined)
}

function completeDerived(name: string, rule: Written, placeOf: (column: string) => string | null): DerivedColumn[] {
  if (typeof rule === 'string' || !isDerivation(rule)) return []
  const { expression, lookup, plain = false } = rule
  const from = expression === undefined ? { lookup: { ...lookup! } } : { expression }
  return [{ name, from, plain, place: placeOf(name) }]
}

/** Names in the order written. */
export function namesOf(list: readonly (string | Record<string, Written>)[]): string[] {
  return list.flatMap(item => (typeof item === 'string' ? [item] : Object.keys(item)))
}

function ownRules(written: Exclude<ColumnsFile, 'all'>): [string, Written][] {
  if (!Array.isArray(written)) return Object.entries(written)
  return written.flatMap(item => (typeof item === 'string' ? [] : Object.entries(item)))
}

/** The one protection of a rule, or none of a derived column. */
function completeProtection(rule: ColumnRuleFile): ColumnProtection[] {
  const { expression: _, lookup: __, plain: ___, mask, hash, ...keyed } = rule
  const { encrypt } = keyed
  if (typeof encrypt === 'object') return [{ kind: 'encrypt-subject', key: encrypt.key, subject: encrypt.subject }]
  if (mask !== undefined) return [{ kind: 'mask', keepLast: mask.keepLast, character: mask.character }]
  if (hash !== undefined) return [{ kind: 'hash', salt: hash.salt }]
  return Object.entries(keyed).map(([kind, key]) => ({ kind, key }) as ColumnProtection)
}

/** JSON pointer of each column's rule below that of `columns`, and the rule. */
export function columnEntries(
  written: ColumnsFile | undefined,
  at: string
): { at: string; name: string; rule: Written }[] {
  if (written === undefined || written === 'all') return []
  const entries = Array.isArray(written)
    ? written.flatMap((item, index) => (typeof item === 'string' ? [] : below(item, `${at}/${index}`)))
    : below(written, at)
  return entries
}

/** Every column that `columns` names: with its rule, or null where it is only listed; `at`: JSON pointer. */
export function columnMentions(
  written: ColumnsFile | undefined,
  at: string
): { at: string; name: string; rule: Written | null }[] {
  if (!Array.isArray(written)) return columnEntries(written, at)
  return written.flatMap<{ at: string; name: string; rule: Written | null }>((item, index) =>
    typeof item === 'string' ? [{ at: `${at}/${index}`, name: item, rule: null }] : below(item, `${at}/${index}`)
  )
}

function below(mapping: Readonly<Record<string, Written>>, at: string) {
  return Object.entries(mapping).map(([name, rule]) => ({ at: `${at}/${escapePointer(name)}`, name, rule }))
}

export function completeHeaders(written: Readonly<Record<string, HeaderSourceFile>> | undefined): HeaderRule[] {
  return Object.entries(written ?? {}).map(([name, from]) => ({ name, from: { ...from } }))
}

export function completePartition(written: 'key' | number | { column: string } | undefined): PartitionRule {
  if (written === undefined || written === 'key') return 'key'
  return typeof written === 'number' ? { fixed: written } : { column: written.column }
}

/** Principals that may read a restricted topic; null: it is not restricted. */
export function completeReaders(written: boolean | { readers: string[] } | undefined): readonly string[] | null {
  if (written === undefined || written === false) return null
  return written === true ? [] : [...written.readers]
}

/** Each outbox table, and the logical messages of each prefix; `at`: JSON pointer of the entry. */
export function outboxEntries(written: Pick<ConfigurationFile, 'outbox'>): { at: string; entry: OutboxTableFile }[] {
  const { message: _, ...tables } = written.outbox ?? {}
  return [
    ...Object.entries(tables).map(([table, entry]) => ({
      at: `/outbox/${escapePointer(table)}`,
      entry: entry as OutboxTableFile
    })),
    ...messageEntries(written.outbox)
  ]
}
