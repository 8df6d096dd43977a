import type { ColumnProtection, ColumnRules, HeaderRule, OutputRule, PartitionRule } from '@tidemark/kcop/rules.ts'
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
export function completeColumns(written: ColumnsFile | undefined, inherited: ColumnRules = everyColumn): ColumnRules {
  if (written === undefined) return inherited
  if (written === 'all') return everyColumn
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
        typeof rule === 'string' ? [] : [{ column, protection: completeProtection(rule) }]
      )
    ]
  }
}

/** Names in the order written. */
export function namesOf(list: readonly (string | Record<string, Written>)[]): string[] {
  return list.flatMap(item => (typeof item === 'string' ? [item] : Object.keys(item)))
}

function ownRules(written: Exclude<ColumnsFile, 'all'>): [string, Written][] {
  if (!Array.isArray(written)) return Object.entries(written)
  return written.flatMap(item => (typeof item === 'string' ? [] : Object.entries(item)))
}

function completeProtection(rule: ColumnRuleFile): ColumnProtection {
  if (rule.mask !== undefined) return { kind: 'mask', keepLast: rule.mask.keepLast, character: rule.mask.character }
  if (rule.hash !== undefined) return { kind: 'hash', salt: rule.hash.salt }
  const [kind, key] = Object.entries(rule)[0] as ['encrypt' | 'rsa' | 'deterministic' | 'tokenise', string]
  return { kind, key }
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

/** The columns of each outbox table, and the fields of logical messages; `at`: JSON pointer of the entry. */
export function outboxColumns(written: Pick<ConfigurationFile, 'outbox'>): { at: string; columns: ColumnRules }[] {
  const { message: _, ...tables } = written.outbox ?? {}
  const entries = [
    ...Object.entries(tables).map(([table, entry]) => ({
      at: `/outbox/${escapePointer(table)}`,
      entry: entry as OutboxTableFile
    })),
    ...messageEntries(written.outbox)
  ]
  return entries.map(({ at, entry }) => ({ at, columns: completeColumns(entry.columns) }))
}

/** Names of the keys an output's columns use. */
export function keysOf({ columns }: Pick<OutputRule, 'columns'>): string[] {
  return columns.protected.flatMap(({ protection }) => ('key' in protection ? [protection.key] : []))
}
